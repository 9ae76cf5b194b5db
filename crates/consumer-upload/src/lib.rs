//! The upload consumer: creates the invoice in Omnium, attaches its PDF, completes the sync record.
//!
//! It hears `invoice.rendered.v1`, which carries the PDF, so it cannot act without it.

mod failure;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use amqp::{Failure, Handler, Message, Outcome, Reason, Subject};
use chrono::Utc;
use events::InvoiceRendered;
use omnium::Omnium;
use sync_store::{Key, Lease, SyncStore};
use uuid::Uuid;

pub use failure::{INVOICE_MISSING, NO_RECORD, OMNIUM_FORBIDDEN, OMNIUM_REJECTED};

use crate::failure::NoRecord;
use crate::upload::Upload;

/// The upload stage.
pub struct UploadConsumer {
    /// Where the records are.
    pub store: Arc<dyn SyncStore>,
    /// The client of Omnium's API.
    pub omnium: Omnium,
}

/// How much later than its client gave up a call may still take effect, and how far reads may lag
/// behind writes.
const MARGIN: Duration = Duration::from_secs(5);

impl UploadConsumer {
    /// A lease outlives every call that is made under it: whoever takes over meets its effects.
    fn lease_ttl(&self) -> Duration {
        self.omnium.longest_call() + MARGIN
    }
}

impl Handler for UploadConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let event: InvoiceRendered =
            events::decode(&message.body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        let key = Key::new(&*event.tenant, &*event.invoice.id);
        let target = event.target.as_str();
        let owner = Uuid::new_v4().to_string();
        let lease = self.store.lease(&key, target, &owner, self.lease_ttl()).await;
        match lease.map_err(Failure::unreached)? {
            Lease::Granted(record) => {
                let upload = Upload { consumer: self, key: &key, target, owner: &owner, event };
                upload.run(record.state).await?;
                Ok(Outcome::Done(Vec::new()))
            }
            Lease::Complete(_) | Lease::Skipped => Ok(Outcome::AlreadyDone),
            Lease::Held { until } => {
                let at_least = (until - Utc::now()).to_std().unwrap_or_default();
                Err(Failure::Wait { at_least, error: "another handler is at this receipt".into() })
            }
            Lease::NoRecord => Err(Failure::Retry {
                reason: NO_RECORD,
                error: NoRecord { key, store: self.store.describe() }.into(),
            }),
        }
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}
