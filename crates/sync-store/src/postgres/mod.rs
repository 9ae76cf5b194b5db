//! PostgreSQL: one store for consumers on several machines.

mod migrate;

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use config::Secret;
use parking_lot::Mutex;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions};
use sqlx::{Arguments as _, AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::time::timeout;

use crate::error::{Fault, lost_its_statements};
use crate::sql::{Database, Dialect, Row, Statement, Value};
use crate::url::IfMissing;
use crate::{PendingMigration, Schema, StoreError};
use migrate::{MIGRATIONS, look, migrate};

/// Connections of one process. The server commits what comes in on them together, and a server
/// takes a hundred by default.
const CONNECTIONS: u32 = 8;

/// How long to wait for a connection, and then for an answer: together below the ten seconds that
/// a delivery may be held.
const TIMEOUT: Duration = Duration::from_secs(4);

/// After so long without work a connection is tried before it is used: the server may have been
/// restarted.
const MAY_BE_STALE: Duration = Duration::from_secs(1);

/// Asks for what the answers rest on, should the server, the database or the role be set up otherwise:
/// transactions do not fail for the sake of others, literals mean what the standard says, a statement that is
/// given up here does not go on there, only that ends one and only this process ends a session, and a commit
/// waits for the disk. Some of the time limits are unknown to older servers.
const SESSION: &str = "set default_transaction_isolation = 'read committed';
    set standard_conforming_strings = on;
    set statement_timeout = '4s';
    select set_config(name, '0', false) from pg_settings where name in ('lock_timeout', 'transaction_timeout',
        'idle_session_timeout', 'idle_in_transaction_session_timeout');
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

/// A PostgreSQL database.
pub(crate) struct Postgres {
    name: String,
    pool: PgPool,
    url: Secret,
    /// The URL that new connections are made by.
    connects_by: Mutex<Arc<str>>,
}

impl Postgres {
    /// Connects and brings the tables up to date. Processes that start at the same time do so one
    /// after the other.
    pub(crate) async fn connect(url: &Secret, if_missing: IfMissing) -> Result<Self, StoreError> {
        let connects_by = url.expose();
        let (name, options) = database(&connects_by)?;
        if if_missing == IfMissing::Fail && look(&options, &name).await?.applied.is_empty() {
            return Err(StoreError::Absent { store: name, problem: "the database has no tables of Bilag" });
        }
        migrate(&options, &name).await?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    Ok(idle.idle_for < MAY_BE_STALE
                        || timeout(TIMEOUT, connection.ping()).await.is_ok_and(|pong| pong.is_ok()))
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SESSION).await.map(drop) })
            })
            .connect_lazy_with(options);
        Ok(Self { name, pool, url: url.clone(), connects_by: Mutex::new(connects_by) })
    }

    /// Lets new connections be made by the URL as it is now.
    fn follow_url(&self) {
        if !self.url.may_change() {
            return;
        }
        let url = self.url.expose();
        let mut connects_by = self.connects_by.lock();
        if *connects_by != url {
            match PgConnectOptions::from_str(&url) {
                // What is in one database is not in another: processes would not hear of each other.
                Ok(options) if name(&options) != self.name => tracing::warn!(
                    store = self.name,
                    "the database URL has changed and names another database; the one before goes on until \
                     all processes are restarted"
                ),
                Ok(options) => self.pool.set_connect_options(options),
                Err(_) => tracing::warn!(
                    store = self.name,
                    "the database URL has changed and is no URL of PostgreSQL; the one before goes on"
                ),
            }
            *connects_by = url;
        }
    }

    /// How far the tables are.
    pub(crate) async fn schema(url: &str) -> Result<Schema, StoreError> {
        let (name, options) = database(url)?;
        look(&options, &name).await?.schema(name, &MIGRATIONS)
    }

    /// Brings the tables up to date.
    pub(crate) async fn migrate(url: &str) -> Result<Vec<PendingMigration>, StoreError> {
        let (name, options) = database(url)?;
        migrate(&options, &name).await
    }

    async fn run(&self, statement: &Statement) -> Result<Vec<Row>, sqlx::Error> {
        self.follow_url();
        let mut connection = self.pool.acquire().await?;
        let answer = timeout(TIMEOUT, async {
            match execute(&mut connection, statement).await {
                // Nothing was run. A pooler in between, or a newer version that has changed the
                // tables, made the server forget what was prepared.
                Err(error) if lost_its_statements(&error) => {
                    connection.clear_cached_statements().await?;
                    execute(&mut connection, statement).await
                }
                answer => answer,
            }
        })
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        if answer.as_ref().is_err_and(|error| error.as_database_error().is_none()) {
            // Not fit to be used again, and not to be waited for.
            connection.close_on_drop();
        }
        answer
    }
}

#[async_trait]
impl Database for Postgres {
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.run(&statement).await.map_err(|error| StoreError::of(self.describe(), Fault::from(error)))
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.write(statement).await
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

/// Runs the statement, which is prepared once for each connection, in one round trip.
async fn execute(connection: &mut PgConnection, statement: &Statement) -> Result<Vec<Row>, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for arg in &statement.args {
        match arg {
            Value::Text(text) => arguments.add(text),
            Value::Int(int) => arguments.add(int),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    // The texts are this crate's own; values travel as arguments only.
    let sql = AssertSqlSafe(statement.sql.clone());
    let rows = sqlx::query_with(sql, arguments).fetch_all(connection).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
}

/// Which database it is, and how it is reached.
fn database(url: &str) -> Result<(String, PgConnectOptions), StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::BadUrl { problem: "it is no URL of PostgreSQL" })?;
    Ok((name(&options), options))
}

/// Host, port and database; no user and no password.
fn name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or(options.get_username());
    let port = options.get_port();
    match options.get_socket() {
        Some(socket) => format!("postgres://{}:{port}/{database}", socket.display()),
        None => format!("postgres://{}:{port}/{database}", options.get_host()),
    }
}
