//! ChromeDriver, which starts and controls the browser.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::eventually_within;

/// ChromeDriver on a free port, in its own process group.
pub(super) struct Driver {
    child: Child,
    pub(super) url: String,
    folder: TempDir,
}

impl Driver {
    pub(super) async fn start(limit: Duration) -> Self {
        use std::os::unix::process::CommandExt;

        let folder = TempDir::new().expect("a folder");
        std::fs::create_dir(folder.path().join("downloads")).expect("a folder");
        let log: PathBuf = folder.path().join("driver.log");
        let output = std::fs::File::create(&log).expect("a log file");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().expect("chromedriver is installed: run the tests with `make test`");
        let port = eventually_within(limit, "ChromeDriver prints its port", async || {
            let log = std::fs::read_to_string(&log).ok()?;
            let (_, port) = log.split_once("started successfully on port ")?;
            port.split_once('.').map(|(port, _)| port.to_owned())
        })
        .await;
        Self { child, url: format!("http://127.0.0.1:{port}"), folder }
    }

    /// The browser's profile.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    /// The browser's download folder.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // Its browsers are in its group. Killing an ended process fails, and that is fine.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}
