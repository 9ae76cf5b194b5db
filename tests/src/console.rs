//! `bilag console` as a process, and its users file.

use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

use crate::{Bilag, TestEnv, eventually, process};

/// A running console. Ends with the test.
pub struct Console {
    /// The base URL, without a trailing slash.
    pub url: String,
    process: Bilag,
}

impl Console {
    /// The URL of a page.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl TestEnv {
    /// Starts the console on a free port, and waits until it listens.
    pub async fn console(&self, arguments: &[&str]) -> Console {
        self.console_on("127.0.0.1:0", arguments).await
    }

    /// The same, on this address.
    pub async fn console_on(&self, address: &str, arguments: &[&str]) -> Console {
        // The console creates no store, so create it first.
        drop(self.store().await);
        let mut process = self.start(&[&["console", "--listen", address], arguments].concat());
        let url = eventually("the console listens", async || {
            let ended = process.has_ended();
            assert!(ended.is_none(), "the console ended ({ended:?}):\n{}", process.log());
            let log = process.log();
            let (_, output) = log.split_once("the console is at ")?;
            output.split_once('\n').map(|(url, _)| url.to_owned())
        })
        .await;
        Console { url, process }
    }

    /// The users file's password line, from `bilag console hash`.
    pub fn password_line(&self, password: &str) -> String {
        let mut hash = process::command(&[], &["console", "hash"], &[], self.folder());
        let mut hash = hash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bilag starts");
        let mut input = hash.stdin.take().expect("it has an input");
        writeln!(input, "{password}").expect("it reads");
        drop(input);
        let output = hash.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", output.status);
        String::from_utf8(output.stdout).expect("text")
    }
}

/// A port without a listener.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
