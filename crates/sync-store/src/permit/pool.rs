//! The permits of one API user, and the rule by which they are granted. No I/O, and no clock.
//!
//! The sum of running grants never exceeds the limit. While it suffices, each owner gets what it wants. Once an owner
//! lacks permits, each has a fair share: an owner that wants less than an even part gets what it wants, and the rest
//! is divided evenly. An owner with more than its share keeps only permits in use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{PermitAnswer, PermitLimits, PermitRequest};

/// Longest time that a 429 is obeyed, in milliseconds.
const MAX_HOLD: i64 = 600_000;

/// What is kept of one API user. Times are the database's, in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pool {
    grants: BTreeMap<String, Grant>,
    /// Thousandths of a request in the bucket, at `as_of`.
    left: i64,
    as_of: i64,
    held_until: i64,
}

/// What one owner has, and would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    permits: u32,
    wants: u32,
    until: i64,
    /// How long it was granted for: where the clock is set back, it lasts no longer than that.
    ttl: i64,
}

impl Grant {
    fn lacks(&self) -> bool {
        self.permits < self.wants
    }
}

impl Pool {
    /// Nothing is granted, and the bucket is full.
    pub(crate) fn new(limits: &PermitLimits, now: i64) -> Self {
        Self { grants: BTreeMap::new(), left: full(limits), as_of: now, held_until: now }
    }

    /// Grants what can be granted.
    pub(crate) fn ask(&mut self, limits: &PermitLimits, ask: &PermitRequest<'_>, now: i64) -> PermitAnswer {
        self.grants.retain(|_, grant| now < grant.until);
        for grant in self.grants.values_mut() {
            grant.until = grant.until.min(now.saturating_add(grant.ttl));
        }
        // Where the clock is set back, a hold goes on for what was left of it.
        let set_back = self.as_of.saturating_sub(now).max(0);
        self.held_until = self.held_until.saturating_sub(set_back).min(now.saturating_add(MAX_HOLD));
        let (permits, share) = self.grant(limits.concurrent, ask, now);
        self.refill(limits, now);
        if let Some(hold) = ask.hold {
            self.held_until = self.held_until.max(now.saturating_add(millis(hold)));
            self.left = self.left.min(0);
        }
        let drawn = u32::try_from(self.left / 1000).unwrap_or(0).min(ask.draws);
        self.left -= i64::from(drawn) * 1000;
        // A request that is not whole yet takes so many milliseconds more.
        let missing = 1000_i64.saturating_sub(self.left).max(0);
        let next_draw = missing.unsigned_abs().div_ceil(u64::from(limits.refill_per_second.max(1)));
        let held = self.held_until.saturating_sub(now).max(0).unsigned_abs();
        let [next_draw, held] = [next_draw, held].map(Duration::from_millis);
        PermitAnswer { permits, share, drawn, next_draw, held }
    }

    fn grant(&mut self, total: u32, ask: &PermitRequest<'_>, now: i64) -> (u32, Option<u32>) {
        self.grants.remove(ask.owner);
        let taken: u32 = self.grants.values().map(|grant| grant.permits).sum();
        let free = total.saturating_sub(taken);
        let wants = ask.wants.max(ask.keeps);
        let short = self.grants.values().any(Grant::lacks);
        let share = short.then(|| self.fair_share(total, ask.owner, wants));
        let most = share.unwrap_or(total).max(ask.keeps);
        let permits = wants.min(most).min(free);
        if wants > 0 {
            let ttl = millis(ask.ttl);
            let until = now.saturating_add(ttl);
            self.grants.insert(ask.owner.to_owned(), Grant { permits, wants, until, ttl });
        }
        (permits, share)
    }

    /// At least one; what an even division leaves over goes to the first by name.
    fn fair_share(&self, total: u32, owner: &str, wants: u32) -> u32 {
        let others = self.grants.iter().map(|(owner, grant)| (grant.wants, owner.as_str()));
        let mut claims: Vec<_> = others.chain([(wants, owner)]).collect();
        claims.sort_unstable();
        let (mut left, mut owners) = (total, u32::try_from(claims.len()).unwrap_or(u32::MAX));
        while let Some(&(wants, claimant)) = claims.first()
            && wants <= left / owners
        {
            if claimant == owner {
                return wants.max(1);
            }
            left -= wants;
            owners -= 1;
            claims.remove(0);
        }
        claims.sort_unstable_by_key(|(_, owner)| *owner);
        let rank = claims.iter().take_while(|(_, other)| *other != owner).count();
        let extra = u32::from(rank < usize::try_from(left % owners).unwrap_or(0));
        (left / owners + extra).max(1)
    }

    fn refill(&mut self, limits: &PermitLimits, now: i64) {
        // A clock that was set back refills nothing.
        let elapsed = now.saturating_sub(self.as_of).max(0);
        let refilled = elapsed.saturating_mul(limits.refill_per_second.into());
        self.left = self.left.saturating_add(refilled).min(full(limits));
        self.as_of = now;
    }
}

