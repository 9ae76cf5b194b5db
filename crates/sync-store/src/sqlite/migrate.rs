//! Bringing the tables of a SQLite file up to date.

use std::time::{Duration, Instant};

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::time::sleep;

use crate::fault::is_busy;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long other processes that start may take before this one gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Processes that start at the same time come one after the other. Where they meet before the file
/// is in WAL mode, SQLite turns one away without letting it wait, so that one asks again.
pub(super) async fn migrate(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match try_to_migrate(options).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            result => return result,
        }
    }
}

/// sqlx takes no lock for SQLite; the transaction around its own does.
async fn try_to_migrate(options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin_with("begin immediate").await?;
    // `run` would make this future one that cannot be spawned.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    connection.close().await
}
