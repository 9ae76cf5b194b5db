//! Giving an invoice to a target where a repeat does no harm.

use std::time::Duration;

use amqp::{Failure, Outcome};
use events::InvoiceRendered;
use sync_store::{Attach, Key, Step, SyncStore};
use uuid::Uuid;

use crate::failure::of_store;
use crate::turn::{MARGIN, lost, take_turn};

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The target has the invoice.
    Yes,
    /// The target must not have it any more: the record becomes skipped.
    NotWanted,
}

/// Makes `call` under the receipt's lease, and completes its record: one handler at a time, and
/// nothing for a receipt that is complete. What is about to be sent is noted before, with its hash.
///
/// The call may be made again after any failure, so it must be one whose repeats are harmless.
/// `longest_call` is how long it may take.
pub async fn deliver(
    store: &dyn SyncStore,
    event: &InvoiceRendered,
    longest_call: Duration,
    call: impl Future<Output = Result<Delivered, Failure>>,
) -> Result<Outcome, Failure> {
    let (key, target) = (Key::new(&*event.tenant, &*event.invoice.id), event.target.as_str());
    let owner = Uuid::new_v4().to_string();
    if take_turn(store, &key, target, &owner, longest_call).await?.is_none() {
        return Ok(Outcome::AlreadyDone);
    }
    let attach = Attach {
        owner: &owner,
        invoice_id: &event.invoice.id,
        file_name: &event.pdf.file_name,
        pdf_sha256: &event.pdf.sha256,
        ttl: longest_call + MARGIN,
    };
    if store.attaching(&key, target, &attach).await.map_err(of_store)? == Step::Lost {
        return Err(lost());
    }
    let step = match call.await {
        Ok(Delivered::Yes) => store.complete(&key, target, &event.invoice.id).await,
        Ok(Delivered::NotWanted) => store.skip(&key, target, &owner).await,
        Err(failure) => {
            // The next attempt need not wait for the lease. Where this fails, it runs out by itself.
            if let Err(error) = store.release(&key, target, &owner).await {
                tracing::debug!(receipt = %key, %error, "the lease is left to run out");
            }
            return Err(failure);
        }
    };
    match step.map_err(of_store)? {
        Step::Taken => {
            tracing::info!(receipt = %key, target, voucher = %event.invoice.invoice_number, "settled");
            Ok(Outcome::Done(Vec::new()))
        }
        Step::Lost => Err(lost()),
    }
}
