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

/// Polls until there is a value. Instead of one there is a number that grows while there is progress, however slow,
/// and what there is so far.
///
/// # Panics
/// If there is no progress for [`TIMEOUT`], or no value after ten minutes; says what there was last.
pub async fn eventually_with_progress<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, (i64, String)>,
) -> T {
    const LIMIT: Duration = Duration::from_secs(600);
    let begun = Instant::now();
    let (mut furthest, mut since) = (i64::MIN, begun);
    loop {
        let (progress, so_far) = match ask().await {
            Ok(answer) => return answer,
            Err(step) => step,
        };
        let now = Instant::now();
        if progress > furthest {
            (furthest, since) = (progress, now);
        }
        assert!(now - since < TIMEOUT && now - begun < LIMIT, "{what}: no progress beyond {so_far}");
        sleep(Duration::from_millis(25)).await;
    }
}
