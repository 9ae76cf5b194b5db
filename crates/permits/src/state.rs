//! What a process holds of an API user's limits, what it uses of that, and when it asks for what. No I/O, and no
//! clock.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sync_store::{PermitAnswer, PermitLimits, PermitRequest, StoreError};
use tokio::time::Instant;

/// How often a grant is renewed while there is one: others wait so long to hear that they may have
/// more, and so long for what is given back.
const RENEW: Duration = Duration::from_secs(2);

/// How often permits are asked for that others are giving back.
const POLL: Duration = Duration::from_millis(250);

/// How long a grant outlives the longest request: how late a renewal may be.
const GRACE: Duration = Duration::from_secs(10);

/// The most tokens taken from the bucket at a time.
const MAX_BATCH: u32 = 50;

/// How long an empty bucket is left to fill, so that processes do not ask for every single token.
const REFILL_WAIT: Duration = Duration::from_millis(100);

/// How long tokens taken from the bucket may be used. `omnium::BUCKET` allows for it.
const TOKEN_TTL: Duration = Duration::from_secs(1);

/// A process's part of the limits.
#[derive(Debug)]
pub(crate) struct State {
    /// What the store has written down for this process, or more than that.
    granted: u32,
    /// How many requests may be in flight. Less than what is granted while some is to be given back.
    limit: u32,
    /// Where others lack permits: what this process should come down to.
    share: Option<u32>,
    /// Nothing is sent that might last longer.
    runs_until: Instant,
    in_flight: u32,
    waiting: u32,
    /// The most that were in flight or waiting since the store was last asked.
    peak: u32,
    /// What was wanted then: what was asked for, and without the limit.
    wanted: u32,
    wanted_in_all: u32,
    /// Requests from the bucket, each batch with the end of its use.
    drawn: VecDeque<(u32, Instant)>,
    /// How many requests are taken from the bucket next time.
    batch: u32,
    next_draw: Instant,
    held_until: Instant,
    /// The other processes do not know of a 429 yet.
    to_tell: bool,
    /// The longest that a request takes.
    longest: Duration,
    asked_at: Option<Instant>,
    failures: u64,
    failure: Option<Arc<StoreError>>,
    closed: bool,
}

/// What came of trying to take a permit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Try {
    Taken,
    /// A 429 holds everybody.
    Held(Duration),
    /// There is none, or nothing in the bucket.
    Lacks {
        retry_after: Duration,
    },
}

/// What the store is asked.
#[derive(Debug)]
pub(crate) struct Question {
    wants: u32,
    keeps: u32,
    draws: u32,
    ttl: Duration,
    hold: Option<Duration>,
}

impl Question {
    pub(crate) fn ask<'a>(&self, owner: &'a str) -> PermitRequest<'a> {
        let Self { wants, keeps, draws, ttl, hold } = *self;
        PermitRequest { owner, wants, keeps, draws, ttl, hold }
    }
}

