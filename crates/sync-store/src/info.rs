//! The database behind a store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::StoreError;

/// The database behind a store.
#[async_trait]
pub trait StoreInfo: Send + Sync {
    /// The database's clock, by which it notes times and leases expire.
    async fn now(&self) -> Result<DateTime<Utc>, StoreError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The absolute path of the SQLite file, or host, port and database of PostgreSQL. Never a password.
    fn describe(&self) -> String;
}
