//! OIDC logins between start and callback: bound to the browser, used once.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use http_server::client_network;
use openidconnect::{Nonce, PkceCodeVerifier};
use parking_lot::Mutex;

use crate::auth::token::Token;

/// From start to callback.
pub(crate) const LOGIN_TIMEOUT: TimeDelta = TimeDelta::minutes(10);

/// Pending logins.
const MAX_PENDING: usize = 1_000;

/// A started login.
pub(crate) struct Pending {
    pub(crate) state: Token,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
    /// Path to redirect to afterwards.
    pub(crate) next: String,
    started_at: DateTime<Utc>,
}

struct Kept {
    pending: Pending,
    from: IpAddr,
}

impl Pending {
    pub(crate) fn new(
        state: Token,
        nonce: Nonce,
        verifier: PkceCodeVerifier,
        next: String,
        started_at: DateTime<Utc>,
    ) -> Self {
        Self { state, nonce, verifier, next, started_at }
    }
}

/// Pending logins by the hash of the browser's token.
#[derive(Default)]
pub(crate) struct PendingLogins(Mutex<HashMap<String, Kept>>);

impl PendingLogins {
    /// When full, drops the oldest login of the client with the most, so that a client that starts hundreds ends
    /// no other client's login.
    pub(crate) fn add(&self, browser: &Token, from: IpAddr, pending: Pending) {
        let mut logins = self.0.lock();
        let (now, from) = (pending.started_at, client_network(from));
        logins.retain(|_, login| is_young(&login.pending, now));
        if logins.len() >= MAX_PENDING {
            let id = to_forget(&logins);
            id.and_then(|id| logins.remove(&id));
        }
        logins.insert(browser.hash(), Kept { pending, from });
    }

    /// Takes the login that this browser started with this state, once and in time. A wrong state leaves it: a
    /// link to the callback must not end a login.
    pub(crate) fn take(&self, browser: &Token, state: &str, now: DateTime<Utc>) -> Option<Pending> {
        let mut logins = self.0.lock();
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
    theirs.min_by_key(|(_, login)| login.pending.started_at).map(|(id, _)| id.clone())
}

fn is_young(login: &Pending, now: DateTime<Utc>) -> bool {
    now - login.started_at < LOGIN_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_cannot_evict_anothers_login() {
        let (logins, kari, now) = (PendingLogins::default(), Token::random(), Utc::now());
        let begin = |browser: &Token, from: &str, state: &Token| {
            let verifier = PkceCodeVerifier::new("v".to_owned());
            let pending = Pending::new(state.clone(), Nonce::new_random(), verifier, "/".to_owned(), now);
            logins.add(browser, from.parse().expect("an address"), pending);
        };
        let state = Token::random();
        begin(&kari, "198.51.100.7", &state);
        for i in 0..2 * MAX_PENDING {
            begin(&Token::random(), &format!("2001:db8::{:x}", i % 60_000), &Token::random());
        }
        assert_eq!(logins.0.lock().len(), MAX_PENDING);
        assert!(logins.take(&kari, "guessed", now).is_none());
        assert!(logins.take(&kari, state.expose(), now).is_some(), "it is still there");
        assert!(logins.take(&kari, state.expose(), now).is_none(), "once");
    }
}
