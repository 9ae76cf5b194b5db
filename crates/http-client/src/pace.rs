//! The pace: so many requests at once, the token bucket of a service that has one, and obedience to 429.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

/// What every request of the process to one service passes through.
#[derive(Debug)]
pub struct Gate {
    permits: Semaphore,
    pace: Mutex<Pace>,
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
pub enum NoTurn {
    /// Its turn did not come within so long, behind other calls of this process.
    NotMade(Duration),
    /// A 429, or the bucket, holds all requests for longer than is waited here.
    Held {
        /// After how long requests are let through again.
        retry_after: Duration,
    },
}

#[derive(Debug)]
struct Pace {
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

/// How much longer a call may wait: ten seconds of its own accord, and [`SEND_WITHIN`] in all until
/// its last request is sent, whatever it waits for (other calls, a token).
#[derive(Debug)]
pub struct Patience {
    left: Duration,
    send_until: Instant,
}

/// How long after its beginning a call may still send a request. Bounded, so that a lease on the
/// invoice can outlast every call made under it.
pub const SEND_WITHIN: Duration = Duration::from_secs(15);

impl Patience {
    /// For a call that begins at this time.
    pub fn new(now: Instant) -> Self {
        Self { left: Duration::from_secs(10), send_until: now + SEND_WITHIN }
    }

    /// Whether there is patience for a wait, which is then spent.
    pub fn spend(&mut self, wait: Duration) -> bool {
        self.left.checked_sub(wait).map(|left| self.left = left).is_some()
    }

    /// Waits for something, but not beyond the time when a request may still be sent.
    ///
    /// # Errors
    /// [`NoTurn::NotMade`] where it took longer.
    pub async fn bound<T>(&self, wait: impl Future<Output = T>) -> Result<T, NoTurn> {
        timeout_at(self.send_until, wait).await.map_err(|_| NoTurn::NotMade(SEND_WITHIN))
    }

    /// Waits for something for as long as there is patience, which it spends; `None` where that ran out
    /// first.
    pub async fn wait_for<T>(&mut self, wait: impl Future<Output = T>) -> Option<T> {
        let began = Instant::now();
        let outcome = timeout_at((began + self.left).min(self.send_until), wait).await;
        self.left = self.left.saturating_sub(began.elapsed());
        outcome.ok()
    }

    /// Whether a request may still be sent.
    ///
    /// # Errors
    /// [`NoTurn::NotMade`] where it is too late.
    pub fn may_send(&self, now: Instant) -> Result<(), NoTurn> {
        if now <= self.send_until { Ok(()) } else { Err(NoTurn::NotMade(SEND_WITHIN)) }
    }
}

impl Gate {
    /// Lets so many requests through at once, at least one, and no faster than the bucket allows.
    pub fn new(max_concurrent: usize, bucket: Option<Bucket>) -> Self {
        let now = Instant::now();
        let pace = Pace { level: bucket.map(|bucket| Level::full(bucket, now)), not_before: now };
        let permits = Semaphore::new(max_concurrent.clamp(1, Semaphore::MAX_PERMITS));
        Self { permits, pace: Mutex::new(pace) }
    }

    /// Waits until a request may be made, or says how long that would take where it is too long.
    ///
    /// # Errors
    /// See [`NoTurn`].
    pub async fn enter(&self, patience: &mut Patience) -> Result<SemaphorePermit<'_>, NoTurn> {
        let permit = patience.bound(self.permits.acquire()).await?.expect("the semaphore is never closed");
        loop {
            let held = self.lock().held(Instant::now());
            if held.is_zero() {
                break;
            }
            wait(held, patience).await?;
        }
        let reserved = self.lock().reserve(Instant::now());
        wait(reserved, patience).await?;
        patience.may_send(Instant::now())?;
        Ok(permit)
    }

