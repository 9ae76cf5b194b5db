//! The receipt consumer: hears that a receipt was settled, opens its sync records, maps its invoice,
//! and emits `invoice.ready.v1` for every target that wants it.

mod cycle;
mod earlier;
mod package;
mod settings;

use std::sync::Arc;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Outgoing, Reason, Subject};
use chrono::Utc;
use consumer::{
    Consumer, Cycle, ReadError, Shared, UNKNOWN_TENANT, Wanted, Wish, WrongSetting, of_store, plain_body,
    read_plain, tenant,
};
use events::{About, InvoiceReady, InvoiceReadyType, ReceiptSettled, ReceiptSettledType, Target, Timestamp};
use sync_store::{Key, NewReceipt, Opened, State, SyncStore};
use tenants::{Tenant, TenantSettings, Tenants, Zones};

pub use cycle::Stranded;
pub use package::{OTHER_PACKAGE, SECOND_RECEIPT};
pub use settings::ReceiptSettings;

/// Heard before with different content.
pub const CONFLICTING_RECEIPT: Reason =
    Reason::new("conflicting_receipt", "compare both at the till; the one heard first stays as it is");

/// The receipt stage.
pub struct ReceiptConsumer {
    store: Arc<dyn SyncStore>,
    wishes: Vec<Wish>,
    property_prefix: String,
    tenants: Option<Tenants>,
    zones: Zones,
    oms: String,
}

impl Consumer for ReceiptConsumer {
    const NAME: &'static str = "receipt";
    const ABOUT: &'static str = "Hears settled receipts, opens their records, maps their invoice";
    const EMITS: &'static [&'static str] = &[InvoiceReadyType::NAME];
    const REASONS: &'static [Reason] = &[CONFLICTING_RECEIPT, SECOND_RECEIPT, OTHER_PACKAGE, UNKNOWN_TENANT];
    type Settings = ReceiptSettings;

    fn know(settings: &mut ReceiptSettings, tenants: &TenantSettings) {
        settings.tenants = tenants.tenants.clone();
        settings.zones = tenants.zones();
    }

    fn hears(settings: &ReceiptSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        let from_the_bus = settings.receipt_keys.iter().map(|key| (Exchange::Bus, key.to_string()));
        let asked_for_by_the_chain = (Exchange::Events, ReceiptSettledType::NAME.to_owned());
        from_the_bus.chain([asked_for_by_the_chain]).collect()
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(read_plain(body, settled)?.about()))
    }

    fn start(settings: &ReceiptSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        tokio::spawn(earlier::fill(shared.store(), settings.zones.clone()));
        Ok(Self {
            store: shared.store(),
            wishes: shared.wishes.clone(),
            property_prefix: settings.omnium_property_prefix.clone(),
            tenants: settings.tenants.clone(),
            zones: settings.zones.clone(),
            oms: shared.oms.clone(),
        })
    }

    fn cycle(settings: &ReceiptSettings, shared: &Shared) -> Option<Box<dyn Cycle>> {
        let (targets, tenants) = (shared.targets.clone(), settings.tenants.clone());
        Some(Box::new(Stranded { store: shared.store(), targets, tenants }))
    }
}

/// The receipt was heard before with other contents.
#[derive(Debug, thiserror::Error)]
#[error(
    "receipt {0} was heard before with different content, and receipts never change: find out which one is right at the till; the first one stays as it is"
)]
struct Conflict(Key);

