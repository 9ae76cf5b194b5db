//! The lease of a receipt's record at a target: one handler at a time acts, and writes down before each call
//! what may happen next. And what is done under it: delivering an invoice to a target where a repeat does no harm, and
//! a dry run of any delivery.

use std::time::Duration;

use amqp::{Failure, Outcome};
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

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The target has the invoice.
    Yes,
    /// The target must not have it any more: the record becomes skipped.
    NotWanted,
}

/// Makes `call` under the receipt's lease, and completes its record: one handler at a time, and nothing
/// for a receipt that is complete. What is about to be sent is noted before, with its hash.
///
/// The call may be made again after any failure, so its repeats must be harmless. `longest_call` is how
/// long it may take.
///
/// # Errors
/// As the call, the lease and the store fail.
pub async fn deliver(
    store: &dyn RecordStore,
    event: &InvoiceRendered,
    longest_call: Duration,
    call: impl Future<Output = Result<Delivered, Failure>>,
) -> Result<Outcome, Failure> {
    let Some((lease, _)) = LeaseGuard::take(store, event, longest_call).await? else {
        return Ok(Outcome::AlreadyDone);
    };
    lease.attaching(event).await?;
    match call.await {
        Ok(Delivered::Yes) => lease.complete(event).await?,
        Ok(Delivered::NotWanted) => lease.skip().await?,
        Err(failure) => {
            lease.release().await;
            return Err(failure);
        }
    }
    let (receipt, target) = (lease.key(), event.target.as_str());
    tracing::info!(%receipt, target, voucher = %event.invoice.invoice_number, "settled");
    Ok(Outcome::Done(Vec::new()))
}

/// How long an invoice that was begun waits before it is looked at again.
const BEGUN_WAITS: Duration = Duration::from_secs(600);

/// A dry run: goes as far as it can without sending anything. Under the receipt's lease `look` asks the
/// target, from which it only reads, and says what would be done there, as in `would create`. What would
/// have been sent is logged and written down, and the record becomes skipped.
///
/// # Errors
/// As the look, the lease and the store fail; an invoice that was begun before waits.
pub async fn rehearse(
    store: &dyn RecordStore,
    event: &InvoiceRendered,
    longest_call: Duration,
    look: impl Future<Output = Result<&'static str, Failure>>,
) -> Result<Outcome, Failure> {
    let Some((lease, state)) = LeaseGuard::take(store, event, longest_call).await? else {
        return Ok(Outcome::AlreadyDone);
    };
    let looked = match state {
        State::Pending => look.await,
        // An invoice without its document is nothing to leave behind as skipped.
        _ => Err(Failure::Wait {
            at_least: BEGUN_WAITS,
            error: "the invoice was begun before this dry run, and is finished after it".into(),
        }),
    };
    let would = match looked {
        Ok(would) => describe(would, event),
        Err(failure) => {
            lease.release().await;
            return Err(failure);
        }
    };
    lease.rehearsed(&would).await?;
    tracing::info!(receipt = %lease.key(), target = event.target.as_str(), "dry run: {would}");
    Ok(Outcome::Done(Vec::new()))
}

/// What would be done, without anybody's name.
fn describe(would: &str, event: &InvoiceRendered) -> String {
    let InvoiceRendered { invoice, pdf, .. } = event;
    format!(
        "{would} invoice {} of {} {} with {} ({} bytes, SHA-256 {})",
        &*invoice.id,
        invoice.amount,
        &*invoice.currency,
        &*pdf.file_name,
        pdf.content.0.len(),
        pdf.sha256
    )
}
