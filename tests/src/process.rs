//! `bilag` as a process.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// A running `bilag` that logs to a file. Killed when dropped.
pub struct Bilag {
    child: Child,
    log: PathBuf,
}

/// The binary, built beside the tests.
pub fn binary() -> PathBuf {
    let mut folder = std::env::current_exe().expect("this binary has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let binary = folder.join("bilag");
    assert!(binary.exists(), "{} is missing: run the tests with `make test`", binary.display());
    binary
}

/// Processor time that a running process has spent so far.
pub fn cpu_of(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    // After the name in parentheses; fields 14 and 15 of the whole are user and system time.
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks = |field: &str| field.parse::<u64>().expect("ticks");
    let spent: u64 = fields.split(' ').skip(11).take(2).map(ticks).sum();
    Duration::from_millis(spent * 10)
}

/// What one of the scripts in `dev/` prints, once it has installed what it is asked for: a path.
pub fn installed(script: &str, arguments: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev").join(script);
    let ran = Command::new(path).args(arguments).output().expect("a script");
    assert!(ran.status.success(), "dev/{script}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

/// A command without inherited settings, prefixed by the launcher if any.
pub(crate) fn command(
    launcher: &[String],
    arguments: &[&str],
    settings: &[(String, String)],
    folder: &Path,
) -> Command {
    let mut command = match launcher {
        [] => Command::new(binary()),
        [program, words @ ..] => {
            let mut command = Command::new(program);
            command.args(words).arg(binary());
            command
        }
    };
    unset_settings(&mut command);
    command.args(arguments).envs(settings.iter().cloned()).current_dir(folder).stdin(Stdio::null());
    command
}

/// Removes inherited settings from a command's environment.
pub fn unset_settings(command: &mut Command) {
    const SETTINGS: [&str; 7] = ["BILAG_", "OMNIUM_", "OTEL_", "INVOICE_SERVICE_", "OMS_", "ERP_", "FLOW_"];
    for (name, _) in std::env::vars() {
        if SETTINGS.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

impl Bilag {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let open = || File::options().create(true).append(true).open(&log).expect("a log file");
        let child = command.stdout(open()).stderr(open()).spawn();
        Self { child: child.expect("bilag starts"), log }
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> u64 {
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.id())).expect("it runs");
        let pages: u64 =
            statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
        pages * 4096
    }

    /// Processor time spent so far.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.id())
    }

    /// Its exit status, if it has ended.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        // Killing an ended process fails, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM; returns at once.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal, in the notation of `kill`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Bilag {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Exit code, standard output and standard error of a command that ran.
pub fn exit_output(ran: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.code().unwrap_or(-1), text(&ran.stdout), text(&ran.stderr))
}
