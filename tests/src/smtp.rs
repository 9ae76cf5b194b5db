//! An SMTP server of a foreign make, with a certificate that `SSL_CERT_FILE` makes trusted.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::Value;

use crate::{TestEnv, eventually, installed};

/// A running server. It ends when it is dropped.
pub struct SmtpServer {
    process: Child,
    port: u16,
    authority: Option<PathBuf>,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl SmtpServer {
    /// Starts one with STARTTLS and a login, with its files in the test's folder.
    pub fn start(env: &TestEnv) -> Self {
        let (certificate, key) = (env.folder().join("smtp.pem"), env.folder().join("smtp.key"));
        let made = Command::new("openssl")
            .args(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
                    .split(' '),
            )
            .args([
                "-addext",
                "subjectAltName=DNS:localhost",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Self::run(&[certificate.clone(), key]);
        server.authority = Some(certificate);
        server
    }

    /// Starts one without STARTTLS and login.
    pub fn start_plain() -> Self {
        Self::run(&[])
    }

    fn run(files: &[PathBuf]) -> Self {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/smtp/server.py");
        let mut process = Command::new(installed("python.sh", &["aiosmtpd==1.4.6"]))
            .arg(program)
            .args(files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = lines.next().expect("a line").expect("text").parse().expect("its port");
        let messages: Arc<Mutex<Vec<Value>>> = Arc::default();
        let taken = Arc::clone(&messages);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                taken.lock().push(serde_json::from_str(&line).expect("a message as JSON"));
            }
        });
        Self { process, port, authority: None, messages }
    }

    /// Its port at `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes it the server of notifications, for every `bilag` started from now on.
    pub fn enable(&self, env: &mut TestEnv, password: &str) {
        let url = format!("smtp://bilag:{password}@localhost:{}?tls=required", self.port);
        env.set("BILAG_NOTIFY_SMTP_URL", &url);
        env.set("BILAG_NOTIFY_EMAIL_FROM", "Bilag <bilag@nordlys.example>");
        if let Some(authority) = &self.authority {
            env.set("SSL_CERT_FILE", &authority.display().to_string());
        }
    }

    /// The messages that it took so far for an address.
    pub fn messages(&self, to: &str) -> Vec<Value> {
        let is_to = |message: &&Value| message["recipients"] == serde_json::json!([to]);
        self.messages.lock().iter().filter(is_to).cloned().collect()
    }

    /// Waits for the latest message to an address with this subject.
    pub async fn message(&self, to: &str, subject: &str) -> Value {
        eventually(&format!("an e-mail: {subject}"), async || {
            self.messages(to).into_iter().rfind(|message| message["headers"]["subject"] == subject)
        })
        .await
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
