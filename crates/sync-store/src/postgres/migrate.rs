//! Bringing the tables of a PostgreSQL database up to date, while others work with them.

use std::io;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::time::sleep;

use crate::error::{is_forbidden, is_locked_out};
use crate::postgres::SESSION;
use crate::schema::{Found, Refused, embedded};
use crate::{PendingMigration, StoreError};

pub(super) static MIGRATIONS: LazyLock<Migrator> = embedded!("postgres");

/// How long one who migrates, or whoever else holds a table, may take before this one gives up.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How long to leave them alone before asking again.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// Names the lock of those who migrate, within one database. Nobody waits inside the server for it: a
/// waiting query would stand in the way of an index that is made concurrently.
const LOCK: i64 = 0x6269_6c61_6701;

/// A change of a table waits for those who use it, and all who come later wait behind it: so not for
/// long, and again later. An index that is made concurrently keeps nobody waiting, and may take its time.
const BRIEFLY: &str = "set lock_timeout = '2s'; set statement_timeout = 0";
const AT_LEISURE: &str = "set lock_timeout = 0; set statement_timeout = 0";

/// What the database has.
pub(super) async fn look(options: &PgConnectOptions, store: &str) -> Result<Found, StoreError> {
    find_at(options).await.map_err(|error| StoreError::of(store.to_owned(), error.into()))
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    connection.execute(SESSION).await?;
    Ok(connection)
}

async fn find_at(options: &PgConnectOptions) -> Result<Found, sqlx::Error> {
    let mut connection = connect(options).await?;
    let found = find(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

/// Brings the tables up to date, and answers what was done. Where nothing is to be done, no right is
/// needed but to read.
pub(super) async fn migrate(
    options: &PgConnectOptions,
    store: &str,
) -> Result<Vec<PendingMigration>, StoreError> {
    let refused = |refused: Refused| refused.error(store.to_owned(), &MIGRATIONS);
    let missing = look(options, store).await?.judge(&MIGRATIONS).map_err(refused)?.len();
    if missing == 0 {
        return Ok(Vec::new());
    }
    match apply(options).await {
        Ok(applied) => applied.map_err(refused),
        Err(error) if is_forbidden(&error) => {
            Err(StoreError::Behind { store: store.to_owned(), missing, source: Box::new(error) })
        }
        Err(error) => Err(StoreError::of(store.to_owned(), error.into())),
    }
}

/// One at a time, and one migration after the other. What is pending is judged under the lock again:
/// another process may have been faster.
async fn apply(options: &PgConnectOptions) -> Result<Result<Vec<PendingMigration>, Refused>, sqlx::Error> {
    let mut connection = connect(options).await?;
    let deadline = Instant::now() + TIMEOUT;
    while !take_lock(&mut connection).await? {
        if Instant::now() >= deadline {
            return Err(io::Error::from(io::ErrorKind::TimedOut).into());
        }
        sleep(ASK_AGAIN).await;
    }
    let pending = match find(&mut connection).await?.judge(&MIGRATIONS) {
        Ok(pending) => pending,
        Err(refused) => return Ok(Err(refused)),
    };
    let migrator = migrator();
    for migration in &pending {
        connection.execute(if migration.no_tx { AT_LEISURE } else { BRIEFLY }).await?;
        loop {
            // `run` would make this future one that cannot be spawned.
            match migrator.run_direct(Some(migration.version), &mut connection, false).await {
                Ok(()) => break,
                Err(error) => {
                    let error = sqlx::Error::from(error);
                    if !is_locked_out(&error) || Instant::now() >= deadline {
                        return Err(error);
                    }
                    sleep(ASK_AGAIN).await;
                }
            }
        }
    }
    // The lock ends with the connection.
    connection.close().await?;
    Ok(Ok(pending.into_iter().map(PendingMigration::of).collect()))
}

async fn take_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(LOCK).fetch_one(connection).await
}

/// Whether newer migrations stand in the way is judged before, and the lock is this file's.
fn migrator() -> Migrator {
    let migrations = MIGRATIONS.migrations.clone();
    Migrator { migrations, ignore_missing: true, locking: false, ..Migrator::DEFAULT }
}

async fn find(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let (migrations, schema): (bool, bool) = sqlx::query_as(
        "select to_regclass('_sqlx_migrations') is not null, to_regclass('bilag_schema') is not null",
    )
    .fetch_one(&mut *connection)
    .await?;
    let mut found = Found::default();
    if migrations {
        let applied = sqlx::query_as::<_, (i64, Vec<u8>)>("select version, checksum from _sqlx_migrations");
        found.applied = applied.fetch_all(&mut *connection).await?.into_iter().collect();
    }
    if schema {
        let oldest = sqlx::query_scalar("select coalesce(max(oldest_reader), 0) from bilag_schema");
        found.oldest_reader = oldest.fetch_one(connection).await?;
    }
    Ok(found)
}
