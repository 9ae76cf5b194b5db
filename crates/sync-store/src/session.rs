//! Sessions of the console.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::StoreError;
use crate::sql::{Database, DecodeError, Row, SqlStore, Statement};

/// Sessions of the console. All times are by the caller's clock.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session.
    async fn open_session(&self, session: &Session) -> Result<(), StoreError>;

    /// The session with this id, even an expired one.
    async fn session(&self, id: &str) -> Result<Option<Session>, StoreError>;

    /// Moves `seen_at` forward.
    async fn touch_session(&self, id: &str, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Ends a session, and answers whether there was one.
    async fn close_session(&self, id: &str) -> Result<bool, StoreError>;

    /// Ends all sessions of a user, or of everybody, and answers how many there were.
    async fn close_sessions(&self, who: Option<&str>) -> Result<u64, StoreError>;

    /// Removes sessions that have expired by `now` or were last seen before `unseen_since`.
    async fn remove_sessions(
        &self,
        now: DateTime<Utc>,
        unseen_since: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// All sessions, latest seen first.
    async fn sessions(&self) -> Result<Vec<Session>, StoreError>;
}

/// Somebody who is logged in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// A hash of the browser's token, so that the store's content opens no session.
    pub id: String,
    /// How they logged in: `password FINGERPRINT`, of the password at that time, or `oidc ISSUER`.
    pub way: String,
    /// Name of the user.
    pub who: String,
    /// Role of the user.
    pub role: String,
    /// Token of the session's forms.
    pub csrf: String,
    /// Time of login.
    pub opened_at: DateTime<Utc>,
    /// Last request, to within a minute.
    pub seen_at: DateTime<Utc>,
    /// Expiry, however active the session is.
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

/// The columns that [`read`] reads.
const SESSION: &str = "id, way, who, role, csrf, opened_at, seen_at, ends_at";

#[async_trait]
impl<D: Database> SessionStore for SqlStore<D> {
    async fn open_session(&self, session: &Session) -> Result<(), StoreError> {
        let sql = format!("insert into session ({SESSION}) values ($1, $2, $3, $4, $5, $6, $7, $8)");
        let open = Statement::new(sql)
            .text(&session.id)
            .text(&session.way)
            .text(&session.who)
            .text(&session.role)
            .text(&session.csrf)
            .time(Some(session.opened_at))
            .time(Some(session.seen_at))
            .time(Some(session.ends_at));
        self.write(open).await
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let sql = format!("select {SESSION} from session where id = $1");
        self.find(Statement::new(sql).text(id), read).await
    }

    async fn touch_session(&self, id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "update session set seen_at = $2 where id = $1 and seen_at < $2";
        self.write(Statement::new(sql).text(id).time(Some(at))).await
    }

    async fn close_session(&self, id: &str) -> Result<bool, StoreError> {
        let close = Statement::new("delete from session where id = $1 returning id").text(id);
        Ok(self.count_written(close).await? > 0)
    }

    async fn close_sessions(&self, who: Option<&str>) -> Result<u64, StoreError> {
        let mut close = Statement::new("delete from session where true").matching("who = $", who);
        close.sql.push_str(" returning id");
        self.count_written(close).await
    }

    async fn remove_sessions(
        &self,
        now: DateTime<Utc>,
        unseen_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let forget = Statement::new("delete from session where ends_at <= $1 or seen_at < $2");
        self.write(forget.time(Some(now)).time(Some(unseen_since))).await
    }

    async fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        let sql = format!("select {SESSION} from session order by seen_at desc, id");
        self.list(Statement::new(sql), read).await
    }
}

fn read(row: &Row) -> Result<Session, DecodeError> {
    Ok(Session {
        id: row.get("id")?,
        way: row.get("way")?,
        who: row.get("who")?,
        role: row.get("role")?,
        csrf: row.get("csrf")?,
        opened_at: row.get("opened_at")?,
        seen_at: row.get("seen_at")?,
        ends_at: row.get("ends_at")?,
    })
}
