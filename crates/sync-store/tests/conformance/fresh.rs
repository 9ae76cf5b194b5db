//! A database that nobody has used before.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Executor, PgConnection, SqliteConnection};
use sync_store::{SyncStore, connect};
use tempfile::TempDir;

/// As a tool of sqlx reads them.
async fn migrations(kind: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
    Migrator::new(folder).await.expect("the folder")
}

pub(crate) struct Fresh {
    pub(crate) url: String,
    _folder: Option<TempDir>,
}

impl Fresh {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("bilag.db").display());
        Self { url, _folder: Some(folder) }
    }

    pub(crate) async fn postgres() -> Self {
        let server = std::env::var("BILAG_TEST_POSTGRES_URL").expect(
            "BILAG_TEST_POSTGRES_URL names a PostgreSQL server on which these tests create databases: \
             set it to what `dev/postgres.sh start DIR` prints",
        );
        Self::on_server(&server).await
    }

    /// The URL is one of any database of the server.
    pub(crate) async fn on_server(server: &str) -> Self {
        let name = format!("bilag_{}", uuid::Uuid::new_v4().simple());
        run_on(server, &format!("create database {name}")).await;
        let (server, _) = server.rsplit_once('/').expect("the URL ends with a database");
        Self { url: format!("{server}/{name}"), _folder: None }
    }

    /// One more handle, as another process has it.
    pub(crate) async fn connect(&self) -> Arc<dyn SyncStore> {
        connect(&self.url).await.expect("the store opens")
    }

    /// The tables as this version made them.
    pub(crate) async fn at_version(&self, version: i64) {
        let (url, missing) = (&self.url, "no table is there yet");
        if url.starts_with("sqlite") {
            let options = SqliteConnectOptions::from_str(url).expect("a URL").create_if_missing(true);
            let mut connection = options.connect().await.expect("the file opens");
            migrations("sqlite").await.run_to(version, &mut connection).await.expect(missing);
        } else {
            let mut connection = PgConnection::connect(url).await.expect("the server lets us in");
            migrations("postgres").await.run_to(version, &mut connection).await.expect(missing);
        }
    }

    /// The tables as a later version makes them, which only adds.
    pub(crate) async fn bring_further(&self) {
        self.connect().await;
        let sqlite = self.url.starts_with("sqlite");
        let (int, strict, no_hash) =
            if sqlite { ("integer", " strict", "x''") } else { ("bigint", "", "''") };
        let tables = [
            "receipt",
            "external_order_receipt_sync",
            "dead_letter",
            "package_round",
            "package_event",
            "audit",
            "stage_hold",
            "stage_report",
            "session",
            "reconcile_lease",
            "notification",
        ];
        for table in tables {
            self.run(&format!("alter table {table} add column later text")).await;
            self.run(&format!("alter table {table} add column later_count {int} not null default 0")).await;
            self.run(&format!("create index {table}_later on {table} (later, later_count)")).await;
        }
        self.run(&format!("create table later_table (id text primary key not null, at {int}){strict}")).await;
        self.run(&format!(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (9999, 'later', true, {no_hash}, 0)"
        ))
        .await;
    }

    /// Past the store: what only time or an operator could do.
    pub(crate) async fn run(&self, sql: &str) {
        run_on(&self.url, sql).await;
    }
}

async fn run_on(url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if url.starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(url).await.expect("the file opens");
        connection.execute(sql).await.expect("the file is written");
    } else {
        let mut connection = PgConnection::connect(url).await.expect("the server lets us in");
        connection.execute(sql).await.expect("executed");
    }
}
