//! The environment of one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel};
use sandbox::Sandbox;
use sandbox::invoice_service::Mode;
use serde_json::Value;
use sync_store::{State, SyncStore};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::process;
use crate::{Bilag, TestNetwork, Vhost, eventually, exit_output};

/// The database of a test.
pub enum Store {
    /// A file in the test's folder.
    Sqlite,
    /// This PostgreSQL database.
    Postgres(String),
}

/// A vhost, a sandbox, a store and a folder for one test.
pub struct TestEnv {
    /// The vhost.
    pub vhost: Vhost,
    /// The stand-ins for the downstream services.
    pub sandbox: Sandbox,
    /// Settings of every `bilag` started from now on; later ones win.
    pub settings: Vec<(String, String)>,
    launcher: Vec<String>,
    folder: TempDir,
    database: String,
    channel: Channel,
    started: AtomicUsize,
}

impl TestEnv {
    /// On the tests' broker, with SQLite and short retry delays.
    pub async fn new() -> Self {
        Self::on(Vhost::new().await, Store::Sqlite).await
    }

    /// On a vhost, with a store.
    pub async fn on(vhost: Vhost, store: Store) -> Self {
        Self::with(vhost, store, sandbox::Options::default()).await
    }

    /// With packages: an OMS, and an invoice service that answers at once.
    pub async fn with_packages() -> Self {
        let mut env = Self::new().await;
        env.enable_packages();
        env
    }

    /// With packages, and an invoice service that publishes its receipts on the bus, this long after the
    /// request.
    pub async fn with_packages_later(after: Duration) -> Self {
        let vhost = Vhost::new().await;
        let mode = Mode::over_the_bus(&vhost.url, "events", after);
        let invoice_service = sandbox::invoice_service::Options { mode, ..Default::default() };
        let options = sandbox::Options { invoice_service, ..Default::default() };
        let mut env = Self::with(vhost, Store::Sqlite, options).await;
        env.enable_packages();
        env
    }

