//! Limits on logins: failed attempts by name and address, and passwords verified at once.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use axum::http::header::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use http_server::client_network;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::auth::access::Access;

/// What the console remembers of logins.
#[derive(Default)]
pub(crate) struct LoginLimits {
    pub(crate) attempts: Attempts,
    pub(crate) passwords: PasswordQueue,
}

/// Attempts before the first wait.
const PER_NAME: u32 = 5;
/// Higher, as several people may share an address.
const PER_ADDRESS: u32 = 20;
/// Without an attempt, after which the count restarts.
const RESET_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Doubles with each further wrong password, up to the maximum.
const MIN_WAIT: TimeDelta = TimeDelta::seconds(30);
const MAX_WAIT: TimeDelta = TimeDelta::minutes(15);
/// Names and addresses.
const MAX_ENTRIES: usize = 10_000;

/// Failed logins by name and by address, within bounded memory.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Whose, Entry>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    /// SHA-256: it may be a password that was typed into the wrong field.
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
    /// Counts an attempt before it is checked, so that concurrent ones count as many.
    ///
    /// # Errors
    /// Seconds to wait.
    pub(crate) fn begin(&self, name: &str, address: IpAddr, now: DateTime<Utc>) -> Result<(), u64> {
        let mut entries = self.0.lock();
        let whose = [(of_name(name), PER_NAME), (of_address(address), PER_ADDRESS)];
        let until = whose.iter().filter_map(|(whose, _)| Some(entries.get(whose)?.wait_until)).max();
        if let Some(until) = until.filter(|until| *until > now) {
            return Err(u64::try_from((until - now).num_seconds() + 1).unwrap_or(1));
        }
        for (whose, limit) in whose {
            make_room(&mut entries, &whose, now);
            let entry = entries.entry(whose).or_insert(Entry { count: 0, last: now, wait_until: now });
            if now - entry.last.max(entry.wait_until) > RESET_AFTER {
                entry.count = 0;
            }
            entry.count += 1;
            entry.last = now;
            if let Some(beyond) = entry.count.checked_sub(limit) {
                let factor = 1 << beyond.min(10);
                entry.wait_until = now + (MIN_WAIT * factor).min(MAX_WAIT);
            }
        }
        Ok(())
    }

    /// The last attempt succeeded.
    pub(crate) fn succeeded(&self, name: &str, address: IpAddr) {
        let mut entries = self.0.lock();
        entries.remove(&of_name(name));
        // Others at this address may still be guessing.
        if let Some(entry) = entries.get_mut(&of_address(address)) {
            entry.count = entry.count.saturating_sub(1);
            if entry.count < PER_ADDRESS {
                entry.wait_until = entry.last;
            }
        }
    }
}

fn of_name(name: &str) -> Whose {
    Whose::Name(Sha256::digest(name.to_lowercase()).into())
}

fn of_address(address: IpAddr) -> Whose {
    Whose::Address(client_network(address))
}

/// When full, evicts the entry that expires first; one with a wait last.
fn make_room(entries: &mut HashMap<Whose, Entry>, whose: &Whose, now: DateTime<Utc>) {
    if entries.len() < MAX_ENTRIES || entries.contains_key(whose) {
        return;
    }
    entries.retain(|_, entry| now - entry.last.max(entry.wait_until) <= RESET_AFTER);
    if entries.len() >= MAX_ENTRIES {
        let least = entries.iter().min_by_key(|(_, entry)| (entry.wait_until.max(entry.last), entry.count));
        if let Some(least) = least.map(|(whose, _)| whose.clone()) {
            entries.remove(&least);
        }
    }
}

/// Logins in the queue, the one being verified included.
const QUEUE: usize = 20;

/// Verifies passwords one at a time, as each takes a processor for a while and 19 MiB.
pub(crate) struct PasswordQueue {
    places: Semaphore,
    turn: tokio::sync::Mutex<()>,
}

impl Default for PasswordQueue {
    fn default() -> Self {
        Self { places: Semaphore::new(QUEUE), turn: tokio::sync::Mutex::default() }
    }
}

/// A place in the queue until dropped.
pub(crate) struct Place<'a> {
    queue: &'a PasswordQueue,
    _permit: SemaphorePermit<'a>,
}

