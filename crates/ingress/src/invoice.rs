//! Requests of Akinon's OMS for the invoice of a packed package: Bilag is the `remote_url` of its setting
//! `remote_invoice_call`.
//!
//! Akinon documents that the OMS calls this URL with basic authentication once a package is packed or shipped. What it
//! sends and what it expects back is in no document that could be found. All that was assumed is in this file, and is
//! to be confirmed with Akinon:
//!
//! - the body is the package, as in the webhook's `payload`, or the whole webhook;
//! - a request that is repeated has the same body;
//! - 200 with number and date of the invoice is the invoice; 202 says that it comes later, by the command
//!   that writes invoices back.

use std::sync::Arc;
use std::time::Duration;

use config::Secret;
use events::{PackageEvent, PackageStatus, ReceiptSettled};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sync_store::{PackageKey, StoreError, SyncStore};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::event::PACKAGES;

/// Between looks for the invoice.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The answer with an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Answer<'a> {
    invoice_number: &'a str,
    invoice_date: &'a str,
    currency: &'a str,
}

/// A request, as the event that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackedRequest {
    /// Event type and routing key.
    pub(crate) kind: String,
    /// The same for a repeat.
    pub(crate) id: String,
    /// The event.
    pub(crate) body: Vec<u8>,
    /// What identifies its invoice; `None` if the event turns out invalid, and will be a dead letter.
    pub(crate) package: Option<RequestedPackage>,
}

/// The package's id, and the fingerprint of what is invoiced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedPackage {
    id: u64,
    fingerprint: String,
}

/// What the body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Of a package whose invoice or credit note is wanted.
    Packed(PackedRequest),
    /// Of a package in another state.
    Other,
    /// Not a JSON object.
    NotAnObject,
}

impl Request {
    /// Reads a request.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Some(members) = object(body) else { return Self::NotAnObject };
        let (kind, id, body) = if members.contains_key("event") && members.contains_key("payload") {
            let named = events::named(body).unwrap_or_default();
            // Whatever else the body is, the OMS publishes packages alone.
            let kind = named.kind.filter(|kind| PACKAGES.contains(&kind.as_str()));
            let kind = kind.unwrap_or_else(|| PACKED.to_owned());
            (kind, named.id.unwrap_or_else(|| identity(body)), body.to_vec())
        } else {
            let (kind, id) = (kind(body), identity(body));
            let head = format!(r#"{{"event":{{"type":"{kind}","uuid":"{id}"}},"payload":"#);
            (kind.to_owned(), id, [head.as_bytes(), body, b"}"].concat())
        };
        let package = match events::package_status(&body) {
            Ok(PackageStatus::Other) => return Self::Other,
            Ok(status) => requested(&body, &status),
            Err(_) => None,
        };
        Self::Packed(PackedRequest { kind, id, body, package })
    }
}

const PACKED: &str = "package.status.packed";
const PACKED_FOR_REFUND: &str = "package.status.packed_for_refund";
/// Of a package in any state.
const TRANSITIONED: &str = "package.status.transitioned";

/// A package without an event was packed, unless its state says otherwise: a cancelled one gets no invoice.
fn kind(package: &[u8]) -> &'static str {
    #[derive(Deserialize)]
    struct Package {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        enum_value: events::StatusCode,
    }
    match serde_json::from_slice::<Package>(package) {
        Ok(package) if package.state.enum_value == events::StatusCode::new(1100) => PACKED_FOR_REFUND,
        Ok(package) if package.state.enum_value != events::StatusCode::new(500) => TRANSITIONED,
        _ => PACKED,
    }
}

fn object(body: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    serde_json::from_slice(body).ok()
}

