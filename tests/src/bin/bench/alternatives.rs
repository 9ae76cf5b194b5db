//! What others would write instead: the chain in Python and in Node.js, on the same broker, with the same stand-in.
//!
//! `tests/alternatives` has the programs, each of which says what it lacks. One process a stage, as of Bilag.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bilag_tests::{PrivateBroker, Store, TestEnv, Vhost, eventually, installed, receipt, unset_settings};
use tokio::time::sleep;

use crate::throughput::publish;

const STAGES: [&str; 3] = ["receipt", "render", "upload"];

/// How the chain in one language is started.
struct Language {
    name: &'static str,
    program: String,
    script: &'static str,
    /// Where Node.js finds packages.
    node_path: String,
}

/// Receipts per second from the bus to the attached file, by language. Installs their packages on first use.
pub async fn measure(broker: &PrivateBroker, receipts: u32) -> Vec<(&'static str, f64)> {
    let installed = installed("alternatives.sh", &[]);
    let (python, packages) = installed.split_once('\n').expect("two paths");
    let languages = [("Python", python, "python/chain.py"), ("Node.js", "node", "node/chain.mjs")];
    let mut rates = Vec::new();
    for (name, program, script) in languages {
        let language = Language { name, program: program.to_owned(), script, node_path: packages.to_owned() };
        rates.push((name, round(broker, &language, receipts).await));
    }
    rates
}

/// One round with its own vhost, store and sandbox.
async fn round(broker: &PrivateBroker, language: &Language, receipts: u32) -> f64 {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let env = TestEnv::on(vhost, Store::Sqlite).await;
    let mut processes = Vec::new();
    for stage in STAGES {
        processes.push(language.consume(stage, &env).await);
    }
    let events: Vec<Vec<u8>> =
        (1..=receipts).map(|number| receipt(number).to_string().into_bytes()).collect();
    let begun = Instant::now();
    let publishing = tokio::spawn(publish(env.vhost.url.clone(), events));
    loop {
        let attached = env.sandbox.omnium.files();
        if attached >= u64::from(receipts) {
            break;
        }
        processes.iter_mut().for_each(Process::must_run);
        assert!(begun.elapsed() < Duration::from_secs(300), "{attached} of {receipts} after five minutes");
        sleep(Duration::from_millis(20)).await;
    }
    let per_second = f64::from(receipts) / begun.elapsed().as_secs_f64();
    publishing.await.expect("everything is published");
    assert_eq!(env.sandbox.omnium.summary().violations, [], "{} keeps to Omnium's rules", language.name);
    per_second
}

impl Language {
    /// Starts a stage, and waits until it consumes.
    async fn consume(&self, stage: &str, env: &TestEnv) -> Process {
        let mut process = self.start(stage, env);
        eventually("the stage consumes", async || {
            process.must_run();
            process.log().contains("consuming").then_some(())
        })
        .await;
        process
    }

    fn start(&self, stage: &str, env: &TestEnv) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("alternatives").join(self.script);
        let log = env.folder().join(format!("{stage}.log"));
        let output = File::create(&log).expect("a log file");
        let mut command = Command::new(&self.program);
        unset_settings(&mut command);
        command
            .arg(script)
            .arg(stage)
            .env("AMQP_URL", &env.vhost.url)
            .env("DATABASE", env.folder().join("alternative.db"))
            .env("OMNIUM_BASE_URL", env.sandbox.base_url())
            .env("OMNIUM_CLIENT_ID", "a-client")
            .env("OMNIUM_CLIENT_SECRET", "a-secret")
            .env("NODE_PATH", &self.node_path)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(env.folder())
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log file"))
            .stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{} starts: {error}", self.program));
        Process { name: format!("{} {stage}", self.name), child, log }
    }
}

/// A running stage that logs to a file. Killed when dropped.
struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its errors end it: there is nothing to wait for then.
    fn must_run(&mut self) {
        let ended = self.child.try_wait().expect("a child can be asked");
        assert!(ended.is_none(), "{} ended ({ended:?}):\n{}", self.name, self.log());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Killing an ended process fails, and that is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
