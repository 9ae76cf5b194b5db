//! From a URL to a store.

use std::path::Path;
use std::sync::Arc;

use secret::Secret;

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

/// The same, for a process that only wants to hear what others write there: a SQLite file that nobody
/// has made yet is [`StoreError::Unavailable`], because one of its own would tell it nothing.
pub async fn connect_to_existing(url: &Secret) -> Result<Arc<dyn SyncStore>, StoreError> {
    open(url, IfMissing::Fail).await
}

/// What to do about a SQLite file that is not there.
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
        Place::Postgres => Arc::new(SqlStore(Postgres::connect(url).await?)),
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
