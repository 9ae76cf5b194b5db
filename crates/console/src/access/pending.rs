//! Logins at the identity provider that were begun: kept here, bound to the browser, used once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{Nonce, PkceCodeVerifier};

use crate::access::Token;
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
pub(crate) struct PendingLogins(Mutex<HashMap<String, Pending>>);

impl PendingLogins {
    /// Keeps one. Where there are too many, the oldest is forgotten.
    pub(crate) fn begin(&self, browser: &Token, pending: Pending) {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = pending.begun_at;
        logins.retain(|_, login| is_young(login, now));
        if logins.len() >= MOST {
            let oldest = logins.iter().min_by_key(|(_, login)| login.begun_at).map(|(id, _)| id.clone());
            oldest.and_then(|id| logins.remove(&id));
        }
        logins.insert(browser.hash(), pending);
    }

    /// Takes the one of this browser, once and in time.
    pub(crate) fn take(&self, browser: &Token, now: DateTime<Utc>) -> Option<Pending> {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logins.remove(&browser.hash()).filter(|login| is_young(login, now))
    }
}

fn is_young(login: &Pending, now: DateTime<Utc>) -> bool {
    now - login.begun_at < TimeDelta::seconds(LOGIN_SECONDS)
}