impl State {
    /// Nothing is held.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            granted: 0,
            limit: 0,
            share: None,
            runs_until: now,
            in_flight: 0,
            waiting: 0,
            peak: 0,
            wanted: 0,
            wanted_in_all: 0,
            drawn: VecDeque::new(),
            batch: 1,
            next_draw: now,
            held_until: now,
            to_tell: false,
            longest: Duration::ZERO,
            asked_at: None,
            failures: 0,
            failure: None,
            closed: false,
        }
    }

    /// Takes a permit, and a request from the bucket, where there is one of each.
    pub(crate) fn try_take(&mut self, longest: Duration, now: Instant) -> Try {
        self.longest = self.longest.max(longest);
        self.forget_stale(now);
        let held = self.held_until.saturating_duration_since(now);
        if !held.is_zero() {
            return Try::Held(held);
        }
        let has_permit = self.in_flight < self.limit && self.runs(longest, now);
        let Some((left, _)) = self.drawn.front_mut().filter(|_| has_permit) else {
            return Try::Lacks { retry_after: self.next_draw.saturating_duration_since(now) };
        };
        *left -= 1;
        if *left == 0 {
            self.drawn.pop_front();
        }
        self.in_flight += 1;
        self.peak = self.peak.max(self.in_flight);
        Try::Taken
    }

    /// A request has ended.
    pub(crate) fn end(&mut self) {
        self.in_flight -= 1;
    }

    pub(crate) fn begin_to_wait(&mut self) {
        self.waiting += 1;
        self.peak = self.peak.max(self.in_flight + self.waiting);
    }

    pub(crate) fn end_to_wait(&mut self) {
        self.waiting -= 1;
    }

    /// Nothing is sent for so long.
    pub(crate) fn hold(&mut self, retry_after: Duration, now: Instant) {
        self.held_until = self.held_until.max(now + retry_after);
        self.drawn.clear();
        self.to_tell = true;
    }

    /// Nothing more is taken.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.limit = 0;
    }

    /// Whether the store knows of this process.
    pub(crate) fn is_known(&self) -> bool {
        self.asked_at.is_some()
    }

    /// How often the store has failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// The last failure of the store, where it has failed since.
    pub(crate) fn failure_since(&self, failures: u64) -> Option<Arc<StoreError>> {
        self.failure.clone().filter(|_| self.failures > failures)
    }

    /// When the store is to be asked next, as things are.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.closed {
            return None;
        }
        // Where it has failed it is not asked without end.
        let soon = match self.asked_at {
            Some(asked_at) if self.failure.is_some() => asked_at + POLL,
            _ => now,
        };
        let after = |wait| self.asked_at.map_or(now, |asked_at| asked_at + wait);
        let mut due = Vec::new();
        if self.granted > 0 {
            due.push(after(RENEW));
        }
        if self.to_tell || self.granted > self.limit.max(self.in_flight) {
            due.push(soon);
        }
        if self.waiting > 0 {
            let has_none = self.in_flight >= self.limit;
            if !self.runs(self.longest, now) || (has_none && self.demand() > self.wanted_in_all) {
                due.push(soon);
            }
            if has_none {
                let others_give_back =
                    self.granted < self.wanted && self.share.is_none_or(|share| self.granted < share);
                due.push(after(if others_give_back { POLL } else { RENEW }));
            }
            if self.fresh(now) == 0 && now >= self.held_until {
                due.push(soon.max(self.next_draw));
            }
        }
        due.into_iter().min()
    }

    /// What the store is asked now; until it has answered, no more is used than is kept in any case.
    pub(crate) fn question(&mut self, limits: &PermitLimits, now: Instant) -> Question {
        self.forget_stale(now);
        self.wanted_in_all = if self.closed { self.in_flight } else { self.peak.max(self.demand()) };
        let wants = self.wanted_in_all.min(limits.concurrent.max(self.in_flight));
        let target = self.share.map_or(wants, |share| share.min(wants));
        let keeps = self.granted.min(self.in_flight.max(if self.closed { 0 } else { target }));
        (self.granted, self.limit) = (keeps, self.limit.min(keeps));
        self.peak = self.demand();
        self.wanted = wants;
        let fresh = self.fresh(now);
        if self.waiting > 0 && fresh == 0 {
            self.batch = (self.batch * 2).max(self.waiting).min(MAX_BATCH).min((limits.capacity / 20).max(1));
        }
        let draws = if self.waiting > 0 { self.batch.saturating_sub(fresh) } else { 0 };
        let hold = self.to_tell.then(|| self.held_until.saturating_duration_since(now));
        self.to_tell = false;
        Question { wants, keeps, draws, ttl: self.longest + GRACE, hold }
    }

    /// What the store has answered to what was asked when this began.
    pub(crate) fn answered(
        &mut self,
        question: &Question,
        answer: &PermitAnswer,
        began: Instant,
        now: Instant,
    ) {
        self.granted = answer.permits;
        self.share = answer.share;
        self.limit = answer.share.map_or(answer.permits, |share| share.min(answer.permits));
        if self.closed {
            self.limit = 0;
        }
        self.runs_until = began + question.ttl;
        if answer.drawn > 0 {
            self.drawn.push_back((answer.drawn, began + TOKEN_TTL));
        }
        let is_empty = answer.drawn < question.draws;
        self.next_draw = now + answer.next_draw.max(if is_empty { REFILL_WAIT } else { Duration::ZERO });
        self.held_until = self.held_until.max(now + answer.held);
        (self.asked_at, self.failure) = (Some(began), None);
    }

    /// The store has not answered: it may have written what was asked, or not.
    pub(crate) fn unanswered(&mut self, error: StoreError, now: Instant) {
        self.failures += 1;
        (self.asked_at, self.failure) = (Some(now), Some(Arc::new(error)));
        self.to_tell = now < self.held_until;
    }

    fn demand(&self) -> u32 {
        self.in_flight + self.waiting
    }

    /// Whether a request that is sent now ends before the grant does.
    fn runs(&self, longest: Duration, now: Instant) -> bool {
        now + longest <= self.runs_until
    }

    fn fresh(&self, now: Instant) -> u32 {
        self.drawn.iter().filter(|(_, until)| now < *until).map(|(left, _)| left).sum()
    }

    /// What was not used in time is lost, and so much less is taken next time.
    fn forget_stale(&mut self, now: Instant) {
        while let Some((left, _)) = self.drawn.front().filter(|(_, until)| *until <= now) {
            self.batch = self.batch.saturating_sub(*left).max(1);
            self.drawn.pop_front();
        }
    }
}
