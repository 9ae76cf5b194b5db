//! The upload consumer: creates the invoice in Omnium, attaches its PDF, completes the sync record.
//!
//! It hears `invoice.rendered.v1`, which carries the PDF, so it cannot act without it.

mod failure;
mod omniums;
mod settings;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Reason, Subject};
use consumer::{
    Consumer, NO_RECORD, Probe, Seen, Shared, UNKNOWN_TENANT, Wanted, WrongSetting, of_store, rehearse,
    rendered_key, take_turn, tenant,
};
use events::{About, InvoiceRendered, ReceiptSettled, Target, Uid};
use omnium::{Allowance, Alone, Call, CallError, Omnium};
use sync_store::{Key, SyncStore};
use tenants::{Tenant, TenantSettings};
use uuid::Uuid;

pub use failure::{INVOICE_MISSING, OMNIUM_FORBIDDEN, OMNIUM_REJECTED};
pub use omniums::Omniums;
pub use settings::{OmniumConnection, OmniumSettings};

use crate::upload::Upload;

const TARGET: Target = Target::new("omnium");

/// How long a message of a tenant that was switched off waits between looks, where the retry queues allow it.
const SWITCHED_OFF: Duration = Duration::from_secs(600);

/// The upload stage.
pub struct UploadConsumer {
    store: Arc<dyn SyncStore>,
    omniums: Omniums,
    settings: OmniumSettings,
    dry_run: bool,
}

impl Consumer for UploadConsumer {
    const NAME: &'static str = "upload";
    const ABOUT: &'static str = "Creates the invoice in Omnium and attaches the PDF";
    const TARGET: Option<Target> = Some(TARGET);
    const REASONS: &'static [Reason] =
        &[OMNIUM_REJECTED, OMNIUM_FORBIDDEN, INVOICE_MISSING, NO_RECORD, UNKNOWN_TENANT];
    type Settings = OmniumSettings;

    fn know(settings: &mut OmniumSettings, tenants: &TenantSettings) {
        settings.tenants = tenants.tenants.clone();
    }

    fn hears(_: &OmniumSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, rendered_key(&TARGET))]
    }

    /// The first rule of the sync: nothing is sent unless it is switched on.
    fn off(settings: &OmniumSettings) -> Option<&'static str> {
        match settings.tenants {
            _ if settings.is_on() => None,
            None => Some("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false"),
            Some(_) => Some(
                "no tenant sends: OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false, and send in BILAG_TENANTS",
            ),
        }
    }

    /// A tenant that nobody knows may want it: its receipt is recorded, and waits for a person.
    fn wants(settings: &OmniumSettings, receipt: &ReceiptSettled) -> Wanted {
        match tenant(settings.tenants.as_ref(), &receipt.tenant.uid) {
            Ok(tenant) if !settings.sends(tenant) => Wanted::SwitchedOff,
            _ => Wanted::Yes,
        }
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(events::decode::<InvoiceRendered>(body)?.about()))
    }

    fn start(settings: &OmniumSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        Ok(Self {
            store: shared.store(),
            omniums: settings.omniums(&shared.allowance())?,
            settings: settings.clone(),
            dry_run: shared.dry_run,
        })
    }

    fn probe(settings: &OmniumSettings) -> Result<Option<Probe>, WrongSetting> {
        let alone: Arc<dyn Allowance> = Arc::new(Alone::default());
        let omniums = settings.omniums(&alone)?;
        Ok(Some(Probe::new("Omnium", async move {
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
            Ok(Seen::well("the token is given, and invoices may be read"))
        })))
    }
}

impl Handler for UploadConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event: InvoiceRendered =
            events::decode(&message.body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        let whose = tenant(self.settings.tenants.as_ref(), &event.tenant)?;
        let omnium = self.omniums.of(&event.tenant).filter(|_| self.settings.sends(whose));
        let Some(omnium) = omnium else {
            // What waits here is on its way: it is not to be sent on again as if it were lost.
            let key = Key::new(&*event.tenant, &*event.invoice.id);
            self.store.touch(&key, event.target.as_str()).await.map_err(of_store)?;
            return Err(Failure::Wait {
                at_least: SWITCHED_OFF,
                error: "the tenant does not send now".into(),
            });
        };
        if self.dry_run {
            let would = would(omnium, whose, &event);
            return rehearse(self.store.as_ref(), &event, omnium.longest_call(), would).await;
        }
        let key = Key::new(&*event.tenant, &*event.invoice.id);
        let target = event.target.clone();
        let owner = Uuid::new_v4().to_string();
        let longest_call = omnium.longest_call();
        match take_turn(self.store.as_ref(), &key, target.as_str(), &owner, longest_call).await? {
            Some(record) => {
                let target = target.as_str();
                let may_be_forgotten = self.settings.may_be_forgotten(&event.invoice.delivery_date);
                let upload = Upload {
                    store: self.store.as_ref(),
                    omnium,
                    whose,
                    key: &key,
                    target,
                    owner: &owner,
                    may_be_forgotten,
                    event,
                };
                upload.run(record.state).await?;
                Ok(Outcome::Done(Vec::new()))
            }
            None => Ok(Outcome::AlreadyDone),
        }
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
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
