//! How often somebody may try to log in: few times in a row, then after a wait that grows. Counted for
//! each name and for each address, in memory that does not grow beyond a bound.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// Wrong passwords in a row for one name before the first wait.
const FOR_A_NAME: u32 = 5;
/// The same for one address: several people may share it.
const FOR_AN_ADDRESS: u32 = 20;
/// After so long without an attempt they are forgotten.
const FORGOTTEN: TimeDelta = TimeDelta::minutes(5);
/// The first wait; each further wrong password doubles it, up to the last.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);
const LAST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// Names and addresses that are remembered.
const REMEMBERED: usize = 10_000;

/// What is remembered of attempts.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Whose, Entry>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// By its hash: it may be a password that was typed into the wrong field.
    Name([u8; 32]),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    count: u32,
    last: DateTime<Utc>,
    wait_until: DateTime<Utc>,
}

impl Attempts {
    /// Counts an attempt, before it is looked at: many at once shall not pass as one. Answers how
    /// many seconds to wait, where it is one too many.
    pub(crate) fn begin(&self, name: &str, address: IpAddr, now: DateTime<Utc>) -> Result<(), u64> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = [(of_name(name), FOR_A_NAME), (of_address(address), FOR_AN_ADDRESS)];
        let until = whose.iter().filter_map(|(whose, _)| Some(entries.get(whose)?.wait_until)).max();
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(u64::try_from((until - now).num_seconds() + 1).unwrap_or(1));
        }
        for (whose, limit) in whose {
            make_room(&mut entries, &whose, now);
            let entry = entries.entry(whose).or_insert(Entry { count: 0, last: now, wait_until: now });
            if now - entry.last.max(entry.wait_until) > FORGOTTEN {
                entry.count = 0;
            }
            entry.count += 1;
            entry.last = now;
            if let Some(beyond) = entry.count.checked_sub(limit) {
                let factor = 1 << beyond.min(10);
                entry.wait_until = now + (FIRST_WAIT * factor).min(LAST_WAIT);
            }
        }
        Ok(())
    }

    /// The attempt that was counted last was right.
    pub(crate) fn was_right(&self, name: &str, address: IpAddr) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&of_name(name));
        // Others at this address may still be guessing.
        if let Some(entry) = entries.get_mut(&of_address(address)) {
            entry.count = entry.count.saturating_sub(1);
            if entry.count < FOR_AN_ADDRESS {
                entry.wait_until = entry.last;
            }
        }
    }
}

fn of_name(name: &str) -> Whose {
    Whose::Name(Sha256::digest(name.to_lowercase()).into())
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn of_address(address: IpAddr) -> Whose {
    Whose::Address(counted(address))
}

/// The address as it is counted.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        address => address,
    }
}

/// Where all places are taken, who is to be forgotten soonest makes room; one who waits, last.
fn make_room(entries: &mut HashMap<Whose, Entry>, whose: &Whose, now: DateTime<Utc>) {
    if entries.len() < REMEMBERED || entries.contains_key(whose) {
        return;
    }
    entries.retain(|_, entry| now - entry.last.max(entry.wait_until) <= FORGOTTEN);
    if entries.len() >= REMEMBERED {
        let least = entries.iter().min_by_key(|(_, entry)| (entry.wait_until.max(entry.last), entry.count));
        if let Some(least) = least.map(|(whose, _)| whose.clone()) {
            entries.remove(&least);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000 + seconds, 0).expect("a time")
    }

    fn elsewhere(i: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + i).into())
    }

    #[test]
    fn after_five_for_a_name_each_further_one_waits_longer() {
        let attempts = Attempts::default();
        for i in 0..5 {
            assert_eq!(attempts.begin("kari", elsewhere(i), at(0)), Ok(()));
        }
        assert_eq!(attempts.begin("Kari", elsewhere(9), at(0)), Err(31));
        assert_eq!(attempts.begin("kari", elsewhere(9), at(30)), Ok(()));
        assert_eq!(attempts.begin("kari", elsewhere(9), at(31)), Err(60));
        let (mut now, mut longest) = (31, 0);
        for i in 0..30 {
            if let Err(wait) = attempts.begin("kari", elsewhere(100 + i), at(now)) {
                longest = longest.max(wait);
                now += i64::try_from(wait).expect("it is small");
            }
        }
        assert_eq!(longest, 901, "a quarter of an hour at most");
        assert_eq!(attempts.begin("ola", elsewhere(11), at(now)), Ok(()), "others need not wait");
    }

    #[test]
    fn what_lies_back_five_minutes_is_forgotten() {
        let attempts = Attempts::default();
        for _ in 0..4 {
            assert_eq!(attempts.begin("kari", HERE, at(0)), Ok(()));
        }
        for _ in 0..4 {
            assert_eq!(attempts.begin("kari", HERE, at(301)), Ok(()));
        }
    }

    #[test]
    fn the_right_password_clears_the_name_and_not_the_address() {
        let attempts = Attempts::default();
        for i in 0..19 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), HERE, at(0)), Ok(()));
        }
        assert_eq!(attempts.begin("mallory", HERE, at(0)), Ok(()));
        attempts.was_right("mallory", HERE);
        assert_eq!(attempts.begin("guess-20", HERE, at(0)), Ok(()));
        assert_eq!(attempts.begin("guess-21", HERE, at(0)), Err(31));
    }

    #[test]
    fn one_network_of_ipv6_is_one_address() {
        let attempts = Attempts::default();
        let address = |i: u16| IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, i));
        for i in 0..20 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), address(i), at(0)), Ok(()));
        }
        assert!(attempts.begin("guess-20", address(20), at(0)).is_err());
    }

    #[test]
    fn memory_is_bounded_and_who_waits_is_forgotten_last() {
        let attempts = Attempts::default();
        for i in 0..5 {
            assert_eq!(attempts.begin("kari", elsewhere(i), at(0)), Ok(()));
        }
        for i in 0..6_000 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), elsewhere(100 + i), at(1)), Ok(()));
        }
        assert!(attempts.0.lock().expect("whole").len() <= REMEMBERED);
        assert!(attempts.begin("kari", elsewhere(9), at(2)).is_err());
    }
}
