//! The packed consumer: consumes Akinon's package events, and asks the invoice service for the invoice of
//! what was packed, or the credit note of what was packed for refund. Where the service answers with the receipt, it emits `receipt.settled.v1`; where it takes
//! the request, the receipt comes over the bus later.

mod answer;
mod overdue;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use akinon::{Asked, InvoiceService};
use amqp::{BoxError, Exchange, Failure, Outcome, Reason, Subject};
use bytes::Bytes;
use consumer::{
    Event, EventHandler, Input, MARGIN, Probe, ReadError, Reconcile, Refusals, Seen, SettingError, Stage,
    StageSettings, TRANSFORM_FAILED, failure, limit_size, lost, of_store, package_subject,
};
use events::{
    About, InvoiceRequest, InvoiceRequestType, PackageEvent, PackageStatus, ReceiptSettledType, RequestedType,
};
use sync_store::{Ask, Asking, PackageKey, PackageStore, Packing, Step};
use tenants::TenantSettings;
use transform::Makes;
use uuid::Uuid;

pub use overdue::again;
pub use settings::PackedSettings;

/// The invoice service does not make this invoice.
pub const INVOICE_REFUSED: Reason = Reason::new(
    "invoice_refused",
    "correct what the invoice service's answer names, there or in the OMS, then redrive the dead letter",
);
/// The invoice service does not let this request through, while it lets others.
pub const INVOICE_FORBIDDEN: Reason = Reason::new(
    "invoice_forbidden",
    "ask the operators of the invoice service why they reject this package, then redrive the dead letter",
);
/// The invoice service answered with a receipt that cannot be used.
pub const INVALID_ANSWER: Reason = Reason::new(
    "invalid_answer",
    "report the error to the operators of the invoice service; once its answer is correct, redrive the dead letter",
);

/// Names the stage.
pub(crate) const NAME: &str = "packed";

impl StageSettings for PackedSettings {
    fn stage(&self, _: &TenantSettings) -> Stage {
        let (probing, handling, overdue_after) = (self.clone(), self.clone(), self.overdue_after());
        let stage = Stage::new(NAME, "Asks the invoice service for the invoice of a packed package");
        let stage =
            self.packed_keys.iter().fold(stage, |stage, key| stage.bind(Exchange::Bus, key.to_string()));
        stage
            .emits(&[ReceiptSettledType::NAME])
            .records_packages()
            .reasons(&[INVOICE_REFUSED, INVOICE_FORBIDDEN, INVALID_ANSWER, TRANSFORM_FAILED])
            .not_in_a_dry_run("BILAG_DRY_RUN: its requests have invoices made")
            .disabled(self.url().is_none().then_some("INVOICE_SERVICE_URL is not set"))
            .probe(move || probe(&probing))
            .background(move |context| {
                let overdue = overdue::Overdue { store: context.store(), overdue_after };
                Reconcile::new(context, overdue).run(context.reconcile_every)
            })
            .handler(move |context| {
                let (store, oms) = (context.store(), context.oms.clone());
                Ok(AskForInvoice { store, service: handling.client()?, overdue_after, oms })
            })
    }
}

fn probe(settings: &PackedSettings) -> Result<Probe, SettingError> {
    let service = settings.client()?;
    let look = async move { Ok(Seen::options(service.reach().await?, "INVOICE_SERVICE_URL")) };
    Ok(Probe::new("the invoice service", look))
}

/// A package event, where it says that the package was packed, and what is wanted for it.
struct Packed(Option<(PackageEvent, PackageStatus)>);

impl Event for Packed {
    const MADE_BY: &'static [Makes] = &[Makes::Packed, Makes::PackedForRefund];

    fn read(body: &[u8]) -> Result<Self, ReadError> {
        limit_size(body)?;
        Ok(Self(match events::package_status(body)? {
            PackageStatus::Other => None,
            status => Some((events::decode(body)?, status)),
        }))
    }

    fn about(&self) -> Option<About> {
        self.0.as_ref().map(|(event, _)| event.about())
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        let about = Self::read(body)?.about();
        Ok(Some(about.ok_or("it says of no package that it was packed: this stage would pass it over")?))
    }

    fn unknown_members(body: &[u8]) -> Vec<String> {
        let mut unknown = events::unknown_members::<PackageEvent>(body).unwrap_or_default();
        // The invoice service gets the package as it came.
        unknown.retain(|member| !member.starts_with("payload."));
        unknown
    }
}

/// Asks the invoice service for the invoices of packed packages.
struct AskForInvoice {
    store: Arc<dyn PackageStore>,
    service: InvoiceService,
    overdue_after: Duration,
    oms: String,
}

impl EventHandler for AskForInvoice {
    type Event = Packed;

