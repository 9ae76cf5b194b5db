//! What people are told, as an outbox: written once for each occurrence, then sent by whoever leases it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};
use crate::{Step, StoreError};

/// The outbox of notifications.
#[async_trait]
pub trait NotificationStore: Send + Sync {
    /// Says everything of this kind that is so now. What was not so before is written as a notification for the
    /// channel; what is no longer so ends, and is new when it comes back. Of many who say the same at once, one
    /// writes it.
    async fn note_standing(
        &self,
        channel: &str,
        kind: &str,
        standing: &[NewNotification],
    ) -> Result<(), StoreError>;

    /// Leases the oldest notification that is due, and counts the attempt; `None` where none is. One whose sender
    /// was killed is due again when its lease expires.
    async fn lease_notification(
        &self,
        channel: &str,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<Notification>, StoreError>;

    /// It was sent.
    async fn notification_sent(&self, id: &str, owner: &str) -> Result<Step, StoreError>;

    /// It was not sent. It is due again after `retry_after`, or given up where that is `None`.
    async fn notification_failed(
        &self,
        id: &str,
        owner: &str,
        error: &str,
        retry_after: Option<Duration>,
    ) -> Result<Step, StoreError>;

    /// How many wait and how many were given up, in this order.
    async fn unsent_notifications(&self) -> Result<(u64, u64), StoreError>;

    /// Removes those of all channels but these: nobody sends them any more.
    async fn keep_channels(&self, channels: &[String]) -> Result<(), StoreError>;

    /// Removes those that were sent or given up and ended longer ago than this, and answers how many.
    async fn remove_old_notifications(&self, older_than: Duration) -> Result<u64, StoreError>;
}

/// Something that is so now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotification {
    /// A new id, used where this is not known yet.
    pub id: String,
    /// Names it among those of its kind: a cause, stage, target or day.
    pub subject: String,
    /// The message, as JSON.
    pub message: String,
}

/// A notification that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: String,
    /// The message, as JSON.
    pub message: String,
    /// When it was noted, by the store's clock.
    pub noted_at: DateTime<Utc>,
    /// Attempts to send it, with this one.
    pub attempts: u32,
}

#[async_trait]
impl<D: Database> NotificationStore for SqlStore<D> {
    async fn note_standing(
        &self,
        channel: &str,
        kind: &str,
        standing: &[NewNotification],
    ) -> Result<(), StoreError> {
        let known = Statement::new(
            "select subject from notification where channel = $1 and kind = $2 and ended_at = 0",
        );
        let known = self.list(known.text(channel).text(kind), |row| row.get::<String>("subject")).await?;
        let is_standing = |subject: &String| standing.iter().any(|new| new.subject == *subject);
        let ended: Vec<_> = known.iter().filter(|subject| !is_standing(subject)).cloned().collect();
        if !ended.is_empty() {
            self.write(end(self.dialect(), channel, kind, &ended)).await?;
        }
        for new in standing.iter().filter(|new| !known.contains(&new.subject)) {
            self.write(begin(self.dialect(), channel, kind, new)).await?;
        }
        Ok(())
    }

    async fn lease_notification(
        &self,
        channel: &str,
        owner: &str,
        ttl: Duration,
    ) -> Result<Option<Notification>, StoreError> {
        let now = self.dialect().now();
        // A lease that runs for more than twice as long as a new one would was taken before the clock was set back.
        let due = format!(
            "state = 'waiting' and next_attempt_at <= {now}
             and (lease_until is null or lease_until <= {now} or lease_until > {now} + $2 + $2)"
        );
        // Most of the time nothing is due, and that is found out without writing.
        let any = Statement::new(format!("select id from notification where channel = $1 and {due} limit 1"));
        if self.find(any.text(channel).duration(ttl), |row| row.get::<String>("id")).await?.is_none() {
            return Ok(None);
        }
        // The condition is asked again where it is written: on PostgreSQL another may have had it meanwhile.
        let lease = Statement::new(format!(
            "update notification set lease_owner = $3, lease_until = {now} + $2, attempts = attempts + 1
             where id = (select id from notification where channel = $1 and {due} order by noted_at, id limit 1)
                 and {due}
             returning id, message, noted_at, attempts"
        ));
        self.write_one(lease.text(channel).duration(ttl).text(owner), read).await
    }

