//! The pauses between short retries within the process.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Retries of one call: exponential with jitter, until about three seconds have passed since the
/// call began. Anything longer is the retry queues' business.
pub struct Retries(ExponentialBackoff);

impl Retries {
    /// For a call that begins now.
    #[expect(clippy::new_without_default, reason = "it begins to count")]
    pub fn new() -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(Duration::from_millis(200))
                .with_max_interval(Duration::from_secs(1))
                .with_max_elapsed_time(Some(Duration::from_secs(3)))
                .build(),
        )
    }

    /// How long to wait before the call is made again; `None` where it has taken too long for that.
    pub fn next_wait(&mut self) -> Option<Duration> {
        self.0.next_backoff()
    }
}
