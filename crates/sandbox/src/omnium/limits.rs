//! Omnium's limits per API user: so many requests at once, and a token bucket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::lock;

/// The size of the limits. The defaults are Omnium's own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at once; one more is answered 429.
    pub concurrent: usize,
    /// Requests the full bucket holds.
    pub capacity: u64,
    /// Requests that come back with every period.
    pub refill: u64,
    /// How long a period is.
    pub period: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent: 20, capacity: 12_000, refill: 1_000, period: Duration::from_secs(10) }
    }
}

/// Which limit a call ran into, and after how long it may be made again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Exceeded {
    Concurrency { retry_after: Duration },
    Bucket { retry_after: Duration },
}

/// How much of the limits is used, by each API user; by all together who are not known.
#[derive(Debug)]
pub(super) struct Usages {
    limits: Limits,
    by_client: Mutex<HashMap<Option<String>, Arc<Usage>>>,
}

impl Usages {
    pub fn new(limits: Limits) -> Self {
        Self { limits, by_client: Mutex::default() }
    }

    /// That of one user.
    pub fn of(&self, client_id: Option<&str>) -> Arc<Usage> {
        let mut usages = lock(&self.by_client);
        let usage = usages.entry(client_id.map(str::to_owned));
        usage.or_insert_with(|| Arc::new(Usage::new(self.limits))).clone()
    }
}

/// How much of the limits one API user uses.
#[derive(Debug)]
pub(super) struct Usage {
    limits: Limits,
    in_flight: AtomicUsize,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: u64,
    refilled: Instant,
}

/// A request in flight, until it is dropped.
pub(super) struct InFlight<'a> {
    usage: &'a Usage,
    /// The requests in flight when this one came, itself included.
    pub count: usize,
}

impl Usage {
    fn new(limits: Limits) -> Self {
        let bucket = Mutex::new(Bucket { left: limits.capacity, refilled: Instant::now() });
        Self { limits, in_flight: AtomicUsize::new(0), bucket }
    }

    /// Counts a request in. It is counted even when it turns out to be one too many.
    pub fn enter(&self) -> (InFlight<'_>, Result<(), Exceeded>) {
        let count = self.in_flight.fetch_add(1, Ordering::AcqRel) + 1;
        let verdict = if count > self.limits.concurrent {
            Err(Exceeded::Concurrency { retry_after: Duration::from_secs(1) })
        } else {
            self.take(Instant::now())
        };
        (InFlight { usage: self, count }, verdict)
    }

    fn take(&self, now: Instant) -> Result<(), Exceeded> {
        let Limits { capacity, refill, period, .. } = self.limits;
        let mut bucket = lock(&self.bucket);
        while now.duration_since(bucket.refilled) >= period {
            bucket.refilled += period;
            bucket.left = capacity.min(bucket.left + refill);
            if bucket.left == capacity {
                bucket.refilled = now;
            }
        }
        match bucket.left.checked_sub(1) {
            Some(left) => {
                bucket.left = left;
                Ok(())
            }
            None => Err(Exceeded::Bucket { retry_after: period - now.duration_since(bucket.refilled) }),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.usage.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
