//! A dry run: everything but the sending.

use std::time::Duration;

use amqp::{Failure, Outcome};
use events::InvoiceRendered;
use sync_store::{Key, State, Step, SyncStore};
use uuid::Uuid;

use crate::failure::of_store;
use crate::turn::{lost, take_turn};

/// How long an invoice that was begun waits before it is looked at again.
const BEGUN_WAITS: Duration = Duration::from_secs(600);

/// Goes as far as it can without sending anything: under the receipt's lease `look` asks the target,
/// which it only may read from, and says what would be done there, as in `would create`. What would have
/// been sent is logged and written down, and the record becomes skipped.
pub async fn rehearse(
    store: &dyn SyncStore,
    event: &InvoiceRendered,
    longest_call: Duration,
    look: impl Future<Output = Result<&'static str, Failure>>,
) -> Result<Outcome, Failure> {
    let (key, target) = (Key::new(&*event.tenant, &*event.invoice.id), event.target.as_str());
    let owner = Uuid::new_v4().to_string();
    let Some(record) = take_turn(store, &key, target, &owner, longest_call).await? else {
        return Ok(Outcome::AlreadyDone);
    };
    let looked = match record.state {
        State::Pending => look.await,
        // An invoice without its document is nothing to leave behind as skipped.
        _ => Err(Failure::Wait {
            at_least: BEGUN_WAITS,
            error: "the invoice was begun before this dry run, and is finished after it".into(),
        }),
    };
    let would = match looked {
        Ok(would) => would,
        Err(failure) => {
            // The next attempt need not wait for the lease. Where this fails, it runs out by itself.
            if let Err(error) = store.release(&key, target, &owner).await {
                tracing::debug!(receipt = %key, %error, "the lease is left to run out");
            }
            return Err(failure);
        }
    };
    let told = told(would, event);
    match store.rehearsed(&key, target, &owner, &told).await.map_err(of_store)? {
        Step::Taken => {
            tracing::info!(receipt = %key, target, "dry run: {told}");
            Ok(Outcome::Done(Vec::new()))
        }
        Step::Lost => Err(lost()),
    }
}

/// What would be done, without anybody's name.
fn told(would: &str, event: &InvoiceRendered) -> String {
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
