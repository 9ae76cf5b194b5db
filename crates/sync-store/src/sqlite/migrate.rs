//! Bringing the tables of a SQLite file up to date.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::time::sleep;

use crate::error::is_busy;
use crate::schema::{Found, Refused, embedded};
use crate::{PendingMigration, StoreError};

pub(super) static MIGRATIONS: LazyLock<Migrator> = embedded!("sqlite");

/// How long other processes that start may take before this one gives up.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Processes that start at the same time come one after the other. Where they meet before the file is in
/// WAL mode, SQLite turns one away without letting it wait, so that one asks again.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// What the file has.
pub(super) async fn look(options: &SqliteConnectOptions, store: &str) -> Result<Found, StoreError> {
    let deadline = Instant::now() + TIMEOUT;
    let looked = loop {
        match find_at(options).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(ASK_AGAIN).await,
            looked => break looked,
        }
    };
    looked.map_err(|error| StoreError::of(store.to_owned(), error.into()))
}

async fn find_at(options: &SqliteConnectOptions) -> Result<Found, sqlx::Error> {
    let mut connection = options.connect().await?;
    let found = find(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}

/// Brings the tables up to date, and answers what was done. Where nothing is to be done, the file is only
/// read.
pub(super) async fn migrate(
    options: &SqliteConnectOptions,
    store: &str,
) -> Result<Vec<PendingMigration>, StoreError> {
    let refused = |refused: Refused| refused.error(store.to_owned(), &MIGRATIONS);
    let pending = look(options, store).await?.judge(&MIGRATIONS).map_err(refused)?.len();
    if pending == 0 {
        return Ok(Vec::new());
    }
    let deadline = Instant::now() + TIMEOUT;
    let applied = loop {
        match apply(options).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(ASK_AGAIN).await,
            applied => break applied,
        }
    };
    applied.map_err(|error| StoreError::of(store.to_owned(), error.into()))?.map_err(refused)
}

/// sqlx takes no lock for SQLite; the transaction around its own does. What is pending is judged in it
/// again: another process may have been faster.
async fn apply(
    options: &SqliteConnectOptions,
) -> Result<Result<Vec<PendingMigration>, Refused>, sqlx::Error> {
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    let pending = match find(&mut transaction).await?.judge(&MIGRATIONS) {
        Ok(pending) => pending.into_iter().map(PendingMigration::of).collect(),
        Err(refused) => return Ok(Err(refused)),
    };
    // `run` would make this future one that cannot be spawned.
    migrator().run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(Ok(pending))
}

/// Whether newer migrations stand in the way is judged before.
fn migrator() -> Migrator {
    Migrator { migrations: MIGRATIONS.migrations.clone(), ignore_missing: true, ..Migrator::DEFAULT }
}

async fn find(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select name from sqlite_master where type = 'table' and name in ('_sqlx_migrations', 'bilag_schema')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let is_there = |name: &str| tables.iter().any(|table| table == name);
    let mut found = Found::default();
    if is_there("_sqlx_migrations") {
        let applied = sqlx::query_as::<_, (i64, Vec<u8>)>("select version, checksum from _sqlx_migrations");
        found.applied = applied.fetch_all(&mut *connection).await?.into_iter().collect();
    }
    if is_there("bilag_schema") {
        let oldest = sqlx::query_scalar("select coalesce(max(oldest_reader), 0) from bilag_schema");
        found.oldest_reader = oldest.fetch_one(connection).await?;
    }
    Ok(found)
}