    async fn handle(
        &self,
        Input { event: Packed(event), body, message }: Input<'_, Packed>,
    ) -> Result<Outcome, Failure> {
        let Some((PackageEvent { event, payload }, status)) = event else { return Ok(Outcome::PassedOver) };
        let key = PackageKey { oms: self.oms.clone(), package_id: payload.id };
        let owner = Uuid::new_v4().to_string();
        let traceparent = message.header_text(amqp::header_names::TRACEPARENT);
        let packing = Packing {
            key: &key,
            number: &payload.number,
            event_uuid: &event.uuid,
            fingerprint: &payload.fingerprint(&status),
            body: &body,
            traceparent: traceparent.as_deref(),
        };
        let ask = Ask {
            owner: &owner,
            ttl: self.service.longest_call() + MARGIN,
            overdue_after: self.overdue_after,
            redriven: message.was_dead(),
            // Found out before: to ask counts as received, and what was received before begins no round.
            renew: self.may_be_renewed(&packing).await?,
        };
        match self.store.ask(&packing, &ask).await.map_err(of_store)? {
            Asking::Granted { round, asked_times } => {
                let asked = self.ask(&packing, &status, round, asked_times, &owner).await;
                // The next one need not wait for the lease; 202 has ended it already. Where this
                // fails, it runs out by itself.
                if let Err(error) = self.store.release_package(&key, round, &owner).await {
                    tracing::debug!(package = %key, %error, "the lease is left to run out");
                }
                asked
            }
            Asking::Held { left } => Err(Failure::Wait {
                at_least: left,
                error: "another handler is asking for this package".into(),
            }),
            known @ (Asking::Asked | Asking::Issued(_) | Asking::Superseded | Asking::Dead) => {
                tracing::debug!(package = %key, ?known, "received again; nothing to do");
                Ok(Outcome::AlreadyDone)
            }
        }
    }

    fn subject(&self, body: &[u8]) -> Option<Subject> {
        Some(package_subject(&self.oms, events::package_id(body)?))
    }
}

impl AskForInvoice {
    /// Whether a packing may be asked for anew although its content has a dead letter: the service
    /// refused, so that there is no invoice, and the package has been mended since.
    async fn may_be_renewed(&self, packing: &Packing<'_>) -> Result<bool, Failure> {
        let rounds = self.store.package(packing.key).await.map_err(of_store)?;
        let Some(newest) = rounds.first() else { return Ok(false) };
        let refused = newest.death.as_ref().is_some_and(|death| death.reason == INVOICE_REFUSED.as_str());
        Ok(refused && !events::same_package(&self.body(packing, newest.round).await?, packing.body))
    }

    /// The first event of the packing: a key that is used for two requests must stand for the same.
    async fn body(&self, packing: &Packing<'_>, round: u32) -> Result<Vec<u8>, Failure> {
        let body = self.store.packing_body(packing.key, round).await.map_err(of_store)?;
        Ok(body.unwrap_or_else(|| packing.body.to_vec()))
    }

    async fn ask(
        &self,
        packing: &Packing<'_>,
        status: &PackageStatus,
        round: u32,
        asked_times: u32,
        owner: &str,
    ) -> Result<Outcome, Failure> {
        // The same for every repeat, also from a store that was lost and filled anew.
        let idempotency_key = format!("{}/{round}", packing.key);
        let request = match asked_times {
            // This event began the round.
            0 => self.request(&idempotency_key, status, packing.body)?,
            _ => self.request(&idempotency_key, status, &self.body(packing, round).await?)?,
        };
        let refusals = Refusals { rejected: INVOICE_REFUSED, forbidden: INVOICE_FORBIDDEN };
        let asked = self.service.ask(&idempotency_key, request).await;
        let doing = "the package has no invoice";
        match asked.map_err(|error| failure(doing, refusals, error))? {
            Asked::Receipt(body) => {
                let receipt = answer::receipt(&body, packing, status)
                    .map_err(|error| Failure::reject(INVALID_ANSWER, error))?;
                tracing::info!(package = %packing.key, receipt = %receipt.order_receipt.uid, "the package has its invoice");
                Ok(Outcome::Done(vec![answer::settled(&receipt)?]))
            }
            Asked::Accepted => match self.store.asked(packing.key, round, owner).await.map_err(of_store)? {
                Step::Taken => {
                    tracing::info!(package = %packing.key, round, "asked; the receipt comes over the bus");
                    Ok(Outcome::Done(Vec::new()))
                }
                Step::Lost => Err(lost()),
            },
        }
    }

    fn request(&self, idempotency_key: &str, status: &PackageStatus, body: &[u8]) -> Result<Bytes, Failure> {
        let package = events::raw_package(body)
            .ok_or_else(|| Failure::reject(Reason::UNDECODABLE, "the package cannot be read"))?;
        let kind = InvoiceRequestType::V1;
        let order_type = (*status == PackageStatus::PackedForRefund).then_some(RequestedType::Return);
        let request =
            InvoiceRequest { kind, id: idempotency_key, oms: &self.oms, order_type, package: &package };
        let json = serde_json::to_vec(&request);
        json.map(Bytes::from).map_err(|error| Failure::reject(Reason::UNSERIALIZABLE, error))
    }
}
