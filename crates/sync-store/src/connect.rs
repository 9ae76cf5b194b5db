//! From a URL to a store.

use std::path::Path;
use std::sync::Arc;

use crate::sql::SqlStore;
use crate::sqlite::Sqlite;
use crate::{StoreError, SyncStore};

/// Opens the store that the URL names and brings its tables up to date. Several processes may do so
/// at the same time.
///
/// `sqlite://bilag.db` is a file in the working directory, `sqlite:///var/lib/bilag.db` one
/// anywhere; it is created where it is missing.
pub async fn connect(url: &str) -> Result<Arc<dyn SyncStore>, StoreError> {
    let bad = |problem| Err(StoreError::BadUrl { problem });
    match url.split_once(':') {
        Some(("sqlite", file)) => match file.strip_prefix("//").unwrap_or(file) {
            "" => bad("it names no file"),
            ":memory:" => bad("a store in memory would forget what it has answered"),
            file if file.contains('?') => bad("a SQLite file takes no parameters"),
            file => Ok(Arc::new(SqlStore(Sqlite::open(Path::new(file)).await?))),
        },
        _ => bad("it starts with neither sqlite: nor postgres:"),
    }
}