impl Handler for ReceiptConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let body = plain_body(message)?;
        let event = settled(&body)?;
        let key = Key::new(&*event.tenant.uid, &*event.order_receipt.uid);
        self.may_have_package(&event, &key).await?;
        let receipt = &event.order_receipt;
        let traceparent = message.header_text(amqp::header_names::TRACEPARENT);
        let fingerprint = event.fingerprint();
        let particulars = report::particulars(&event, self.zones.of(&event.tenant.uid));
        let new = NewReceipt {
            key: &key,
            voucher_number: &receipt.voucher_number,
            order_number: &receipt.order.order_number,
            store_uid: &receipt.order.store.uid,
            currency: &event.tenant.country.currency,
            amount: receipt.amount().get(),
            fingerprint: &fingerprint,
            body: &body,
            traceparent: traceparent.as_deref(),
            particulars: Some(&particulars),
        };
        let mut targets = Vec::new();
        let mut anything_new = false;
        for Wish { target, wants } in &self.wishes {
            let wanted = match wants(&event) {
                Wanted::Never => continue,
                wanted => wanted == Wanted::Yes,
            };
            match self.open(&event, &new, target, wanted).await? {
                Opened::New if !wanted => anything_new = true,
                Opened::New | Opened::Again(State::Pending | State::InvoiceCreated | State::Attaching) => {
                    targets.push(target.clone());
                }
                // Its own dead letter, sent on again, is what brings a dead record back.
                Opened::Again(State::Dead) if message.was_dead() => targets.push(target.clone()),
                Opened::Again(state) => tracing::debug!(receipt = %key, %target, %state, "heard again"),
                Opened::Differs { .. } => return Err(Failure::reject(CONFLICTING_RECEIPT, Conflict(key))),
            }
        }
        self.issue_package(&event, &key).await?;
        if targets.is_empty() {
            tracing::debug!(receipt = %key, "no target wants it now");
            return Ok(if anything_new { Outcome::Done(Vec::new()) } else { Outcome::AlreadyDone });
        }
        // Recorded by now, so that a person finds it, and counts it.
        let tenant = tenant(self.tenants.as_ref(), &event.tenant.uid)?;
        Ok(Outcome::Done(vec![self.ready(event, targets, tenant)?]))
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        let (tenant, receipt) = events::receipt_uid(&plain_body(message).ok()?)?;
        Some(Subject::Receipt { tenant: tenant.to_string(), receipt: receipt.to_string() })
    }
}

/// A receipt that holds together.
fn settled(body: &[u8]) -> Result<ReceiptSettled, ReadError> {
    let event: ReceiptSettled = events::decode(body)?;
    event.check()?;
    Ok(event)
}

impl ReceiptConsumer {
    /// Opens the record. A receipt kept by an earlier version, which read fewer members, has another
    /// fingerprint; it is the same receipt where this version reads the same from both.
    async fn open(
        &self,
        event: &ReceiptSettled,
        new: &NewReceipt<'_>,
        target: &Target,
        wanted: bool,
    ) -> Result<Opened, Failure> {
        let opened = self.store.open(new, target.as_str(), wanted).await.map_err(of_store)?;
        if let Opened::Differs { body, fingerprint } = &opened
            && events::decoded::<ReceiptSettled>(body).is_some_and(|kept| kept.same_content(event))
        {
            let kept = NewReceipt { fingerprint, ..*new };
            return self.store.open(&kept, target.as_str(), wanted).await.map_err(of_store);
        }
        Ok(opened)
    }

    fn ready(
        &self,
        receipt: ReceiptSettled,
        targets: Vec<Target>,
        whose: Option<&Tenant>,
    ) -> Result<Outgoing, Failure> {
        let (tenant, uid) = (receipt.tenant.uid.clone(), receipt.order_receipt.uid.clone());
        let prefix = whose.and_then(|tenant| tenant.prefix.as_ref()).unwrap_or(&self.property_prefix);
        let invoice = invoice::map(&receipt, prefix);
        let identity = [InvoiceReadyType::NAME, &*tenant, &*uid];
        let event = InvoiceReady {
            id: format!("{tenant}/{uid}"),
            kind: InvoiceReadyType::V1,
            occurred_at: Timestamp::from_utc(Utc::now()),
            targets,
            receipt,
            invoice,
        };
        let body =
            serde_json::to_vec(&event).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        let name = InvoiceReadyType::NAME;
        Ok(Outgoing::event(name, name.to_owned(), &identity, body).about(&tenant, &uid))
    }
}
