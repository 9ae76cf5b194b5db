//! The lease of a receipt's record at a target: one handler at a time acts, and writes down before each call
//! what may happen next.

use std::time::Duration;

use amqp::Failure;
use events::{InvoiceRendered, Target};
use sync_store::{Attach, Key, Lease, RecordStore, State, Step, StoreError};
use uuid::Uuid;

use crate::failure::{NO_RECORD, NoRecord, of_store};

/// How much later than it arrived a request may take effect, and how far reads may lag behind writes. A
/// lease lasts so much longer than anything of a call that is made under it may still arrive.
pub const MARGIN: Duration = Duration::from_secs(5);

/// The lease of a record. Where its holder fails it is given back or runs out by itself, so dropping it is
/// always safe.
pub struct LeaseGuard<'a> {
    store: &'a dyn RecordStore,
    key: Key,
    target: Target,
    owner: String,
    longest_call: Duration,
}

impl<'a> LeaseGuard<'a> {
    /// Takes the lease of the record that an invoice belongs to; `None` where nothing is left to do. The
    /// lease lasts for `longest_call` and a margin, so that whoever takes over meets the effects of every
    /// call. Gives the state that the record was found in as well.
    ///
    /// # Errors
    /// Another handler holds it; there is no record; the store is away.
    pub async fn take(
        store: &'a dyn RecordStore,
        event: &InvoiceRendered,
        longest_call: Duration,
    ) -> Result<Option<(Self, State)>, Failure> {
        let (key, target) = (Key::new(&*event.tenant, &*event.invoice.id), event.target.clone());
        let owner = Uuid::new_v4().to_string();
        let lease = store.lease(&key, target.as_str(), &owner, longest_call + MARGIN).await;
        match lease.map_err(of_store)? {
            Lease::Granted(record) => {
                Ok(Some((Self { store, key, target, owner, longest_call }, record.state)))
            }
            Lease::Complete(_) | Lease::Skipped => Ok(None),
            Lease::Held { left } => {
                Err(Failure::Wait { at_least: left, error: "another handler is at this receipt".into() })
            }
            Lease::NoRecord => Err(Failure::Retry {
                reason: NO_RECORD,
                error: NoRecord { key, store: store.describe() }.into(),
            }),
        }
    }

    /// The receipt.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Writes down that the document is about to be delivered, with its hash.
    ///
    /// # Errors
    /// The lease is lost, or the store is away: the call must not be made.
    pub async fn attaching(&self, event: &InvoiceRendered) -> Result<(), Failure> {
        let attach = Attach {
            owner: &self.owner,
            invoice_id: &event.invoice.id,
            file_name: &event.pdf.file_name,
            pdf_sha256: &event.pdf.sha256,
            ttl: self.longest_call + MARGIN,
        };
        kept(self.store.attaching(&self.key, self.target.as_str(), &attach).await)
    }

    /// Writes down that the document is certainly not delivered, and gives the lease back.
    pub async fn not_attached(&self) {
        let _ = self.store.not_attached(&self.key, self.target.as_str(), &self.owner).await;
        self.release().await;
    }

    /// Completes the record.
    ///
    /// # Errors
    /// The lease is lost, or the store is away.
    pub async fn complete(&self, event: &InvoiceRendered) -> Result<(), Failure> {
        kept(self.store.complete(&self.key, self.target.as_str(), &event.invoice.id).await)
    }

    /// The target must not have the invoice any more: the record becomes skipped.
    ///
    /// # Errors
    /// The lease is lost, or the store is away.
    pub async fn skip(&self) -> Result<(), Failure> {
        kept(self.store.skip(&self.key, self.target.as_str(), &self.owner).await)
    }

    /// Writes down what would have been sent in a dry run: the record becomes skipped.
    ///
    /// # Errors
    /// The lease is lost, or the store is away.
    pub async fn rehearsed(&self, would: &str) -> Result<(), Failure> {
        kept(self.store.rehearsed(&self.key, self.target.as_str(), &self.owner, would).await)
    }

    /// Gives the lease back, so that the next attempt need not wait for it.
    pub async fn release(&self) {
        self.left_to_run_out(self.store.release(&self.key, self.target.as_str(), &self.owner).await);
    }

    /// Keeps others away for as long as a request that was given up on may still arrive, and a margin.
    pub async fn hold_off(&self, arrives_within: Duration) {
        let ttl = arrives_within + MARGIN;
        self.left_to_run_out(self.store.shorten(&self.key, self.target.as_str(), &self.owner, ttl).await);
    }

    /// A lease that could not be changed runs out by itself, which is later.
    fn left_to_run_out<T>(&self, changed: Result<T, StoreError>) {
        if let Err(error) = changed {
            tracing::debug!(receipt = %self.key, %error, "the lease is left to run out");
        }
    }
}

fn kept(step: Result<Step, StoreError>) -> Result<(), Failure> {
    match step.map_err(of_store)? {
        Step::Taken => Ok(()),
        Step::Lost => Err(lost()),
    }
}

/// Another handler holds the lease by now.
pub fn lost() -> Failure {
    Failure::Wait {
        at_least: MARGIN,
        error: "the lease has run out, and another handler may be at it".into(),
    }
}
