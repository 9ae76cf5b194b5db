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

use amqp::{Failure, Outcome, Reason};
use consumer::{
    Acceptance, Delivered, EventHandler, Input, Probe, Refusals, Seen, SettingError, Stage, StageSettings,
    deliver, failure, rehearse,
};
use events::{InvoiceRendered, ReceiptSettled, Target};
use sync_store::RecordStore;
use tenants::TenantSettings;

pub use client::{Erp, ErpConfig};
pub use settings::ErpSettings;

/// The ERP understood the invoice and does not take it.
pub const ERP_REJECTED: Reason =
    Reason::new("erp_rejected", "correct what the ERP's answer names, then redrive the dead letter");
/// The ERP forbids it, while it lets others through.
pub const ERP_FORBIDDEN: Reason = Reason::new(
    "erp_forbidden",
    "grant Bilag the missing permission in the ERP, then redrive the dead letter",
);

const TARGET: Target = Target::new("erp");

impl StageSettings for ErpSettings {
    fn stage(&self, _: &TenantSettings) -> Stage {
        let (accepting, probing, handling) = (self.clone(), self.clone(), self.clone());
        Stage::new("erp", "Delivers the invoices of packages to the ERP")
            .target(TARGET)
            .reasons(&[ERP_REJECTED, ERP_FORBIDDEN])
            .disabled(self.url().is_none().then_some("ERP_INVOICE_URL is not set"))
            .accepts(move |receipt| accepts(&accepting, receipt))
            .probe(move || probe(&probing))
            .handler(move |context| {
                let (store, dry_run) = (context.store(), context.dry_run);
                Ok(Deliver { store, erp: handling.client()?, dry_run })
            })
    }
}

/// The invoices of packages. Those of tills reach the ERP by the tills' own way.
fn accepts(settings: &ErpSettings, receipt: &ReceiptSettled) -> Acceptance {
    match settings.url() {
        Some(_) if receipt.package.is_some() => Acceptance::Yes,
        _ => Acceptance::Never,
    }
}

fn probe(settings: &ErpSettings) -> Result<Probe, SettingError> {
    let erp = settings.client()?;
    Ok(Probe::new("the ERP", async move { Ok(Seen::options(erp.reach().await?, "ERP_INVOICE_URL")) }))
}

/// Delivers rendered invoices to the ERP.
struct Deliver {
    store: Arc<dyn RecordStore>,
    erp: Erp,
    dry_run: bool,
}

impl EventHandler for Deliver {
    type Event = InvoiceRendered;

    async fn handle(
        &self,
        Input { event, message, .. }: Input<'_, InvoiceRendered>,
    ) -> Result<Outcome, Failure> {
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
}
