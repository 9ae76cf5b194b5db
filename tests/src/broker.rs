//! A private broker for one test, which can be killed and restarted. It has the version of the tests' broker.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::vhost::{client, version};

/// A private broker; stopped when dropped.
pub struct PrivateBroker {
    folder: TempDir,
    /// Its AMQP URL, of the default vhost.
    pub amqp: String,
    /// Its management API.
    pub management: String,
}

/// The path of a script in `dev`.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dev").join(name)
}

/// The minor version ("4.3") of the tests' broker, if there is one.
fn minor_version() -> Option<&'static str> {
    static MINOR: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let management = env::var("BILAG_TEST_MANAGEMENT_URL").ok()?;
        // In a separate thread: the caller may be in a runtime already.
        let asking = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(version(&client(), &management))
        });
        let version = asking.join().expect("the tests' broker tells its version");
        let (minor, _) = version.rsplit_once('.').expect("three numbers");
        Some(minor.to_owned())
    };
    MINOR.get_or_init(ask).as_deref()
}

/// Runs a script and returns the lines it prints.
pub(crate) fn run(script_name: &str, arguments: &[&str]) -> Vec<String> {
    let mut script = Command::new(script(script_name));
    if let Some(version) = minor_version() {
        script.env("BILAG_TEST_BROKER", version);
    }
    let ran = script.args(arguments).output().expect("the script runs");
    let problem = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{script_name} {arguments:?}: {problem}");
    String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()
}

impl PrivateBroker {
    /// Starts it.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let urls = run("broker.sh", &["start", &folder.path().to_string_lossy()]);
        Self { folder, amqp: urls[0].clone(), management: urls[1].clone() }
    }

    /// SIGKILL, like a power cut.
    pub fn kill(&self) {
        run("broker.sh", &["kill", &self.folder.path().to_string_lossy()]);
    }

    /// Flushes recent declarations to disk: if killed at once, RabbitMQ up to 4.0 may lose exchanges.
    pub fn flush_definitions(&self) {
        self.ctl(&["eval", "mnesia:sync_log()."]);
    }

    /// Starts it again with its data.
    pub fn restart(&self) {
        run("broker.sh", &["start", &self.folder.path().to_string_lossy()]);
    }

    /// Raises the memory alarm: the broker blocks publishers.
    pub fn raise_alarm(&self) {
        self.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    }

    /// Clears the memory alarm.
    pub fn clear_alarm(&self) {
        self.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    }

    /// Sets the consumer timeout. Existing channels and queues may keep
    /// the previous one.
    pub fn set_consumer_timeout(&self, limit: Duration) {
        let limit = limit.as_millis();
        self.ctl(&[
            "eval",
            &format!(
                "application:set_env(rabbit, consumer_timeout, {limit}), application:set_env(rabbit, channel_tick_interval, 500)."
            ),
        ]);
    }

    fn ctl(&self, arguments: &[&str]) {
        let folder = self.folder.path().to_string_lossy();
        run("broker.sh", &[&["ctl", &folder], arguments].concat());
    }
}

impl Drop for PrivateBroker {
    fn drop(&mut self) {
        run("broker.sh", &["stop", &self.folder.path().to_string_lossy()]);
    }
}
