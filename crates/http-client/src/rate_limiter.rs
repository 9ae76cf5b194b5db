//! The rate limiter: a maximum of requests in flight, the token bucket of a service that has one, and 429.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

/// Every request of the process to one service passes it.
#[derive(Debug)]
pub struct RateLimiter {
    permits: Semaphore,
    state: Mutex<State>,
}

/// A service's limit: so many requests at once, and so many more each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Requests that a full bucket holds.
    pub capacity: u32,
    /// Requests that come back each second.
    pub refill_per_second: u32,
}

/// Why a request was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitError {
    /// Its turn did not come within so long, behind other calls of this process.
    TimedOut(Duration),
    /// A 429, or the bucket, holds all requests for longer than a call waits.
    Throttled {
        /// After how long requests are let through again.
        retry_after: Duration,
    },
}

#[derive(Debug)]
struct State {
    level: Option<Level>,
    not_before: Instant,
}

/// How full a bucket is.
#[derive(Debug)]
struct Level {
    bucket: Bucket,
    /// Requests that may be made at `as_of`; negative where some are reserved ahead.
    left: f64,
    as_of: Instant,
}

/// How much longer a call may wait: ten seconds by its own choice (a 429, the bucket, the pauses between
/// retries), and [`SEND_WITHIN`] in all until its last request is sent, whatever it waits for (other calls,
/// a token).
#[derive(Debug)]
pub struct WaitTime {
    left: Duration,
    send_until: Instant,
}

/// How long after its beginning a call may still send a request. Bounded, so that a lease on the
/// invoice can outlast every call made under it.
pub const SEND_WITHIN: Duration = Duration::from_secs(15);

impl WaitTime {
    /// For a call that begins at this time.
    pub fn new(now: Instant) -> Self {
        Self { left: Duration::from_secs(10), send_until: now + SEND_WITHIN }
    }

    /// Whether there is time for a wait, which is then spent.
    pub fn spend(&mut self, wait: Duration) -> bool {
        self.left.checked_sub(wait).map(|left| self.left = left).is_some()
    }

    /// Waits for something, but not beyond the time when a request may still be sent.
    ///
    /// # Errors
    /// [`RateLimitError::TimedOut`] where it took longer.
    pub async fn bound<T>(&self, wait: impl Future<Output = T>) -> Result<T, RateLimitError> {
        timeout_at(self.send_until, wait).await.map_err(|_| RateLimitError::TimedOut(SEND_WITHIN))
    }

    /// Waits for something for as long as there is time, which it spends; `None` where that ran out first.
    pub async fn wait_for<T>(&mut self, wait: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let outcome = timeout_at((began + self.left).min(self.send_until), wait).await;
        self.left = self.left.saturating_sub(began.elapsed());
        outcome.ok()
    }

    /// Whether a request may still be sent.
    ///
    /// # Errors
    /// [`RateLimitError::TimedOut`] where it is too late.
    pub fn may_send(&self, now: Instant) -> Result<(), RateLimitError> {
        if now <= self.send_until { Ok(()) } else { Err(RateLimitError::TimedOut(SEND_WITHIN)) }
    }
}

impl RateLimiter {
    /// Lets so many requests through at once, at least one, and no faster than the bucket allows.
    pub fn new(max_concurrent: usize, bucket: Option<Bucket>) -> Self {
        let now = Instant::now();
        let state = State { level: bucket.map(|bucket| Level::full(bucket, now)), not_before: now };
        let permits = Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS));
        Self { permits, state: Mutex::new(state) }
    }

    /// Waits until a request may be made, or says how long that would take where it is too long.
    ///
    /// # Errors
    /// See [`RateLimitError`].
    pub async fn acquire(&self, wait_time: &mut WaitTime) -> Result<SemaphorePermit<'_>, RateLimitError> {
        let permit = wait_time.bound(self.permits.acquire()).await?.expect("the semaphore is never closed");
        loop {
            let held = self.state.lock().held(Instant::now());
            if held.is_zero() {
                break;
            }
            wait(held, wait_time).await?;
        }
        let reserved = self.state.lock().reserve(Instant::now());
        wait(reserved, wait_time).await?;
        wait_time.may_send(Instant::now())?;
        Ok(permit)
    }

    /// Obeys a 429: nothing is sent for so long, and the bucket counts as empty.
    pub fn hold(&self, retry_after: Duration) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.not_before = state.not_before.max(now + retry_after);
        if let Some(level) = &mut state.level {
            level.left = level.left.min(0.0);
            level.as_of = now;
        }
    }
}

