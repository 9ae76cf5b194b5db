//! Short retries within the process: which error of which call, and after how long.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

use crate::{Call, OmniumError};

/// Retries of one call: exponential with jitter, until about three seconds have passed since the
/// first attempt began. Anything longer is the retry queues' business.
pub(crate) struct Retries(ExponentialBackoff);

impl Retries {
    pub(crate) fn new() -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(Duration::from_millis(200))
                .with_max_interval(Duration::from_secs(1))
                .with_max_elapsed_time(Some(Duration::from_secs(3)))
                .build(),
        )
    }

    /// How long to wait before the call is made again; `None` where it is not.
    pub(crate) fn after(&mut self, call: Call, error: &OmniumError) -> Option<Duration> {
        repeatable(call, error).then(|| self.0.next_backoff()).flatten()
    }
}

/// Only what certainly did not happen, or is harmless to repeat at once. Never an attach or an upsert
/// whose answer did not come: an attach would add a second file, and an upsert may be executed late,
/// after the attach, where it drops the file. A conflict is left to the retry queue, because the
/// invoice has to be looked at first.
fn repeatable(call: Call, error: &OmniumError) -> bool {
    match error {
        OmniumError::Refused(_) => true,
        OmniumError::Unanswered(_) | OmniumError::ServerError(_) | OmniumError::Unavailable(_) => {
            matches!(call, Call::Token | Call::Find)
        }
        _ => false,
    }
}
