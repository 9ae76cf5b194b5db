//! Delivering an invoice to a target where a repeat does no harm, and a dry run of any delivery.

use std::time::Duration;

use amqp::{Failure, Outcome};
use events::InvoiceRendered;
use sync_store::{RecordStore, State};

use crate::LeaseGuard;

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