    async fn notification_sent(&self, id: &str, owner: &str) -> Result<Step, StoreError> {
        let now = self.dialect().now();
        let sent = Statement::new(format!(
            "update notification set state = 'sent', settled_at = {now}, error = null,
                 lease_owner = null, lease_until = null
             where id = $1 and lease_owner = $2 and state = 'waiting' returning id"
        ));
        self.step(sent.text(id).text(owner)).await
    }

    async fn notification_failed(
        &self,
        id: &str,
        owner: &str,
        error: &str,
        retry_after: Option<Duration>,
    ) -> Result<Step, StoreError> {
        let now = self.dialect().now();
        let (state, settled_at) = if retry_after.is_some() { ("waiting", "null") } else { ("given_up", now) };
        let failed = Statement::new(format!(
            "update notification set state = '{state}', settled_at = {settled_at}, error = $3,
                 next_attempt_at = {now} + $4, lease_owner = null, lease_until = null
             where id = $1 and lease_owner = $2 and state = 'waiting' returning id"
        ));
        let failed = failed.text(id).text(owner).text(error).duration(retry_after.unwrap_or_default());
        self.step(failed).await
    }

    async fn unsent_notifications(&self) -> Result<(u64, u64), StoreError> {
        let count = Statement::new(
            "select count(case when state = 'waiting' then 1 end) as waiting,
                 count(case when state = 'given_up' then 1 end) as given_up from notification",
        );
        self.find_one(count, |row| Ok((row.get("waiting")?, row.get("given_up")?))).await
    }

    async fn keep_channels(&self, channels: &[String]) -> Result<(), StoreError> {
        let of_others = format!("from notification where channel not in ({})", self.dialect().texts(1));
        let any = Statement::new(format!("select id {of_others} limit 1")).texts(channels);
        if self.find(any, |row| row.get::<String>("id")).await?.is_some() {
            self.write(Statement::new(format!("delete {of_others}")).texts(channels)).await?;
        }
        Ok(())
    }

    async fn remove_old_notifications(&self, older_than: Duration) -> Result<u64, StoreError> {
        let now = self.dialect().now();
        let remove = Statement::new(format!(
            "delete from notification where ended_at > 0 and ended_at < {now} - $1 and state <> 'waiting' returning id"
        ));
        self.count_written(remove.duration(older_than)).await
    }
}

fn end(dialect: Dialect, channel: &str, kind: &str, subjects: &[String]) -> Statement {
    let (now, given) = (dialect.now(), dialect.texts(3));
    Statement::new(format!(
        "update notification set ended_at = {now}
         where channel = $1 and kind = $2 and ended_at = 0 and subject in ({given})"
    ))
    .text(channel)
    .text(kind)
    .texts(subjects)
}

fn begin(dialect: Dialect, channel: &str, kind: &str, new: &NewNotification) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "insert into notification (id, channel, kind, subject, message, noted_at, ended_at, state, attempts, next_attempt_at)
         values ($1, $2, $3, $4, $5, {now}, 0, 'waiting', 0, {now})
         on conflict (channel, kind, subject, ended_at) do nothing"
    ))
    .text(&new.id)
    .text(channel)
    .text(kind)
    .text(&new.subject)
    .text(&new.message)
}

fn read(row: &Row) -> Result<Notification, DecodeError> {
    Ok(Notification {
        id: row.get("id")?,
        message: row.get("message")?,
        noted_at: row.get("noted_at")?,
        attempts: row.get("attempts")?,
    })
}
