//! The pauses between short retries within the process. The only file that knows `backoff`.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Retries of one call: exponential with jitter. The three seconds are wall time since [`new`](Self::new),
/// the requests and all waits between them included: no pause is begun that would end later. Anything longer
/// is the retry queues' business.
pub struct Retries(ExponentialBackoff);

impl Retries {
    /// For a call that begins now.
    #[expect(clippy::new_without_default, reason = "it starts a clock")]
    pub fn new() -> Self {
        Self(
            ExponentialBackoffBuilder::new()
                .with_initial_interval(Duration::from_millis(200))
                .with_max_interval(Duration::from_secs(1))
                .with_max_elapsed_time(Some(Duration::from_secs(3)))
                .build(),
        )
    }

    /// How long to wait before the call is made again; `None` where that would exceed the three seconds.
    pub fn next_wait(&mut self) -> Option<Duration> {
        self.0.next_backoff()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_seconds_of_wall_time_include_the_calls() {
        let mut retries = Retries::new();
        for _ in 0..3 {
            let wait = retries.next_wait().expect("a repeat");
            assert!(wait <= Duration::from_millis(1_500), "{wait:?}");
        }
        // As long as a slow request takes.
        std::thread::sleep(Duration::from_millis(3_001));
        assert_eq!(retries.next_wait(), None);
    }
}
