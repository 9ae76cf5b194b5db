//! The upload consumer: creates the invoice in Omnium, attaches its PDF, completes the sync record.
//!
//! It consumes `invoice.rendered.v1`, which carries the PDF, so it cannot act without it.

mod failure;
mod omniums;
mod settings;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use amqp::{BoxError, BulkheadLimits, Failure, Message, Outcome, Reason};
use consumer::{
    Acceptance, EventHandler, Input, LeaseGuard, NO_RECORD, Probe, Seen, SettingError, Stage, StageSettings,
    UNKNOWN_TENANT, of_store, rehearse, store_scope, tenant,
};
use events::{InvoiceRendered, ReceiptSettled, Target, Uid};
use omnium::{Allowance, Alone, Call, CallError, Omnium};
use sync_store::{Key, RecordStore};
use tenants::{Tenant, TenantSettings};

pub use failure::{INVOICE_MISSING, OMNIUM_FORBIDDEN, OMNIUM_REJECTED};
pub use omniums::{Omniums, TestLabel};
pub use settings::{OmniumConnection, OmniumSettings};

const TARGET: Target = Target::new("omnium");

/// How long a message of a tenant that was switched off waits before it is tried again, where the retry queues allow it.
const SWITCHED_OFF: Duration = Duration::from_secs(600);

const REASONS: &[Reason] = &[OMNIUM_REJECTED, OMNIUM_FORBIDDEN, INVOICE_MISSING, NO_RECORD, UNKNOWN_TENANT];

/// Omnium takes about 100 requests a second of one API user, two for each receipt. A tenant is slow beyond the
/// wait for Omnium's own limit: 32 in flight in each of four processes, at 50 receipts a second, are 2.6
/// seconds.
const BULKHEADS: BulkheadLimits =
    BulkheadLimits { slow_after: Duration::from_secs(3), returns_per_second: 20.0 };

impl StageSettings for OmniumSettings {
    fn stage(&self, tenants: &TenantSettings) -> Stage {
        let settings = Arc::new(self.with_tenants(tenants));
        let (accepting, probing, handling) = (settings.clone(), settings.clone(), settings.clone());
        Stage::new("upload", "Creates the invoice in Omnium and attaches the PDF")
            .target(TARGET)
            .reasons(REASONS)
            .disabled(settings.disabled_reason())
            .accepts(move |receipt| accepts(&accepting, receipt))
            .probe(move || probe(&probing))
            .handler(move |context| {
                Ok(Upload {
                    store: context.store(),
                    omniums: handling.omniums(&context.allowance())?,
                    settings: handling.clone(),
                    dry_run: context.dry_run,
                })
            })
    }
}

/// A tenant that nobody knows may want it: its receipt is recorded, and waits for a person.
fn accepts(settings: &OmniumSettings, receipt: &ReceiptSettled) -> Acceptance {
    match tenant(settings.tenants.as_ref(), &receipt.tenant.uid) {
        Ok(tenant) if !settings.sends(tenant) => Acceptance::Disabled,
        _ => Acceptance::Yes,
    }
}

fn probe(settings: &OmniumSettings) -> Result<Probe, SettingError> {
    let alone: Arc<dyn Allowance> = Arc::new(Alone::default());
    let omniums = settings.omniums(&alone)?;
    let label = settings.test_label(settings.tenants.as_ref());
    Ok(Probe::new("Omnium", async move {
        let nobodys = Uid::new("bilag-doctor").expect("it is a uid");
        for (whose, omnium) in omniums.each() {
            let looked = omnium.find_invoice(&nobodys).await;
            looked.map_err(|source| -> BoxError {
                match whose {
                    Some(tenant) => OfTenant { tenant: tenant.to_owned(), source }.into(),
                    None => source.into(),
                }
            })?;
        }
        Ok(seen(label))
    }))
}

/// What the doctor says of Omnium's environment. Some tenants alone in a test environment may be a mistake.
fn seen(label: Option<TestLabel>) -> Seen {
    const FOUND: &str = "a token is granted, and invoices are readable";
    const SOME: &str = "not all receipts go to the same environment: check base-url in BILAG_TENANTS";
    let Some(TestLabel { text, is_of_all }) = label else { return Seen::well(FOUND) };
    let warning = (!is_of_all).then(|| SOME.to_owned());
    Seen { found: format!("{text}: {FOUND}"), warning }
}

