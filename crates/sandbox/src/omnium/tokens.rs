//! Access tokens: handed out, running out, revoked.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::lock;

#[derive(Debug)]
pub(super) struct Tokens {
    lifetime: Duration,
    valid_until: Mutex<HashMap<String, Instant>>,
}

impl Tokens {
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, valid_until: Mutex::default() }
    }

    pub fn issue(&self) -> String {
        let token = Uuid::new_v4().simple().to_string();
        let now = Instant::now();
        let mut tokens = lock(&self.valid_until);
        tokens.retain(|_, until| *until > now);
        tokens.insert(token.clone(), now + self.lifetime);
        token
    }

    /// What `expiresIn` says: whole seconds.
    pub fn expires_in(&self) -> u64 {
        self.lifetime.as_secs()
    }

    pub fn is_valid(&self, token: &str) -> bool {
        lock(&self.valid_until).get(token).is_some_and(|until| *until > Instant::now())
    }

    pub fn revoke_all(&self) {
        lock(&self.valid_until).clear();
    }
}