    /// On a vhost, with a store and stand-ins.
    pub async fn with(vhost: Vhost, store: Store, options: sandbox::Options) -> Self {
        let folder = TempDir::new().expect("a folder");
        let database = match store {
            Store::Sqlite => format!("sqlite://{}", folder.path().join("bilag.db").display()),
            Store::Postgres(url) => url,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let sandbox = sandbox::serve(listener, options).expect("the sandbox starts");
        let channel = vhost.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let settings = [
            ("BILAG_AMQP_URL", vhost.url.as_str()),
            ("BILAG_DATABASE_URL", &database),
            ("BILAG_RETRY_DELAYS", "300ms,600ms,1s,2s"),
            ("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "true"),
            ("OMNIUM_BASE_URL", &sandbox.base_url()),
            ("OMNIUM_CLIENT_ID", "a-client"),
            ("OMNIUM_CLIENT_SECRET", "a-secret"),
            ("OMNIUM_TIMEOUT", "1s"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self {
            vhost,
            sandbox,
            settings,
            launcher: Vec::new(),
            folder,
            database,
            channel,
            started: AtomicUsize::new(0),
        }
    }

    /// Enables packages for every `bilag` started from now on.
    pub fn enable_packages(&mut self) {
        let (service, oms) = (self.sandbox.invoice_service_url(), self.sandbox.oms_url());
        for (name, value) in [
            ("INVOICE_SERVICE_URL", &*service),
            ("INVOICE_SERVICE_USERNAME", "a-user"),
            ("INVOICE_SERVICE_PASSWORD", "a-password"),
            ("INVOICE_SERVICE_TIMEOUT", "1s"),
            ("OMS_BASE_URL", &oms),
            ("OMS_API_TOKEN", "a-token"),
            ("OMS_TIMEOUT", "1s"),
        ] {
            self.set(name, value);
        }
    }

    /// Enables the ERP for every `bilag` started from now on.
    pub fn enable_erp(&mut self) {
        let erp = self.sandbox.erp_url();
        for (name, value) in [
            ("ERP_INVOICE_URL", &*erp),
            ("ERP_INVOICE_AUTHORIZATION", "Bearer an-erp"),
            ("ERP_TIMEOUT", "1s"),
        ] {
            self.set(name, value);
        }
    }

    /// Enables notifications for every `bilag` started from now on.
    pub fn enable_notifications(&mut self) {
        let chat = self.sandbox.chat_url();
        self.set("BILAG_NOTIFY_WEBHOOK_URL", &chat);
    }

    /// Sets a variable for every `bilag` started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Starts every `bilag` from now on in a test network, where it reaches only services with a route.
    pub fn run_in(&mut self, network: &TestNetwork) {
        self.launcher = network.launcher();
    }

    /// Unsets a variable for every `bilag` started from now on.
    pub fn unset(&mut self, name: &str) {
        self.settings.retain(|(set, _)| set != name);
    }

    /// Writes a file into the working folder of every `bilag`.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// Backs up the SQLite store as documented.
    pub fn backup(&self) -> PathBuf {
        let copy = self.folder.path().join("backup.db");
        self.sqlite(&format!(".backup '{}'", copy.display()));
        copy
    }

    /// Runs a `sqlite3` command or SQL on the SQLite store.
    pub fn sqlite(&self, command: &str) {
        let ran = Command::new("sqlite3")
            .args(["-cmd", ".timeout 10000"])
            .arg(self.folder.path().join("bilag.db"))
            .arg(command)
            .status();
        assert!(ran.expect("sqlite3 runs (package sqlite3)").success());
    }

    /// Restores a backup as documented: without consumers, and the write-ahead log is removed.
    pub fn restore(&self, backup: &Path) {
        let file = |name: &str| self.folder.path().join(name);
        for log in ["bilag.db-wal", "bilag.db-shm"] {
            let _ = fs::remove_file(file(log));
        }
        fs::copy(backup, file("bilag.db")).expect("the backup is put in its place");
    }

    /// The working folder of every `bilag`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        process::command(&self.launcher, arguments, &self.settings, self.folder.path())
    }

    /// Starts `bilag`.
    pub fn start(&self, arguments: &[&str]) -> Bilag {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let log = self.folder.path().join(format!("{number}-{}.log", arguments.join("-").replace('/', "_")));
        Bilag::start(self.command(arguments), log)
    }

    /// Starts consumers, and waits until they consume.
    pub async fn consume(&self, stages: &[&str]) -> Bilag {
        let mut arguments = vec!["consume"];
        arguments.extend(stages);
        let mut bilag = self.start(&arguments);
        // Each of these enables one more consumer.
        let uses = ["INVOICE_SERVICE_URL", "OMS_BASE_URL", "ERP_INVOICE_URL"];
        let used = uses.iter().filter(|name| self.settings.iter().any(|(set, _)| set == *name)).count();
        let expected = if stages == ["all"] { 4 + used } else { stages.len() };
        eventually("the consumers consume", async || {
            let ended = bilag.has_ended();
            assert!(ended.is_none(), "bilag ended ({ended:?}):\n{}", bilag.log());
            (bilag.log().matches(" consuming ").count() >= expected).then_some(())
        })
        .await;
        bilag
    }

    /// Starts `bilag`, which must end by itself; returns its exit code and log.
    pub async fn ends(&self, arguments: &[&str]) -> (i32, String) {
        let mut bilag = self.start(arguments);
        let status = eventually("bilag ends by itself", async || bilag.has_ended()).await;
        (status.code().unwrap_or(-1), bilag.log())
    }

    /// Runs `bilag` to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("bilag runs")
    }

    /// Runs `bilag` to its end, with a closed standard output.
    pub fn run_with_closed_stdout(&self, arguments: &[&str]) -> Output {
        let (_, output) = std::io::pipe().expect("a pipe");
        self.command(arguments).stdout(output).output().expect("bilag runs")
    }

    /// Runs `bilag`, which must succeed, and returns its standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        let (answer, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "bilag {arguments:?}: {problem}\n{answer}");
        answer.into_owned()
    }

    /// Publishes an event on the bus.
    pub async fn publish(&self, event: &Value) {
        self.publish_bytes(event.to_string().as_bytes(), BasicProperties::default()).await;
    }

    /// Publishes anything on the bus as a settled receipt.
    pub async fn publish_bytes(&self, body: &[u8], properties: BasicProperties) {
        self.publish_to("events", "receipt.settled.v1", body, properties).await;
    }

    /// Publishes anything anywhere, and waits for the confirm.
    pub async fn publish_to(&self, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = properties.with_delivery_mode(2);
        let confirm =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await;
        let confirmation = confirm.expect("published").await.expect("confirmed");
        assert!(confirmation.is_ack(), "the broker acks it");
        assert!(confirmation.take_message().is_none(), "a queue is bound to {exchange} with {key}");
    }

    /// The store that the consumers share.
    pub async fn store(&self) -> Arc<dyn SyncStore> {
        sync_store::connect(&self.database).await.expect("the store opens")
    }

    /// The number of records in a state.
    pub async fn records(&self, state: State) -> u64 {
        count_in(&*self.store().await, state).await.expect("the store answers")
    }

    /// Sends a dead letter again with another body, as kari; exit code, output and errors.
    pub fn edit(&self, id: &str, body: &str) -> (i32, String, String) {
        self.file("corrected.json", body);
        let edit = ["dead", "edit", id, "--allow-edit", "--body", "corrected.json", "--as", "kari"];
        exit_output(&self.run(&edit))
    }

    /// Dead letters from `bilag dead list --json`.
    pub fn dead_letters(&self) -> Vec<Value> {
        let list: Value =
            serde_json::from_str(&self.ok(&["dead", "list", "--json", "--limit", "100000"])).expect("JSON");
        list["letters"].as_array().expect("letters").clone()
    }
}

/// The number of records in a state, where the store answers.
pub(crate) async fn count_in(store: &dyn SyncStore, state: State) -> Option<u64> {
    let counts = store.counts().await.ok()?;
    Some(counts.iter().filter(|count| count.state == state).map(|count| count.count).sum())
}
