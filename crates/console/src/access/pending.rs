//! Logins at the identity provider that were begun: kept here, bound to the browser, used once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{Nonce, PkceCodeVerifier};

use crate::access::Token;
use crate::access::attempts::counted;
use crate::access::cookie::LOGIN_SECONDS;

/// Logins that may be under way at once.
const MOST: usize = 1_000;

/// A login that was begun.
pub(crate) struct Pending {
    pub(crate) state: Token,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
    /// Where to go afterwards.
    pub(crate) next: String,
    begun_at: DateTime<Utc>,
}

struct Kept {
    pending: Pending,
    /// Who began it.
    from: IpAddr,
}

impl Pending {
    pub(crate) fn new(
        state: Token,
        nonce: Nonce,
        verifier: PkceCodeVerifier,
        next: String,
        begun_at: DateTime<Utc>,
    ) -> Self {
        Self { state, nonce, verifier, next, begun_at }
    }
}

/// The logins that were begun, by a hash of the token that the browser has.
#[derive(Default)]
pub(crate) struct PendingLogins(Mutex<HashMap<String, Kept>>);

impl PendingLogins {
    /// Keeps one. Where there are too many, the oldest of the address that has the most is forgotten: who
    /// begins them by the hundred ends nobody else's.
    pub(crate) fn begin(&self, browser: &Token, from: IpAddr, pending: Pending) {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = pending.begun_at;
        let from = counted(from);
        logins.retain(|_, login| is_young(&login.pending, now));
        if logins.len() >= MOST {
            let id = to_forget(&logins);
            id.and_then(|id| logins.remove(&id));
        }
        logins.insert(browser.hash(), Kept { pending, from });
    }

    /// Takes the one that this browser began with this state, once and in time. With another state it
    /// stays: a link to the way back must not end a login.
    pub(crate) fn take(&self, browser: &Token, state: &str, now: DateTime<Utc>) -> Option<Pending> {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = browser.hash();
        logins.get(&id).filter(|login| login.pending.state.is(state))?;
        logins.remove(&id).map(|login| login.pending).filter(|login| is_young(login, now))
    }
}

fn to_forget(logins: &HashMap<String, Kept>) -> Option<String> {
    let mut count: HashMap<IpAddr, usize> = HashMap::new();
    for login in logins.values() {
        *count.entry(login.from).or_default() += 1;
    }
    let (most, _) = count.into_iter().max_by_key(|(_, count)| *count)?;
    let theirs = logins.iter().filter(|(_, login)| login.from == most);
    theirs.min_by_key(|(_, login)| login.pending.begun_at).map(|(id, _)| id.clone())
}

fn is_young(login: &Pending, now: DateTime<Utc>) -> bool {
    now - login.begun_at < TimeDelta::seconds(LOGIN_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_logins_by_the_hundred_ends_nobody_elses() {
        let (logins, kari, now) = (PendingLogins::default(), Token::random(), Utc::now());
        let begin = |browser: &Token, from: &str, state: &Token| {
            let verifier = PkceCodeVerifier::new("v".to_owned());
            let pending = Pending::new(state.clone(), Nonce::new_random(), verifier, "/".to_owned(), now);
            logins.begin(browser, from.parse().expect("an address"), pending);
        };
        let state = Token::random();
        begin(&kari, "198.51.100.7", &state);
        for i in 0..2 * MOST {
            begin(&Token::random(), &format!("2001:db8::{:x}", i % 60_000), &Token::random());
        }
        assert_eq!(logins.0.lock().expect("whole").len(), MOST);
        assert!(logins.take(&kari, "guessed", now).is_none());
        assert!(logins.take(&kari, state.expose(), now).is_some(), "it is still there");
        assert!(logins.take(&kari, state.expose(), now).is_none(), "once");
    }
}
