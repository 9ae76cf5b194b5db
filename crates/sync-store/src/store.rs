//! The whole store: opening it, and migrating its tables.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use config::Secret;
use futures_util::future::{BoxFuture, FutureExt};

use crate::postgres::Postgres;
use crate::sql::{Database, SqlStore, Statement};
use crate::sqlite::Sqlite;
use crate::url::{IfMissing, Url, url_of};
use crate::{
    AuditStore, BacklogStore, DeadLetterStore, NamedLeaseStore, NotificationStore, PackageStore,
    PendingMigration, PermitStore, PruneStore, RecordStore, ReportStore, Schema, SessionStore, StageStore,
    StoreError, StoreInfo,
};

/// Everything that is stored. Code that needs one aggregate takes its trait: `&dyn SyncStore` coerces to each.
///
/// What a writing method answered survives a power cut. After [`StoreError::Unavailable`] it is unknown whether it
/// took effect; each may be called again.
pub trait SyncStore:
    StoreInfo
    + RecordStore
    + DeadLetterStore
    + PackageStore
    + NamedLeaseStore
    + PermitStore
    + StageStore
    + ReportStore
    + BacklogStore
    + AuditStore
    + NotificationStore
    + SessionStore
    + PruneStore
{
}

impl<D: Database> SyncStore for SqlStore<D> {}

#[async_trait]
impl<D: Database> StoreInfo for SqlStore<D> {
    async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = self.dialect().now();
        self.find_one(Statement::new(format!("select {now} as now")), |row| row.get("now")).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.read(Statement::new("select 'here'")).await.map(drop)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// Opens the store that the URL names and brings its tables up to date. Several processes may do so
/// at the same time. Where the tables are up to date, the user needs no right to change them.
///
/// `sqlite://bilag.db` is a file in the working directory, `sqlite:///var/lib/bilag.db` one
/// anywhere; it is created where it is missing. `postgres://user:password@host:5432/database` takes
/// the parameters of libpq: `sslmode`, `sslrootcert`, `options` …
pub async fn connect(url: &str) -> Result<Arc<dyn SyncStore>, StoreError> {
    connect_by(&Secret::new(url)).await
}

/// [`connect`] by a URL that may change: new connections to PostgreSQL use its current value.
pub async fn connect_by(url: &Secret) -> Result<Arc<dyn SyncStore>, StoreError> {
    open(url, IfMissing::Create).await
}

/// [`connect_by`] for a process that reads what others write: a SQLite file that does not exist, and a database
/// without tables, are [`StoreError::Absent`] and stay as they are. A new store would be empty and look healthy.
pub async fn connect_to_existing(url: &Secret) -> Result<Arc<dyn SyncStore>, StoreError> {
    open(url, IfMissing::Fail).await
}

fn open(url: &Secret, if_missing: IfMissing) -> BoxFuture<'_, Result<Arc<dyn SyncStore>, StoreError>> {
    let opened = async move {
        Ok(match url_of(&url.expose())? {
            Url::Sqlite(file) => Arc::new(SqlStore(Sqlite::open(Path::new(file), if_missing).await?)) as _,
            Url::Postgres => Arc::new(SqlStore(Postgres::connect(url, if_missing).await?)) as _,
        })
    };
    opened.boxed()
}

/// Finds how far the tables are, and changes nothing.
///
/// # Errors
/// Besides the store's, [`StoreError::TooNew`] where this version must not work with them.
pub async fn schema(url: &str) -> Result<Schema, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::schema(Path::new(file)).await,
        Url::Postgres => Postgres::schema(url).await,
    }
}

/// What is damaged in the store's file, in the database's words; empty where nothing is. Reads all of a
/// SQLite file and changes nothing. PostgreSQL checks its own pages.
///
/// # Errors
/// The store's, where it cannot be looked at.
pub async fn damage(url: &str) -> Result<Vec<String>, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::damage(Path::new(file)).await,
        Url::Postgres => Ok(Vec::new()),
    }
}

/// Brings the tables up to date, and answers what was done. Of several who do so at once, one does.
///
/// # Errors
/// [`StoreError::Behind`] where this user may not change the tables; [`StoreError::TooNew`] where a newer
/// version has changed them in a way that this one cannot work with.
pub async fn migrate(url: &str) -> Result<Vec<PendingMigration>, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::migrate(Path::new(file)).await,
        Url::Postgres => Postgres::migrate(url).await,
    }
}
