//! From a URL to a store.

use std::path::Path;
use std::sync::Arc;

use config::Secret;

use crate::postgres::Postgres;
use crate::sql::SqlStore;
use crate::sqlite::Sqlite;
use crate::{StoreError, SyncStore};

/// Opens the store that the URL names and brings its tables up to date. Several processes may do so
/// at the same time. Where the tables are up to date, the user needs no right to change them.
///
/// `sqlite://bilag.db` is a file in the working directory, `sqlite:///var/lib/bilag.db` one
/// anywhere; it is created where it is missing. `postgres://user:password@host:5432/database` takes
/// the parameters of libpq: `sslmode`, `sslrootcert`, `options` …
pub async fn connect(url: &str) -> Result<Arc<dyn SyncStore>, StoreError> {
    connect_by(&Secret::new(url)).await
}

/// The same, by a URL that may change: new connections to PostgreSQL are made by what it is then.
pub async fn connect_by(url: &Secret) -> Result<Arc<dyn SyncStore>, StoreError> {
    open(url, IfMissing::Create).await
}

/// The same, for a process that reads what others write: a SQLite file that does not exist, and a database
/// without tables, are [`StoreError::Absent`] and stay as they are. A store of its own would be empty, and
/// tell it that all is well.
pub async fn connect_to_existing(url: &Secret) -> Result<Arc<dyn SyncStore>, StoreError> {
    open(url, IfMissing::Fail).await
}

/// What to do about a SQLite file that does not exist, and about a database without tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Create,
    Fail,
}

/// Where a URL leads to.
pub(crate) enum Place<'a> {
    /// This file.
    Sqlite(&'a str),
    /// The database that the whole URL names.
    Postgres,
}

async fn open(url: &Secret, if_missing: IfMissing) -> Result<Arc<dyn SyncStore>, StoreError> {
    Ok(match place(&url.expose())? {
        Place::Sqlite(file) => Arc::new(SqlStore(Sqlite::open(Path::new(file), if_missing).await?)),
        Place::Postgres => Arc::new(SqlStore(Postgres::connect(url, if_missing).await?)),
    })
}

pub(crate) fn place(url: &str) -> Result<Place<'_>, StoreError> {
    let bad = |problem| Err(StoreError::BadUrl { problem });
    match url.split_once(':') {
        Some(("sqlite", file)) => match file.strip_prefix("//").unwrap_or(file) {
            "" => bad("it names no file"),
            ":memory:" => bad("a store in memory would forget what it has answered"),
            file if file.contains('?') => bad("a SQLite file takes no parameters"),
            file => Ok(Place::Sqlite(file)),
        },
        Some(("postgres" | "postgresql", _)) => Ok(Place::Postgres),
        _ => bad("it starts with neither sqlite: nor postgres:"),
    }
}
