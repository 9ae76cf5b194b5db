//! What an error of a service means for the message.

use amqp::{BoxError, Extent, Failure, Reached, Reason};
use http_client::{CallError, Decision, decide};
use sync_store::{Key, StoreError};

/// The store knows nothing of this receipt.
pub const NO_RECORD: Reason = Reason::new(
    "no_record",
    "set one BILAG_DATABASE_URL for all consumers, then redrive the dead letter, or have the receipt published again",
);

/// The store knows nothing of this receipt.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no sync record of receipt {key} in {store}: let all consumers share one store (BILAG_DATABASE_URL), or publish the receipt again"
)]
pub(crate) struct NoRecord {
    pub(crate) key: Key,
    pub(crate) store: String,
}

/// A service's reasons for dead letters.
#[derive(Clone, Copy, Debug)]
pub struct Refusals {
    /// It understood the call and does not take it.
    pub rejected: Reason,
    /// It does not let this one through, while it lets others.
    pub forbidden: Reason,
}

/// The message's failure, for an error of the store.
pub fn of_store(error: StoreError) -> Failure {
    match error {
        StoreError::Refused { .. } => Failure::reject(Reason::UNSTORABLE, error),
        error => Failure::unreached(error),
    }
}

/// A call failed.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
struct CallFailed {
    doing: &'static str,
    #[source]
    source: CallError,
}

/// The message's failure, for an error of a call. `doing` says what did not come about.
pub fn failure(doing: &'static str, refusals: Refusals, error: CallError) -> Failure {
    let decision = decide(&error);
    decided(decision, refusals, Box::new(CallFailed { doing, source: error }))
}

/// The message's failure, for what was decided about an error.
pub fn decided(decision: Decision, refusals: Refusals, error: BoxError) -> Failure {
    // Whoever has a service of its own has its outages to itself.
    let extent = Extent::Bulkhead;
    let unavailable = |reached, reason, error| Failure::Unavailable { extent, reached, reason, error };
    match decision {
        Decision::Retry => Failure::Retry { reason: Reason::RETRIES_EXHAUSTED, error },
        Decision::Wait { at_least } => Failure::Wait { at_least, error },
        Decision::Unavailable { reached: false } => {
            unavailable(Reached::Never, Reason::RETRIES_EXHAUSTED, error)
        }
        Decision::Unavailable { reached: true } => {
            unavailable(Reached::Perhaps, Reason::RETRIES_EXHAUSTED, error)
        }
        Decision::Forbidden => unavailable(Reached::Forbidden, refusals.forbidden, error),
        Decision::Reject => Failure::Reject { reason: refusals.rejected, error },
    }
}
