//! The whole store, and opening one.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use config::Secret;

use crate::postgres::Postgres;
use crate::sql::SqlStore;
use crate::sqlite::Sqlite;
use crate::{
    AuditStore, BacklogStore, DeadLetterStore, NamedLeaseStore, PackageStore, PermitStore, PruneStore,
    RecordStore, ReportStore, SessionStore, StageStore, StoreError,
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
    + SessionStore
    + PruneStore
{
}

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

/// For a SQLite file that does not exist, and a database without tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Fail,
}

/// What a URL names.
pub(crate) enum Url<'a> {
    /// A path.
    Sqlite(&'a str),
    Postgres,
}

async fn open(url: &Secret, if_missing: IfMissing) -> Result<Arc<dyn SyncStore>, StoreError> {
    Ok(match url_of(&url.expose())? {
        Url::Sqlite(file) => Arc::new(SqlStore(Sqlite::open(Path::new(file), if_missing).await?)),
        Url::Postgres => Arc::new(SqlStore(Postgres::connect(url, if_missing).await?)),
    })
}

pub(crate) fn url_of(url: &str) -> Result<Url<'_>, StoreError> {
    let bad = |problem| Err(StoreError::BadUrl { problem });
    match url.split_once(':') {
        Some(("sqlite", file)) => match file.strip_prefix("//").unwrap_or(file) {
            "" => bad("it names no file"),
            ":memory:" => bad("a store in memory would forget what it has answered"),
            file if file.contains('?') => bad("a SQLite file takes no parameters"),
            file => Ok(Url::Sqlite(file)),
        },
        Some(("postgres" | "postgresql", _)) => Ok(Url::Postgres),
        _ => bad("it starts with neither sqlite: nor postgres:"),
    }
}
