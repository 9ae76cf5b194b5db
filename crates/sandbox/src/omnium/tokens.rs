//! Access tokens: handed out, running out, revoked.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::lock;

#[derive(Debug)]
pub(super) struct Tokens {
    lifetime: Duration,
    issued: Mutex<HashMap<String, Issued>>,
}

/// Whose a token is, and how long it is valid.
#[derive(Debug)]
struct Issued {
    client_id: String,
    until: Instant,
}

impl Tokens {
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, issued: Mutex::default() }
    }

    pub fn issue(&self, client_id: &str) -> String {
        let token = Uuid::new_v4().simple().to_string();
        let now = Instant::now();
        let mut tokens = lock(&self.issued);
        tokens.retain(|_, issued| issued.until > now);
        let issued = Issued { client_id: client_id.to_owned(), until: now + self.lifetime };
        tokens.insert(token.clone(), issued);
        token
    }

    /// What `expiresIn` says: whole seconds.
    pub fn expires_in(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// Whose a token is, where it is valid.
    pub fn client_id(&self, token: &str) -> Option<String> {
        let tokens = lock(&self.issued);
        let valid = tokens.get(token).filter(|issued| issued.until > Instant::now());
        valid.map(|issued| issued.client_id.clone())
    }

    pub fn revoke_all(&self) {
        lock(&self.issued).clear();
    }
}
