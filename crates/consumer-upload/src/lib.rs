//! The upload consumer: creates the invoice in Omnium, attaches its PDF, completes the sync record.
//!
//! It hears `invoice.rendered.v1`, which carries the PDF, so it cannot act without it.

mod failure;
mod settings;
mod upload;

use std::sync::Arc;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Reason, Subject};
use consumer::{Consumer, NO_RECORD, Probe, Shared, Wanted, WrongSetting, rehearse, rendered_key, take_turn};
use events::{About, InvoiceRendered, ReceiptSettled, Target, Uid};
use omnium::{Call, Omnium};
use sync_store::{Key, SyncStore};
use uuid::Uuid;

pub use failure::{INVOICE_MISSING, OMNIUM_FORBIDDEN, OMNIUM_REJECTED};
pub use settings::{OmniumConnection, OmniumSettings};

use crate::upload::Upload;

const TARGET: Target = Target::new("omnium");

/// The upload stage.
pub struct UploadConsumer {
    store: Arc<dyn SyncStore>,
    omnium: Omnium,
    dry_run: bool,
}

impl Consumer for UploadConsumer {
    const NAME: &'static str = "upload";
    const ABOUT: &'static str = "Creates the invoice in Omnium and attaches the PDF";
    const TARGET: Option<Target> = Some(TARGET);
    const REASONS: &'static [Reason] = &[OMNIUM_REJECTED, OMNIUM_FORBIDDEN, INVOICE_MISSING, NO_RECORD];
    type Settings = OmniumSettings;

    fn hears(_: &OmniumSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, rendered_key(&TARGET))]
    }

    /// The first rule of the sync: nothing is sent unless it is switched on.
    fn off(settings: &OmniumSettings) -> Option<&'static str> {
        (!settings.is_on()).then_some("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false")
    }

    fn wants(settings: &OmniumSettings, _: &ReceiptSettled) -> Wanted {
        if settings.is_on() { Wanted::Yes } else { Wanted::SwitchedOff }
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(events::decode::<InvoiceRendered>(body)?.about()))
    }

    fn start(settings: &OmniumSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        Ok(Self { store: shared.store(), omnium: settings.client()?, dry_run: shared.dry_run })
    }

    fn probe(settings: &OmniumSettings) -> Result<Option<Probe>, WrongSetting> {
        let omnium = settings.client()?;
        Ok(Some(Probe::new("Omnium", async move {
            let nobodys = Uid::new("bilag-doctor").expect("it is a uid");
            omnium.find_invoice(&nobodys).await?;
            Ok("the token is given, and invoices may be read".to_owned())
        })))
    }
}

impl Handler for UploadConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event: InvoiceRendered =
            events::decode(&message.body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        if self.dry_run {
            let would = self.would(&event);
            return rehearse(self.store.as_ref(), &event, self.omnium.longest_call(), would).await;
        }
        let key = Key::new(&*event.tenant, &*event.invoice.id);
        let target = event.target.clone();
        let owner = Uuid::new_v4().to_string();
        let longest_call = self.omnium.longest_call();
        match take_turn(self.store.as_ref(), &key, target.as_str(), &owner, longest_call).await? {
            Some(record) => {
                let target = target.as_str();
                let upload = Upload { consumer: self, key: &key, target, owner: &owner, event };
                upload.run(record.state).await?;
                Ok(Outcome::Done(Vec::new()))
            }
            None => Ok(Outcome::AlreadyDone),
        }
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

impl UploadConsumer {
    /// What would be done with the invoice. Omnium is only read from.
    async fn would(&self, event: &InvoiceRendered) -> Result<&'static str, Failure> {
        let found = self.omnium.find_invoice(&event.invoice.id).await;
        match found.map_err(|error| failure::of(Call::Find, error))? {
            None => Ok("would create"),
            Some(_) => Ok("would replace"),
        }
    }
}