/// Uploads rendered invoices to Omnium.
struct Upload {
    store: Arc<dyn RecordStore>,
    omniums: Omniums,
    settings: Arc<OmniumSettings>,
    dry_run: bool,
}

impl EventHandler for Upload {
    type Event = InvoiceRendered;

    async fn handle(&self, Input { event, .. }: Input<'_, InvoiceRendered>) -> Result<Outcome, Failure> {
        let whose = tenant(self.settings.tenants.as_ref(), &event.tenant)?;
        let store = self.store.as_ref();
        let omnium = self.omniums.of(&event.tenant).filter(|_| self.settings.sends(whose));
        let Some(omnium) = omnium else {
            // What waits here is on its way: it is not to be sent on again as if it were lost.
            let key = Key::new(&*event.tenant, &*event.invoice.id);
            store.touch(&key, event.target.as_str()).await.map_err(of_store)?;
            return Err(Failure::Wait {
                at_least: SWITCHED_OFF,
                error: "the tenant does not send now".into(),
            });
        };
        if self.dry_run {
            let would = would(omnium, whose, &event);
            return rehearse(store, &event, omnium.longest_call(), would).await;
        }
        let Some((lease, state)) = LeaseGuard::take(store, &event, omnium.longest_call()).await? else {
            return Ok(Outcome::AlreadyDone);
        };
        let may_be_forgotten = self.settings.may_be_forgotten(&event.invoice.delivery_date);
        upload::Upload { lease, omnium, whose, may_be_forgotten, event }.run(state).await?;
        Ok(Outcome::Done(Vec::new()))
    }

    fn bulkheads(&self) -> Option<BulkheadLimits> {
        self.settings.tenants.is_some().then_some(BULKHEADS)
    }

    /// Each tenant's messages go the way to Omnium by themselves.
    fn bulkhead(&self, message: &Message) -> Option<String> {
        let tenants = self.settings.tenants.as_ref()?;
        let uid = match message.header_text(amqp::header_names::TENANT) {
            Some(uid) => uid,
            None => events::decoded::<InvoiceRendered>(&message.body)?.tenant.to_string(),
        };
        tenants.find(&uid).map(Tenant::name).map(str::to_owned)
    }

    /// Omnium's API user may lack the right on one store or its market.
    fn scope(&self, message: &Message) -> Option<String> {
        let event = events::decoded::<InvoiceRendered>(&message.body)?;
        Some(store_scope(&event.tenant, &event.invoice.store_id))
    }
}

/// Whose Omnium it is that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("tenant {tenant}")]
struct OfTenant {
    tenant: String,
    #[source]
    source: CallError,
}

/// What would be done with the invoice. Omnium is only read from.
async fn would(
    omnium: &Omnium,
    whose: Option<&Tenant>,
    event: &InvoiceRendered,
) -> Result<&'static str, Failure> {
    let found = omnium.find_invoice(&event.invoice.id).await;
    match found.map_err(|error| failure::of(whose, Call::Find, error))? {
        None => Ok("would create"),
        Some(invoice) if invoice.has_file(&event.pdf.file_name) => Ok("would replace"),
        // A call whose answer did not come may have made it: it must not be left behind as skipped.
        Some(_) => Err(Failure::Wait {
            at_least: SWITCHED_OFF,
            error: "the invoice is in Omnium WITHOUT its file: it was begun before this dry run, and is finished after it"
                .into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doctor_tells_the_environment_and_warns_if_tenants_differ() {
        const SOME: &str = "not all receipts go to the same environment: check base-url in BILAG_TENANTS";
        for (label, found, warning) in [
            (None, "a token is granted, and invoices are readable", None),
            (Some(("TEST", true)), "TEST: a token is granted, and invoices are readable", None),
            (
                Some(("TEST (tenant 7)", false)),
                "TEST (tenant 7): a token is granted, and invoices are readable",
                Some(SOME),
            ),
        ] {
            let label = label.map(|(text, is_of_all)| TestLabel { text: text.to_owned(), is_of_all });
            let seen = seen(label);
            assert_eq!((&*seen.found, seen.warning.as_deref()), (found, warning));
        }
    }
}
