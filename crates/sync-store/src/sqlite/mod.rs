//! SQLite: one file, one machine, as many processes as there are.

mod execute;
mod migrate;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::StoreError;
use crate::connect::IfMissing;
use crate::fault::Fault;
use crate::sql::{Database, Dialect, Row, Statement};
use execute::execute;
use migrate::migrate;
use writer::Writer;

/// How long a reader waits for its turn. Writers never make it wait in WAL mode; only a file that
/// is being recovered after a crash does.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers at a time: operators' tools and the rare looks of the consumers.
const READERS: u32 = 4;

/// A SQLite file.
pub(crate) struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the file and brings its tables up to date.
    pub(crate) async fn open(path: &Path, if_missing: IfMissing) -> Result<Self, StoreError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(if_missing == IfMissing::Create)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered is on the disk: a commit waits for it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(READ_TIMEOUT);
        migrate(&options).await.map_err(|error| StoreError::of(describe(&path), error.into()))?;
        let writer = Writer::start(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(READ_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.create_if_missing(false).read_only(true));
        Ok(Self { path, writer, readers })
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.writer.write(statement).await.map_err(|fault| StoreError::of(self.describe(), fault))
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let failed = |error: sqlx::Error| StoreError::of(self.describe(), Fault::from(error));
        let mut connection = self.readers.acquire().await.map_err(failed)?;
        execute(&mut connection, statement.sql, &statement.args).await.map_err(failed)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn describe(&self) -> String {
        describe(&self.path)
    }
}

fn describe(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}
