//! The ERP consumer: delivers the invoices of packages, with their PDF, to the ERP that keeps the
//! books, where others made them.
//!
//! It consumes `invoice.rendered.v1` and passes it on as it is: `schemas/erp.openapi.json`.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use consumer_erp::{Erp, ErpConfig};
//!
//! # async fn example(event: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! let erp = Erp::new(ErpConfig {
//!     url: "https://erp.example/invoices".to_owned(),
//!     authorization: None,
//!     max_concurrent: 8,
//!     timeout: Duration::from_secs(10),
//! })?;
//! erp.deliver("31/r-1", event).await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod settings;

use std::sync::Arc;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Reason, Subject};
use consumer::{
    Consumer, Delivered, Probe, Refusals, Seen, Shared, Wanted, WrongSetting, deliver, failure, rehearse,
    rendered_key,
};
use events::{About, InvoiceRendered, ReceiptSettled, Target};
use sync_store::SyncStore;

pub use client::{Erp, ErpConfig};
pub use settings::ErpSettings;

/// The ERP understood the invoice and does not take it.
pub const ERP_REJECTED: Reason =
    Reason::new("erp_rejected", "mend what the ERP's answer names, then redrive the dead letter");
/// The ERP forbids it, while it lets others through.
pub const ERP_FORBIDDEN: Reason = Reason::new(
    "erp_forbidden",
    "give Bilag the right in the ERP that it lacks, then redrive the dead letter",
);

const TARGET: Target = Target::new("erp");

/// The ERP stage.
pub struct ErpConsumer {
    store: Arc<dyn SyncStore>,
    erp: Erp,
    dry_run: bool,
}

impl Consumer for ErpConsumer {
    const NAME: &'static str = "erp";
    const ABOUT: &'static str = "Delivers the invoices of packages to the ERP";
    const TARGET: Option<Target> = Some(TARGET);
    const REASONS: &'static [Reason] = &[ERP_REJECTED, ERP_FORBIDDEN];
    type Settings = ErpSettings;

    fn hears(_: &ErpSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, rendered_key(&TARGET))]
    }

    fn off(settings: &ErpSettings) -> Option<&'static str> {
        settings.url().is_none().then_some("ERP_INVOICE_URL is not set")
    }

    /// The invoices of packages. Those of tills reach the ERP by the tills' own way.
    fn wants(settings: &ErpSettings, receipt: &ReceiptSettled) -> Wanted {
        match settings.url() {
            Some(_) if receipt.package.is_some() => Wanted::Yes,
            _ => Wanted::Never,
        }
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(events::decode::<InvoiceRendered>(body)?.about()))
    }

    fn start(settings: &ErpSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        Ok(Self { store: shared.store(), erp: settings.client()?, dry_run: shared.dry_run })
    }

    fn probe(settings: &ErpSettings) -> Result<Option<Probe>, WrongSetting> {
        let erp = settings.client()?;
        Ok(Some(Probe::new(
            "the ERP",
            async move { Ok(Seen::options(erp.reach().await?, "ERP_INVOICE_URL")) },
        )))
    }
}

impl Handler for ErpConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event: InvoiceRendered =
            events::decode(&message.body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        if self.dry_run {
            let would = async { Ok("would deliver") };
            return rehearse(self.store.as_ref(), &event, self.erp.longest_call(), would).await;
        }
        let refusals = Refusals { rejected: ERP_REJECTED, forbidden: ERP_FORBIDDEN };
        let call = async {
            let delivered = self.erp.deliver(&event.id, message.body.clone()).await;
            delivered
                .map(|()| Delivered::Yes)
                .map_err(|error| failure("the ERP does not have the invoice", refusals, error))
        };
        deliver(self.store.as_ref(), &event, self.erp.longest_call(), call).await
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}
