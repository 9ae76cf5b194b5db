//! SQLite: one file, one machine, as many processes as there are.

mod execute;
mod migrate;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::connect::IfMissing;
use crate::fault::Fault;
use crate::schema::Found;
use crate::sql::{Database, Dialect, Row, Statement};
use crate::{PendingMigration, Schema, StoreError};
use execute::execute;
use migrate::{MIGRATIONS, look, migrate};
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
        let (path, options) = file(path);
        let options = options.create_if_missing(if_missing == IfMissing::Create);
        migrate(&options, &describe(&path)).await?;
        let writer = Writer::start(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(READ_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.create_if_missing(false).read_only(true));
        Ok(Self { path, writer, readers })
    }

    /// How far the tables of the file are; a file that nobody has made yet has none.
    pub(crate) async fn schema(path: &Path) -> Result<Schema, StoreError> {
        let (path, options) = file(path);
        let found = match path.exists() {
            true => look(&options.create_if_missing(false), &describe(&path)).await?,
            false => Found::default(),
        };
        found.schema(describe(&path), &MIGRATIONS)
    }

    /// Brings the tables up to date; the file is created where it is missing.
    pub(crate) async fn migrate(path: &Path) -> Result<Vec<PendingMigration>, StoreError> {
        let (path, options) = file(path);
        migrate(&options.create_if_missing(true), &describe(&path)).await
    }
}

/// The file's absolute path, and how it is opened.
fn file(path: &Path) -> (PathBuf, SqliteConnectOptions) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered is on the disk: a commit waits for it.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(READ_TIMEOUT);
    (path, options)
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
