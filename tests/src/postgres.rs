//! PostgreSQL: a database for one test, or a private server that can be killed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use crate::broker::run;

/// Creates a database on the tests' server with these options of `create database`; returns its URL.
pub async fn database(options: &str) -> String {
    let server = env::var("BILAG_TEST_POSTGRES_URL").expect("`make test` starts a server");
    let name = format!("bilag_{}", Uuid::new_v4().simple());
    execute(&server, &format!("create database {name} {options}")).await;
    let (server, _) = server.rsplit_once('/').expect("the URL ends in a database");
    format!("{server}/{name}")
}

/// Runs SQL on a database.
pub async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("the server accepts the login");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect("the statement succeeds");
}

/// A private server; stopped when dropped.
pub struct PrivatePostgres {
    folder: TempDir,
    /// The URL of its default database.
    pub url: String,
}

impl PrivatePostgres {
    /// Starts it.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        // The server runs as its own user, which must be able to read its files.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("the folder can be opened");
        let url = run("postgres.sh", &["start", &data(folder.path()).to_string_lossy()]).remove(0);
        Self { folder, url }
    }

    /// Ends it at once, like a power cut.
    pub fn kill(&self) {
        let pid_file = data(self.folder.path()).join("data/postmaster.pid");
        let pid = fs::read_to_string(pid_file).expect("the server's pid file");
        let pid = pid.lines().next().expect("a pid").to_owned();
        let killed = Command::new("kill").args(["-QUIT", &pid]).status().expect("kill runs");
        assert!(killed.success(), "the server was running");
    }

    /// Starts it again with its data.
    pub fn restart(&self) {
        run("postgres.sh", &["start", &data(self.folder.path()).to_string_lossy()]);
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        run("postgres.sh", &["stop", &data(self.folder.path()).to_string_lossy()]);
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("postgres")
}
