//! The URL of a store.

use crate::StoreError;

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
