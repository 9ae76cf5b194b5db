//! Waiting for something to become true, with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long to wait for anything that must come to pass. It is waited out only by tests that fail, on a
/// machine that may be busy with other work.
pub const TIMEOUT: Duration = Duration::from_secs(180);

/// Asks again and again until there is an answer.
///
/// # Panics
/// There is none within [`TIMEOUT`].
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(TIMEOUT, what, ask).await
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// There is none in time.
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
