//! Sessions: who is logged in to the console.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::StoreError;

/// Somebody who is logged in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// A hash of the token that the browser has: who reads the store cannot use it.
    pub id: String,
    /// How they became known: `password PRINT`, of the password that they had then, or `oidc ISSUER`.
    pub way: String,
    /// Who.
    pub who: String,
    /// What they may do.
    pub role: String,
    /// The token that forms of this session carry.
    pub csrf: String,
    /// When they logged in.
    pub opened_at: DateTime<Utc>,
    /// When a page was last asked for, to within a minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends in any case.
    pub ends_at: DateTime<Utc>,
}

/// The token of the forms stays out.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("way", &self.way)
            .field("who", &self.who)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

/// Who is logged in. All times are of the caller's clock.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a session.
    async fn open_session(&self, session: &Session) -> Result<(), StoreError>;

    /// The session with this id, whether or not its time is over.
    async fn session(&self, id: &str) -> Result<Option<Session>, StoreError>;

    /// A page was asked for.
    async fn see_session(&self, id: &str, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Ends a session. Answers whether there was one.
    async fn close_session(&self, id: &str) -> Result<bool, StoreError>;

    /// Ends all sessions of somebody, or everybody's. Answers how many there were.
    async fn close_sessions(&self, who: Option<&str>) -> Result<u64, StoreError>;

    /// Forgets sessions that ended before now, or were not seen since.
    async fn forget_sessions(
        &self,
        now: DateTime<Utc>,
        unseen_since: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Every session that is kept, the latest seen first.
    async fn sessions(&self) -> Result<Vec<Session>, StoreError>;
}