async fn wait(wait: Duration, wait_time: &mut WaitTime) -> Result<(), RateLimitError> {
    if wait.is_zero() {
        return Ok(());
    }
    if !wait_time.spend(wait) {
        return Err(RateLimitError::Throttled { retry_after: wait });
    }
    sleep(wait).await;
    Ok(())
}

impl State {
    /// How long a 429 still holds.
    fn held(&self, now: Instant) -> Duration {
        self.not_before.saturating_duration_since(now)
    }

    /// Takes one request from the bucket, where there is one; gives how long to wait.
    fn reserve(&mut self, now: Instant) -> Duration {
        self.level.as_mut().map_or(Duration::ZERO, |level| level.reserve(now))
    }
}

impl Level {
    fn full(bucket: Bucket, now: Instant) -> Self {
        Self { bucket, left: bucket.capacity.into(), as_of: now }
    }

    /// Takes one request, ahead of the refill where need be; gives how long to wait.
    fn reserve(&mut self, now: Instant) -> Duration {
        let per_second = f64::from(self.bucket.refill_per_second);
        let refilled = now.saturating_duration_since(self.as_of).as_secs_f64() * per_second;
        self.left = f64::from(self.bucket.capacity).min(self.left + refilled) - 1.0;
        self.as_of = now.max(self.as_of);
        Duration::from_secs_f64((-self.left / per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket = Bucket { capacity: 12_000, refill_per_second: 100 };

    fn full(now: Instant) -> State {
        State { level: Some(Level::full(BUCKET, now)), not_before: now }
    }

    #[test]
    fn full_bucket_allows_12000_at_once_then_100_a_second() {
        let now = Instant::now();
        let mut state = full(now);
        assert!((0..12_000).all(|_| state.reserve(now).is_zero()));
        let waits: Vec<u128> = (0..3).map(|_| state.reserve(now).as_millis()).collect();
        assert_eq!(waits, [10, 20, 30]);
        assert_eq!(state.reserve(now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn bucket_never_exceeds_its_capacity() {
        let now = Instant::now();
        let later = now + Duration::from_secs(86_400);
        let mut state = full(now);
        assert!((0..12_000).all(|_| state.reserve(later).is_zero()));
        assert!(!state.reserve(later).is_zero());
    }

    #[test]
    fn no_bucket_means_no_limit() {
        let now = Instant::now();
        let mut state = State { level: None, not_before: now };
        assert!((0..20_000).all(|_| state.reserve(now).is_zero()));
    }

    #[test]
    fn waits_ten_seconds_in_all() {
        let mut wait_time = WaitTime::new(Instant::now());
        let waits = [4, 7, 6, 1].map(|seconds| wait_time.spend(Duration::from_secs(seconds)));
        assert_eq!(waits, [true, false, true, false]);
    }

    #[tokio::test]
    async fn waiting_spends_the_time_left() {
        let millis = Duration::from_millis;
        let mut wait_time = WaitTime { left: millis(1_000), ..WaitTime::new(Instant::now()) };
        assert_eq!(wait_time.wait_for(sleep(millis(20))).await, Some(()));
        assert!(!wait_time.spend(millis(981)), "it has waited for 20 ms");
        wait_time.left = millis(20);
        assert_eq!(wait_time.wait_for(std::future::pending::<()>()).await, None);
        assert!(!wait_time.spend(millis(1)));
    }

    #[tokio::test]
    async fn sends_nothing_once_a_lease_may_have_ended() {
        let limiter = RateLimiter::new(1, Some(BUCKET));
        let now = Instant::now();
        let mut late = WaitTime::new(now.checked_sub(Duration::from_secs(16)).expect("a time before"));
        assert!(matches!(limiter.acquire(&mut late).await, Err(RateLimitError::TimedOut(_))));
        let mut in_time = WaitTime::new(now.checked_sub(Duration::from_secs(5)).expect("a time before"));
        let _permit = limiter.acquire(&mut in_time).await.expect("let through");
        assert!(matches!(limiter.acquire(&mut late).await, Err(RateLimitError::TimedOut(_))));
    }

    #[tokio::test]
    async fn says_how_long_a_429_holds() {
        let limiter = RateLimiter::new(1, Some(BUCKET));
        limiter.hold(Duration::from_secs(60));
        limiter.hold(Duration::from_secs(30));
        let Err(RateLimitError::Throttled { retry_after }) =
            limiter.acquire(&mut WaitTime::new(Instant::now())).await
        else {
            panic!("let through");
        };
        assert!(retry_after > Duration::from_secs(30));
        assert!(limiter.state.lock().level.as_ref().is_some_and(|level| level.left <= 0.0));
    }
}