impl PasswordQueue {
    /// `None` if the queue is full.
    pub(crate) fn enter(&self) -> Option<Place<'_>> {
        Some(Place { queue: self, _permit: self.places.try_acquire().ok()? })
    }
}

impl Place<'_> {
    /// Waits for its turn.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.queue.turn.lock().await
    }
}

/// The address that login attempts count for; behind a proxy, the one that it forwards for.
pub(crate) fn client_address(access: &Access, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    if access.public_url.is_some() { forwarded_for(peer.ip(), headers) } else { peer.ip() }
}

/// The last address in `x-forwarded-for`: earlier ones may be forged, and all of them if the peer is no proxy.
/// Only peers with a private address are trusted as proxies.
fn forwarded_for(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let last = headers.get_all("x-forwarded-for").iter().next_back().and_then(|header| header.to_str().ok());
    let last = last.and_then(|addresses| addresses.rsplit(',').next()?.trim().parse().ok());
    last.filter(|_| is_private(peer)).unwrap_or(peer)
}

/// Loopback, private (RFC 1918, RFC 4193) or link-local.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
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
    fn delays_grow_after_five_attempts_for_a_name() {
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
        assert_eq!(longest, 901, "at most 15 minutes");
        assert_eq!(attempts.begin("ola", elsewhere(11), at(now)), Ok(()), "others do not wait");
    }

    #[test]
    fn forgets_attempts_after_five_minutes() {
        let attempts = Attempts::default();
        for _ in 0..4 {
            assert_eq!(attempts.begin("kari", HERE, at(0)), Ok(()));
        }
        for _ in 0..4 {
            assert_eq!(attempts.begin("kari", HERE, at(301)), Ok(()));
        }
    }

    #[test]
    fn success_clears_the_name_but_not_the_address() {
        let attempts = Attempts::default();
        for i in 0..19 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), HERE, at(0)), Ok(()));
        }
        assert_eq!(attempts.begin("mallory", HERE, at(0)), Ok(()));
        attempts.succeeded("mallory", HERE);
        assert_eq!(attempts.begin("guess-20", HERE, at(0)), Ok(()));
        assert_eq!(attempts.begin("guess-21", HERE, at(0)), Err(31));
    }

    #[test]
    fn counts_an_ipv6_network_as_one_address() {
        let attempts = Attempts::default();
        let address = |i: u16| IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, i));
        for i in 0..20 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), address(i), at(0)), Ok(()));
        }
        assert!(attempts.begin("guess-20", address(20), at(0)).is_err());
    }

    #[test]
    fn bounds_memory_and_evicts_waiting_entries_last() {
        let attempts = Attempts::default();
        for i in 0..5 {
            assert_eq!(attempts.begin("kari", elsewhere(i), at(0)), Ok(()));
        }
        for i in 0..6_000 {
            assert_eq!(attempts.begin(&format!("guess-{i}"), elsewhere(100 + i), at(1)), Ok(()));
        }
        assert!(attempts.0.lock().len() <= MAX_ENTRIES);
        assert!(attempts.begin("kari", elsewhere(9), at(2)).is_err());
    }

    #[test]
    fn limits_the_password_queue() {
        let queue = PasswordQueue::default();
        let mut places: Vec<_> = (0..QUEUE).map_while(|_| queue.enter()).collect();
        assert_eq!(places.len(), QUEUE);
        assert!(queue.enter().is_none());
        places.pop();
        assert!(queue.enter().is_some());
    }

    #[test]
    fn trusts_forwarded_addresses_of_private_peers_only() {
        let heard: IpAddr = "203.0.113.9".parse().expect("an address");
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().expect("a name"),
            "9.9.9.9, 203.0.113.9".parse().expect("a value"),
        )]);
        for near in
            ["127.0.0.1", "10.0.0.7", "172.17.0.1", "192.168.1.2", "::1", "fd00::1", "::ffff:10.0.0.7"]
        {
            assert_eq!(forwarded_for(near.parse().expect("an address"), &headers), heard, "{near}");
        }
        for far in ["198.51.100.7", "172.32.0.1", "2001:db8::1", "::ffff:198.51.100.7"] {
            let far: IpAddr = far.parse().expect("an address");
            assert_eq!(forwarded_for(far, &headers), far);
        }
        let near: IpAddr = "10.0.0.7".parse().expect("an address");
        assert_eq!(forwarded_for(near, &HeaderMap::new()), near);
    }
}