    /// Obeys a 429: nothing is sent for so long, and the bucket counts as empty.
    pub fn hold(&self, retry_after: Duration) {
        let now = Instant::now();
        let mut pace = self.lock();
        pace.not_before = pace.not_before.max(now + retry_after);
        if let Some(level) = &mut pace.level {
            level.left = level.left.min(0.0);
            level.as_of = now;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pace> {
        // Each critical section leaves the pace whole.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait(wait: Duration, patience: &mut Patience) -> Result<(), NoTurn> {
    if wait.is_zero() {
        return Ok(());
    }
    if !patience.spend(wait) {
        return Err(NoTurn::Held { retry_after: wait });
    }
    sleep(wait).await;
    Ok(())
}

impl Pace {
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

    fn full(now: Instant) -> Pace {
        Pace { level: Some(Level::full(BUCKET, now)), not_before: now }
    }

    #[test]
    fn a_full_bucket_lets_12000_through_at_once_and_then_100_a_second() {
        let now = Instant::now();
        let mut pace = full(now);
        assert!((0..12_000).all(|_| pace.reserve(now).is_zero()));
        let waits: Vec<u128> = (0..3).map(|_| pace.reserve(now).as_millis()).collect();
        assert_eq!(waits, [10, 20, 30]);
        assert_eq!(pace.reserve(now + Duration::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_size() {
        let now = Instant::now();
        let later = now + Duration::from_secs(86_400);
        let mut pace = full(now);
        assert!((0..12_000).all(|_| pace.reserve(later).is_zero()));
        assert!(!pace.reserve(later).is_zero());
    }

    #[test]
    fn without_a_bucket_any_number_is_let_through() {
        let now = Instant::now();
        let mut pace = Pace { level: None, not_before: now };
        assert!((0..20_000).all(|_| pace.reserve(now).is_zero()));
    }

    #[test]
    fn a_call_waits_ten_seconds_in_all_and_no_longer() {
        let mut patience = Patience::new(Instant::now());
        let waits = [4, 7, 6, 1].map(|seconds| patience.spend(Duration::from_secs(seconds)));
        assert_eq!(waits, [true, false, true, false]);
    }

    #[tokio::test]
    async fn waiting_for_something_spends_patience_and_ends_with_it() {
        let millis = Duration::from_millis;
        let mut patience = Patience { left: millis(1_000), ..Patience::new(Instant::now()) };
        assert_eq!(patience.wait_for(sleep(millis(20))).await, Some(()));
        assert!(!patience.spend(millis(981)), "it has waited for 20 ms");
        patience.left = millis(20);
        assert_eq!(patience.wait_for(std::future::pending::<()>()).await, None);
        assert!(!patience.spend(millis(1)));
    }

    #[tokio::test]
    async fn nothing_is_sent_once_a_lease_may_have_ended() {
        let gate = Gate::new(1, Some(BUCKET));
        let now = Instant::now();
        let mut late = Patience::new(now.checked_sub(Duration::from_secs(16)).expect("a time before"));
        assert!(matches!(gate.enter(&mut late).await, Err(NoTurn::NotMade(_))));
        let mut in_time = Patience::new(now.checked_sub(Duration::from_secs(5)).expect("a time before"));
        let _permit = gate.enter(&mut in_time).await.expect("let through");
        assert!(matches!(gate.enter(&mut late).await, Err(NoTurn::NotMade(_))));
    }

    #[tokio::test]
    async fn after_a_429_the_gate_says_how_long_it_holds() {
        let gate = Gate::new(1, Some(BUCKET));
        gate.hold(Duration::from_secs(60));
        gate.hold(Duration::from_secs(30));
        let Err(NoTurn::Held { retry_after }) = gate.enter(&mut Patience::new(Instant::now())).await else {
            panic!("let through");
        };
        assert!(retry_after > Duration::from_secs(30));
        assert!(gate.lock().level.as_ref().is_some_and(|level| level.left <= 0.0));
    }
}
