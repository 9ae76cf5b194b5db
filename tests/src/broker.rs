//! A broker of one test's own, to be killed and started again. It is of the version of the tests' broker.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::vhost::{client, version};

/// A private broker; stopped when dropped.
pub struct OwnBroker {
    folder: TempDir,
    /// Its AMQP URL, of the default vhost.
    pub amqp: String,
    /// Its management API.
    pub management: String,
}

/// A script of `dev`.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../dev").join(name)
}

/// The minor version ("4.3") to start, where there is a tests' broker to follow.
fn minor_version() -> Option<&'static str> {
    static MINOR: OnceLock<Option<String>> = OnceLock::new();
    let ask = || {
        let management = env::var("BILAG_TEST_MANAGEMENT_URL").ok()?;
        // In a thread of its own: who asks may be in a runtime already.
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

/// Runs a script and gives the lines it prints.
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

impl OwnBroker {
    /// Starts one.
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let urls = run("broker.sh", &["start", &folder.path().to_string_lossy()]);
        Self { folder, amqp: urls[0].clone(), management: urls[1].clone() }
    }

    /// Ends it as a power cut would.
    pub fn kill(&self) {
        run("broker.sh", &["kill", &self.folder.path().to_string_lossy()]);
    }

    /// Has it write down what was declared just now: killed at once, RabbitMQ up to 4.0 may lose exchanges.
    pub fn write_down(&self) {
        self.ctl(&["eval", "mnesia:sync_log()."]);
    }

    /// Starts it again, with all that was on its disk.
    pub fn start_again(&self) {
        run("broker.sh", &["start", &self.folder.path().to_string_lossy()]);
    }

    /// Has it run out of memory, as it believes: it takes no more messages.
    pub fn raise_alarm(&self) {
        self.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    }

    /// Gives it its memory back.
    pub fn clear_alarm(&self) {
        self.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    }

    /// Has it take back what a consumer keeps for longer, soon after: channels and queues that are there already
    /// may go by what they were told before.
    pub fn let_consumers_keep_for(&self, limit: Duration) {
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

impl Drop for OwnBroker {
    fn drop(&mut self) {
        run("broker.sh", &["stop", &self.folder.path().to_string_lossy()]);
    }
}