fn full(limits: &PermitLimits) -> i64 {
    i64::from(limits.capacity) * 1000
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PermitLimits = PermitLimits { concurrent: 20, capacity: 100, refill_per_second: 10 };

    fn pool() -> Pool {
        Pool::new(&LIMITS, 0)
    }

    fn ask(owner: &str, wants: u32, keeps: u32) -> PermitRequest<'_> {
        PermitRequest { owner, wants, keeps, draws: 0, ttl: Duration::from_secs(20), hold: None }
    }

    impl Pool {
        fn grants(&mut self, owner: &str, wants: u32, keeps: u32, now: i64) -> u32 {
            let permits = self.ask(&LIMITS, &ask(owner, wants, keeps), now).permits;
            let granted: u32 = self.grants.values().map(|grant| grant.permits).sum();
            assert!(granted <= LIMITS.concurrent, "{self:?}");
            permits
        }
    }

    #[test]
    fn a_single_owner_gets_what_it_wants() {
        let mut pool = pool();
        assert_eq!([16, 30, 3, 0].map(|wants| pool.grants("a", wants, 0, 0)), [16, 20, 3, 0]);
        assert!(pool.grants.is_empty(), "what is given back leaves nothing behind");
    }

    #[test]
    fn divides_evenly_and_passes_on_unwanted_shares() {
        for (wants, shares) in [
            (&[16, 16][..], &[10, 10][..]),
            (&[16, 16, 16, 16], &[5, 5, 5, 5]),
            (&[16, 16, 16], &[7, 7, 6]),
            (&[16, 2, 16], &[9, 2, 9]),
            (&[16, 1, 2, 4], &[13, 1, 2, 4]),
            (&[20, 20, 1], &[10, 9, 1]),
        ] {
            let names: Vec<_> = (0..wants.len()).map(|i| format!("owner-{i}")).collect();
            let mut pool = pool();
            // Each comes down to its share as soon as it asks; the last round is what stays.
            let mut granted = vec![0; wants.len()];
            for _ in 0..3 {
                for (i, name) in names.iter().enumerate() {
                    granted[i] = pool.grants(name, wants[i], 0, 0);
                }
            }
            assert_eq!(granted, shares, "{wants:?}");
        }
    }

    #[test]
    fn permits_in_use_stay_until_given_back() {
        let mut pool = pool();
        assert_eq!(pool.grants("a", 20, 0, 0), 20);
        assert_eq!(pool.grants("b", 8, 0, 0), 0);
        let answer = pool.ask(&LIMITS, &ask("a", 20, 18), 0);
        assert_eq!((answer.permits, answer.share), (18, Some(12)));
        assert_eq!(pool.grants("b", 8, 0, 0), 2);
        assert_eq!(pool.grants("a", 20, 5, 0), 12);
        assert_eq!(pool.grants("b", 8, 2, 0), 8);
        assert_eq!(pool.ask(&LIMITS, &ask("a", 12, 12), 0).share, None, "nobody lacks any more");
    }

    #[test]
    fn no_grant_or_hold_outlasts_a_clock_set_back() {
        const HOUR: i64 = 3_600_000;
        let mut pool = pool();
        assert_eq!(pool.grants("killed", 16, 0, HOUR), 16);
        let hold = PermitRequest { hold: Some(Duration::from_secs(5)), ..ask("a", 4, 0) };
        let _ = pool.ask(&LIMITS, &hold, HOUR);
        let set_back = pool.ask(&LIMITS, &ask("a", 16, 4), 0);
        assert_eq!((set_back.permits, set_back.held), (4, Duration::from_secs(5)));
        assert_eq!(pool.grants("a", 16, 4, 20_000), 16, "the grant of 20 seconds has run out");
    }

    #[test]
    fn more_owners_than_permits_get_one_each() {
        let mut pool = pool();
        let granted: u32 = (0..30).map(|i| pool.grants(&format!("{i:02}"), 4, 0, 0)).sum();
        assert_eq!(granted, 20);
        let all: Vec<_> = (0..5).map(|i| pool.grants(&format!("{i:02}"), 4, 0, 0)).collect();
        assert_eq!(all, [1, 1, 1, 1, 1], "they come down for those who have none");
        assert_eq!(pool.grants("29", 4, 0, 0), 1);
    }

    #[test]
    fn an_expired_grant_is_free_and_late_renewals_get_the_rest() {
        let mut pool = pool();
        assert_eq!(pool.grants("killed", 16, 0, 0), 16);
        assert_eq!(pool.grants("b", 16, 0, 19_999), 4);
        assert_eq!(pool.grants("b", 16, 4, 20_000), 16);
        assert_eq!(pool.grants("killed", 16, 16, 20_001), 4);
    }

    #[test]
    fn the_bucket_gives_what_it_holds_and_the_refill_time() {
        let mut pool = pool();
        let mut draw = |draws, now| {
            let answer = pool.ask(&LIMITS, &PermitRequest { draws, ..ask("a", 1, 0) }, now);
            (answer.drawn, answer.next_draw.as_millis())
        };
        assert_eq!(draw(60, 0), (60, 0));
        assert_eq!(draw(60, 0), (40, 100));
        assert_eq!(draw(60, 50), (0, 50));
        assert_eq!(draw(60, 1_050), (10, 50));
        assert_eq!(draw(60, 500), (0, 50), "a clock that was set back refills nothing");
        assert_eq!(draw(200, 3_600_000), (100, 100), "a bucket holds no more than its size");
    }

    #[test]
    fn a_429_holds_everybody_and_empties_the_bucket() {
        let mut pool = pool();
        let hold = |seconds| PermitRequest { hold: Some(Duration::from_secs(seconds)), ..ask("a", 1, 0) };
        let held = |answer: PermitAnswer| answer.held.as_secs();
        assert_eq!(held(pool.ask(&LIMITS, &hold(30), 0)), 30);
        assert_eq!(held(pool.ask(&LIMITS, &hold(5), 1_000)), 29, "a shorter one changes nothing");
        let other = pool.ask(&LIMITS, &PermitRequest { draws: 9, ..ask("b", 1, 0) }, 1_000);
        assert_eq!((held(other), other.drawn), (29, 0));
        assert_eq!(held(pool.ask(&LIMITS, &ask("b", 1, 0), 30_000)), 0);
    }
}
