//! `bilag console` as a process of its own, and what its users file needs.

use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

use crate::{Bilag, World, eventually, process};

/// A console that is being served. Ends with the test.
pub struct Console {
    /// The address that browsers use, without a slash at its end.
    pub url: String,
    process: Bilag,
}

impl Console {
    /// The address of one of its pages.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// All that it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

impl World {
    /// Starts the console on a port of its own, and waits until it listens.
    pub async fn console(&self, arguments: &[&str]) -> Console {
        self.console_on("127.0.0.1:0", arguments).await
    }

    /// The same, on this address.
    pub async fn console_on(&self, address: &str, arguments: &[&str]) -> Console {
        // It shows a store that is there, and creates none.
        drop(self.store().await);
        let mut process = self.start(&[&["console", "--listen", address], arguments].concat());
        let url = eventually("the console listens", async || {
            let ended = process.has_ended();
            assert!(ended.is_none(), "the console ended ({ended:?}):\n{}", process.log());
            let log = process.log();
            let (_, said) = log.split_once("the console is at ")?;
            said.split_once('\n').map(|(url, _)| url.to_owned())
        })
        .await;
        Console { url, process }
    }

    /// The line of a users file that `bilag console hash` makes of a password.
    pub fn hashed(&self, password: &str) -> String {
        let mut hash = process::command(&[], &["console", "hash"], &[], self.folder());
        let mut hash = hash.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bilag starts");
        let mut input = hash.stdin.take().expect("it has an input");
        writeln!(input, "{password}").expect("it reads");
        drop(input);
        let said = hash.wait_with_output().expect("it ends");
        assert!(said.status.success(), "{}", said.status);
        String::from_utf8(said.stdout).expect("text")
    }
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
