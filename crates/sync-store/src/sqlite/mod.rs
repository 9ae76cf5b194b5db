//! SQLite: one file, one machine, as many processes as there are.

mod migrate;
mod writer;

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, SqliteConnection, SqlitePool};

use crate::error::{Fault, is_corrupt};
use crate::schema::Found;
use crate::sql::{Database, Dialect, Row, Statement, Value};
use crate::store::IfMissing;
use crate::{PendingMigration, Schema, StoreError};
use migrate::{MIGRATIONS, look, migrate};
use writer::Writer;

/// How long a reader waits for its turn. Writers never make it wait in WAL mode; only a file that
/// is being recovered after a crash does.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Readers at a time: operators' tools and the rare reads of the consumers.
const READERS: u32 = 4;

/// A SQLite file.
pub(crate) struct Sqlite {
    path: PathBuf,
    identity: Identity,
    /// Once another file has stood in its place, the `-wal` and `-shm` at this path may be that one's: not
    /// even the first file is safe to use then, before this process has started anew.
    was_replaced: AtomicBool,
    writer: Writer,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the file and brings its tables up to date.
    pub(crate) async fn open(path: &Path, if_missing: IfMissing) -> Result<Self, StoreError> {
        let (path, options) = file(path);
        let store = describe(&path);
        if if_missing == IfMissing::Fail {
            let problem = match found(&path).await? {
                None => "the file does not exist",
                Some(found) if found.applied.is_empty() => "the file has no tables of Bilag",
                Some(_) => "",
            };
            if !problem.is_empty() {
                return Err(StoreError::Absent { store, problem });
            }
        }
        migrate(&options.clone().create_if_missing(if_missing == IfMissing::Create), &store).await?;
        let identity = Identity::of(&path).map_err(|error| Fault::from(sqlx::Error::Io(error)));
        let identity = identity.map_err(|fault| StoreError::of(store, fault))?;
        // From here on a file that is missing has been deleted.
        let options = options.create_if_missing(false);
        let writer = Writer::start(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(READ_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.read_only(true));
        Ok(Self { path, identity, was_replaced: AtomicBool::new(false), writer, readers })
    }

    /// How far the tables of the file are; a file that nobody has made yet has none.
    pub(crate) async fn schema(path: &Path) -> Result<Schema, StoreError> {
        let (path, _) = file(path);
        found(&path).await?.unwrap_or_default().schema(describe(&path), &MIGRATIONS)
    }

    /// What is damaged in the file.
    pub(crate) async fn damage(path: &Path) -> Result<Vec<String>, StoreError> {
        let (path, _) = file(path);
        if !exists(&path) {
            return Ok(Vec::new());
        }
        let failed = |error: sqlx::Error| StoreError::of(describe(&path), Fault::from(error));
        let mut connection = read_only(&path).connect().await.map_err(failed)?;
        match sqlx::query_scalar("pragma quick_check(5)").fetch_all(&mut connection).await {
            Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").collect()),
            Err(error) if is_corrupt(&error) => Ok(vec![error.to_string()]),
            Err(error) => Err(failed(error)),
        }
    }

    /// Brings the tables up to date; the file is created where it is missing.
    pub(crate) async fn migrate(path: &Path) -> Result<Vec<PendingMigration>, StoreError> {
        let (path, options) = file(path);
        migrate(&options.create_if_missing(true), &describe(&path)).await
    }
}

/// What the file has, without a change to it; `None` where it does not exist.
async fn found(path: &Path) -> Result<Option<Found>, StoreError> {
    match exists(path) {
        true => look(&read_only(path), &describe(path)).await.map(Some),
        false => Ok(None),
    }
}

/// What cannot be looked at counts as there: opening it says why.
fn exists(path: &Path) -> bool {
    !path
        .metadata()
        .is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Opens the file without a change to it: even asking for WAL mode would write into an empty one.
fn read_only(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(READ_TIMEOUT)
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

impl Sqlite {
    /// Whether the path still leads to the file that was opened.
    fn is_in_place(&self) -> Result<(), StoreError> {
        let replaced = |problem| Err(StoreError::Replaced { store: self.describe(), problem });
        let now = Identity::of(&self.path);
        if now.as_ref().is_ok_and(|now| *now != self.identity) {
            self.was_replaced.store(true, Ordering::Relaxed);
        }
        if self.was_replaced.load(Ordering::Relaxed) {
            return replaced("was replaced by another file");
        }
        match now {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => replaced("was deleted or moved away"),
            Err(error) => Err(StoreError::of(self.describe(), Fault::from(sqlx::Error::Io(error)))),
        }
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.is_in_place()?;
        let answer = self.writer.write(statement).await;
        // What is written into a file that nobody will read is not kept.
        self.is_in_place()?;
        answer.map_err(|fault| StoreError::of(self.describe(), fault))
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let failed = |error: sqlx::Error| StoreError::of(self.describe(), Fault::from(error));
        let answer = async {
            let mut connection = self.readers.acquire().await?;
            execute(&mut connection, statement.sql, &statement.args).await
        };
        let answer = answer.await;
        self.is_in_place()?;
        answer.map_err(failed)
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

/// Runs the statements of the text one after the other and answers all of their rows. They share
/// their arguments by number.
async fn execute(
    connection: &mut SqliteConnection,
    sql: String,
    args: &[Value],
) -> Result<Vec<Row>, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for arg in args {
        match arg {
            Value::Text(text) => arguments.add(text.clone()),
            Value::Int(int) => arguments.add(int),
            Value::Bytes(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    // The texts are this crate's own; values travel as arguments only.
    let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

/// Tells one file from another that stands in its place later.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    /// An inode is given to another file once the first one is deleted; not every file system knows when
    /// a file was made.
    created: Option<SystemTime>,
}

impl Identity {
    /// The file that the path leads to now.
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino(), created: metadata.created().ok() })
    }
}
