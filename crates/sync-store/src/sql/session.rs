//! Sessions.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, Row, SqlStore, Statement, Surprise};
use crate::{Session, SessionStore, StoreError};

/// The columns that [`read`] reads.
const SESSION: &str = "id, way, who, role, csrf, opened_at, seen_at, ends_at";

#[async_trait]
impl<D: Database> SessionStore for SqlStore<D> {
    async fn open_session(&self, session: &Session) -> Result<(), StoreError> {
        self.0.write(open(session)).await.map(drop)
    }

    async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let sql = format!("select {SESSION} from session where id = $1");
        let rows = self.0.read(Statement::new(sql).text(id)).await?;
        self.first(rows, read)
    }

    async fn see_session(&self, id: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        let sql = "update session set seen_at = $2 where id = $1 and seen_at < $2";
        self.0.write(Statement::new(sql).text(id).time(Some(at))).await.map(drop)
    }

    async fn close_session(&self, id: &str) -> Result<bool, StoreError> {
        let close = Statement::new("delete from session where id = $1 returning id").text(id);
        Ok(!self.0.write(close).await?.is_empty())
    }

    async fn close_sessions(&self, who: Option<&str>) -> Result<u64, StoreError> {
        let mut close = Statement::new("delete from session where true").matching("who = $", who);
        close.sql.push_str(" returning id");
        Ok(self.0.write(close).await?.len() as u64)
    }

    async fn forget_sessions(
        &self,
        now: DateTime<Utc>,
        unseen_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let forget = Statement::new("delete from session where ends_at <= $1 or seen_at < $2");
        self.0.write(forget.time(Some(now)).time(Some(unseen_since))).await.map(drop)
    }

    async fn sessions(&self) -> Result<Vec<Session>, StoreError> {
        let sql = format!("select {SESSION} from session order by seen_at desc, id");
        let rows = self.0.read(Statement::new(sql)).await?;
        self.each(rows, read)
    }
}

fn open(session: &Session) -> Statement {
    let sql = format!("insert into session ({SESSION}) values ($1, $2, $3, $4, $5, $6, $7, $8)");
    Statement::new(sql)
        .text(&session.id)
        .text(&session.way)
        .text(&session.who)
        .text(&session.role)
        .text(&session.csrf)
        .time(Some(session.opened_at))
        .time(Some(session.seen_at))
        .time(Some(session.ends_at))
}

fn read(row: &mut Row) -> Result<Session, Surprise> {
    Ok(Session {
        id: row.text()?,
        way: row.text()?,
        who: row.text()?,
        role: row.text()?,
        csrf: row.text()?,
        opened_at: row.time()?,
        seen_at: row.time()?,
        ends_at: row.time()?,
    })
}
