//! Waiting for something to become true, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Default deadline. Only failing tests wait this long, on a
/// machine that may be busy.
pub const TIMEOUT: Duration = Duration::from_secs(180);

/// Polls until there is a value.
///
/// # Panics
/// If there is none within [`TIMEOUT`].
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(TIMEOUT, what, ask).await
}

/// Polls until there is a value.
///
/// # Panics
/// If there is none within the limit.
pub async fn eventually_within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(25)).await;
    }
}
