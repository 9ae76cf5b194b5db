//! The write-back consumer: gives Akinon's OMS the number, the date and the PDF of the invoice of a
//! package, so that it can be printed there.
//!
//! It hears `invoice.rendered.v1` of receipts with a package, which carries the PDF, so it cannot act
//! without it.

mod settings;

use std::sync::Arc;

use akinon::{Oms, PackageInvoice};
use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Reason, Subject};
use consumer::{
    Consumer, Delivered, Probe, Refusals, Seen, Shared, Wanted, WrongSetting, deliver, failure, of_store,
    rehearse, rendered_key,
};
use events::{About, InvoiceRendered, Package, ReceiptSettled, Target};
use sync_store::{Key, PackageKey, SyncStore};

pub use settings::OmsSettings;

/// The OMS understood the command and does not take it.
pub const OMS_REJECTED: Reason =
    Reason::new("oms_rejected", "mend what the OMS's answer names, then redrive the dead letter");
/// The OMS does not let this package through, while it lets others.
pub const OMS_FORBIDDEN: Reason = Reason::new(
    "oms_forbidden",
    "look the package up in the OMS: its number, its state, and what the token may do; then redrive the dead letter",
);

const TARGET: Target = Target::new("package");

/// The write-back stage.
pub struct WritebackConsumer {
    store: Arc<dyn SyncStore>,
    oms: Oms,
    oms_id: String,
    dry_run: bool,
}

impl Consumer for WritebackConsumer {
    const NAME: &'static str = "writeback";
    const ABOUT: &'static str = "Gives the OMS the invoice of a package";
    const TARGET: Option<Target> = Some(TARGET);
    const REASONS: &'static [Reason] = &[OMS_REJECTED, OMS_FORBIDDEN];
    type Settings = OmsSettings;

    fn hears(_: &OmsSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, rendered_key(&TARGET))]
    }

    fn off(settings: &OmsSettings) -> Option<&'static str> {
        settings.base_url().is_none().then_some("OMS_BASE_URL is not set")
    }

    fn wants(settings: &OmsSettings, receipt: &ReceiptSettled) -> Wanted {
        match (&receipt.package, settings.base_url()) {
            (None, _) => Wanted::Never,
            (Some(_), None) => Wanted::SwitchedOff,
            (Some(_), Some(_)) => Wanted::Yes,
        }
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        let event: InvoiceRendered = events::decode(body)?;
        event.package.as_ref().ok_or(NoPackage)?;
        Ok(Some(event.about()))
    }

    fn start(settings: &OmsSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        let (store, oms_id) = (shared.store(), shared.oms.clone());
        Ok(Self { store, oms: settings.client()?, oms_id, dry_run: shared.dry_run })
    }

    fn probe(settings: &OmsSettings) -> Result<Option<Probe>, WrongSetting> {
        let oms = settings.client()?;
        let look = async move { Ok(Seen::options(oms.reach().await?, "OMS_BASE_URL")) };
        Ok(Some(Probe::new("Akinon's OMS", look)))
    }
}

/// The event is for a package, and names none.
#[derive(Debug, thiserror::Error)]
#[error("at package: expected the package that the invoice is for")]
struct NoPackage;

impl Handler for WritebackConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event: InvoiceRendered =
            events::decode(&message.body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        let package =
            event.package.as_ref().ok_or_else(|| Failure::reject(Reason::INVALID_EVENT, NoPackage))?;
        if self.dry_run {
            let would = async { Ok("would write back") };
            return rehearse(self.store.as_ref(), &event, self.oms.longest_call(), would).await;
        }
        let invoice = PackageInvoice {
            package_id: package.id,
            number: &event.invoice.invoice_number,
            date: event.invoice.invoice_date.as_str(),
            document: &event.pdf.content.0,
        };
        let refusals = Refusals { rejected: OMS_REJECTED, forbidden: OMS_FORBIDDEN };
        let call = async {
            if self.is_superseded(&event, package).await? {
                tracing::info!(package = package.id, voucher = %event.invoice.invoice_number,
                    "not written back: the package has a later invoice");
                return Ok(Delivered::NotWanted);
            }
            let updated = self.oms.update_invoice(&invoice).await;
            updated
                .map(|()| Delivered::Yes)
                .map_err(|error| failure("the OMS does not have the package's invoice", refusals, error))
        };
        deliver(self.store.as_ref(), &event, self.oms.longest_call(), call).await
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

impl WritebackConsumer {
    /// Whether the package was packed again with other contents and has a later invoice: an earlier
    /// one that comes late must not replace it.
    async fn is_superseded(&self, event: &InvoiceRendered, package: &Package) -> Result<bool, Failure> {
        let key = PackageKey { oms: self.oms_id.clone(), package_id: package.id };
        let receipt = Key::new(&*event.tenant, &*event.invoice.id);
        self.store.is_superseded(&key, &receipt).await.map_err(of_store)
    }
}
