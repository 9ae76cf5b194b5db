//! The write-back consumer: gives Akinon's OMS the number, the date and the PDF of the invoice of a
//! package, so that it can be printed there.
//!
//! It consumes `invoice.rendered.v1` of receipts with a package, which carries the PDF, so it cannot act
//! without it.

mod settings;

use std::sync::Arc;

use akinon::{Oms, PackageInvoice};
use amqp::{Failure, Outcome, Reason};
use consumer::{
    Acceptance, Delivered, Event, EventHandler, Input, Probe, ReadError, Refusals, Seen, SettingError, Stage,
    StageSettings, deliver, failure, of_store, rehearse,
};
use events::{About, InvoiceRendered, Package, ReceiptSettled, Target};
use sync_store::{Key, PackageKey, PackageStore, RecordStore};
use tenants::TenantSettings;

pub use settings::OmsSettings;

/// The OMS understood the command and does not take it.
pub const OMS_REJECTED: Reason =
    Reason::new("oms_rejected", "correct what the OMS's answer names, then redrive the dead letter");
/// The OMS does not let this package through, while it lets others.
pub const OMS_FORBIDDEN: Reason = Reason::new(
    "oms_forbidden",
    "check the package in the OMS: its number, its state and the token's permissions; then redrive the dead letter",
);

const TARGET: Target = Target::new("package");

impl StageSettings for OmsSettings {
    fn stage(&self, _: &TenantSettings) -> Stage {
        let (accepting, probing, handling) = (self.clone(), self.clone(), self.clone());
        Stage::new("writeback", "Gives the OMS the invoice of a package")
            .target(TARGET)
            .reasons(&[OMS_REJECTED, OMS_FORBIDDEN])
            .disabled(self.base_url().is_none().then_some("OMS_BASE_URL is not set"))
            .accepts(move |receipt| accepts(&accepting, receipt))
            .probe(move || probe(&probing))
            .handler(move |context| {
                Ok(WriteBack {
                    records: context.store(),
                    packages: context.store(),
                    oms: handling.client()?,
                    oms_id: context.oms.clone(),
                    dry_run: context.dry_run,
                })
            })
    }
}

fn accepts(settings: &OmsSettings, receipt: &ReceiptSettled) -> Acceptance {
    match (&receipt.package, settings.base_url()) {
        (None, _) => Acceptance::Never,
        (Some(_), None) => Acceptance::Disabled,
        (Some(_), Some(_)) => Acceptance::Yes,
    }
}

fn probe(settings: &OmsSettings) -> Result<Probe, SettingError> {
    let oms = settings.client()?;
    let package = settings.check_package();
    Ok(Probe::new("Akinon's OMS", async move {
        let seen = Seen::options(oms.reach().await?, "OMS_BASE_URL");
        let Some(package) = package else { return Ok(seen) };
        let (commands, name) = (oms.commands(package).await?, oms.command_name());
        if !commands.iter().any(|command| command == name) {
            return Err(UnknownCommand { package, name: name.to_owned(), commands }.into());
        }
        Ok(Seen { found: format!("{}; package {package} takes the command {name}", seen.found), ..seen })
    }))
}

/// The configured command is none of a package's.
#[derive(Debug, thiserror::Error)]
#[error(
    "package {package} of Akinon's OMS takes no command {name}; set OMS_INVOICE_SLUG to one of its own ({}), or \
     OMS_CHECK_PACKAGE to a packed package", .commands.join(", ")
)]
struct UnknownCommand {
    package: u64,
    name: String,
    commands: Vec<String>,
}

/// The rendered invoice of a package.
struct PackageRendered {
    rendered: InvoiceRendered,
    package: Package,
}

impl Event for PackageRendered {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        let rendered = InvoiceRendered::read(body)?;
        let expected = "the package that the invoice is for";
        let package = rendered.package.clone().ok_or(ReadError::Missing { path: "package", expected })?;
        Ok(Self { rendered, package })
    }

    fn about(&self) -> Option<About> {
        Some(self.rendered.about())
    }
}

/// Writes rendered invoices back to the OMS.
struct WriteBack {
    records: Arc<dyn RecordStore>,
    packages: Arc<dyn PackageStore>,
    oms: Oms,
    oms_id: String,
    dry_run: bool,
}

impl EventHandler for WriteBack {
    type Event = PackageRendered;

    async fn handle(&self, Input { event, .. }: Input<'_, PackageRendered>) -> Result<Outcome, Failure> {
        let PackageRendered { rendered, package } = event;
        if self.dry_run {
            let would = async { Ok("would write back") };
            return rehearse(self.records.as_ref(), &rendered, self.oms.longest_call(), would).await;
        }
        let invoice = PackageInvoice {
            package_id: package.id,
            number: &rendered.invoice.invoice_number,
            date: rendered.invoice.invoice_date.as_str(),
            document: &rendered.pdf.content.0,
        };
        let refusals = Refusals { rejected: OMS_REJECTED, forbidden: OMS_FORBIDDEN };
        let call = async {
            if self.is_superseded(&rendered, &package).await? {
                tracing::info!(package = package.id, voucher = %rendered.invoice.invoice_number,
                    "not written back: the package has a later invoice");
                return Ok(Delivered::NotWanted);
            }
            let updated = self.oms.update_invoice(&invoice).await;
            updated
                .map(|()| Delivered::Yes)
                .map_err(|error| failure("the OMS does not have the package's invoice", refusals, error))
        };
        deliver(self.records.as_ref(), &rendered, self.oms.longest_call(), call).await
    }
}

impl WriteBack {
    /// Whether the package was packed again with other contents and has a later invoice: an earlier
    /// one that comes late must not replace it.
    async fn is_superseded(&self, event: &InvoiceRendered, package: &Package) -> Result<bool, Failure> {
        let key = PackageKey { oms: self.oms_id.clone(), package_id: package.id };
        let receipt = Key::new(&*event.tenant, &*event.invoice.id);
        self.packages.is_superseded(&key, &receipt).await.map_err(of_store)
    }
}