/// The same request is the same event.
fn identity(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn requested(body: &[u8], status: &PackageStatus) -> Option<RequestedPackage> {
    let PackageEvent { payload, .. } = events::decode(body).ok()?;
    Some(RequestedPackage { id: payload.id, fingerprint: payload.fingerprint(status) })
}

/// Where invoices of packages are looked for, so that a request is answered with its invoice.
#[derive(Debug)]
pub struct Invoices {
    /// The consumers' store (`BILAG_DATABASE_URL`). Opened at the first request: webhooks do without it.
    pub store: Secret,
    /// Names the OMS (`OMS_ID`).
    pub oms: String,
    /// For so long.
    pub wait: Duration,
}

/// An opened [`Invoices`].
pub(crate) struct Lookup {
    invoices: Invoices,
    store: OnceCell<Arc<dyn SyncStore>>,
}

impl Lookup {
    pub(crate) fn new(invoices: Invoices) -> Self {
        Self { invoices, store: OnceCell::new() }
    }

    pub(crate) fn wait(&self) -> Duration {
        self.invoices.wait
    }

    /// The answer, once the receipt of the package is there; `None` if it is not in time.
    pub(crate) async fn answer(&self, package: &RequestedPackage) -> Result<Option<String>, StoreError> {
        let store =
            self.store.get_or_try_init(|| sync_store::connect_to_existing(&self.invoices.store)).await?;
        let key = PackageKey::new(self.invoices.oms.clone(), package.id);
        let until = Instant::now() + self.invoices.wait;
        loop {
            let rounds = store.package(&key).await?;
            let is_of = |fingerprint: &String| *fingerprint == package.fingerprint;
            let receipt = rounds
                .into_iter()
                .find(|round| round.fingerprint.as_ref().is_some_and(is_of))
                .and_then(|round| round.receipt);
            if let Some(receipt) = receipt
                && let Some(receipt) = store.receipt(&receipt).await?
                && let Ok(receipt) = events::decode::<ReceiptSettled>(&receipt.body)
            {
                return Ok(Some(answer(&receipt)));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

fn answer(receipt: &ReceiptSettled) -> String {
    let answer = Answer {
        invoice_number: &receipt.order_receipt.voucher_number,
        invoice_date: receipt.order_receipt.created_at.as_str(),
        currency: &receipt.tenant.country.currency,
    };
    serde_json::to_string(&answer).expect("texts always become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: &str = r#"{"id":73,"number":"000000073","order_number":"1","packageitem_set":[{"sku":"A","quantity":1}],"state":{"enum_value":"500"}}"#;

    fn packed(body: &str) -> PackedRequest {
        match Request::read(body.as_bytes()) {
            Request::Packed(request) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bare_package_becomes_the_event_of_its_state() {
        let request = packed(PACKAGE);
        assert_eq!(request.kind, PACKED);
        let event: PackageEvent = events::decode(&request.body).expect("an event");
        assert_eq!((&*event.event.kind, &*event.event.uuid), (PACKED, &*request.id));
        let package = request.package.clone().expect("a package");
        assert_eq!((package.id, &package.fingerprint), (73, &event.payload.content_fingerprint()));
        assert_eq!(packed(PACKAGE), request, "a repeat is the same event");

        let refund = packed(&PACKAGE.replace("500", "1100"));
        assert_eq!(refund.kind, PACKED_FOR_REFUND);
        assert_ne!(refund.id, request.id);
        assert_ne!(refund.package.expect("a package").fingerprint, package.fingerprint);
    }

    #[test]
    fn whole_webhook_is_published_as_received() {
        let webhook =
            format!(r#"{{"event":{{"type":"package.status.packed","uuid":"u-1"}},"payload":{PACKAGE}}}"#);
        let request = packed(&webhook);
        assert_eq!((&*request.id, &*request.body), ("u-1", webhook.as_bytes()));
        assert_eq!(request.package, packed(PACKAGE).package);
    }

    #[test]
    fn invalid_package_is_published_and_other_states_are_not() {
        assert_eq!(packed(r#"{"id":"seventy-three"}"#).package, None);
        let receipt = r#"{"type":"receipt.settled.v1","event":{},"payload":{}}"#;
        assert_eq!(packed(receipt).kind, PACKED, "no other event can be published");
        let cancelled = PACKAGE.replace("500", "100");
        assert_eq!(Request::read(cancelled.as_bytes()), Request::Other, "a bare package of another state");
        let shipped = r#"{"event":{"type":"package.status.shipped","uuid":"u"},"payload":{}}"#;
        assert_eq!(Request::read(shipped.as_bytes()), Request::Other);
        for body in ["", "[]", "7", "{"] {
            assert_eq!(Request::read(body.as_bytes()), Request::NotAnObject, "{body}");
        }
    }
}
