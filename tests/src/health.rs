//! `/livez` and `/readyz` of a running `bilag`.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use crate::TestEnv;

/// The health endpoint of one process.
pub struct Health {
    /// The address.
    pub address: SocketAddr,
    http: reqwest::Client,
}

impl Health {
    /// Enables it for processes started from now on, one at a time.
    pub fn of(env: &mut TestEnv) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        env.set("BILAG_HEALTH_ADDR", &address.to_string());
        Self { address, http: reqwest::Client::new() }
    }

    /// Status and body of any path; `None` without a listener.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = self.http.get(format!("http://{}{path}", self.address)).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.expect("a text")))
    }

    /// Status and body of `/readyz`; `None` without a listener.
    pub async fn ready(&self) -> Option<(u16, Value)> {
        let (status, body) = self.get("/readyz").await?;
        Some((status, serde_json::from_str(&body).expect("/readyz answers with JSON")))
    }

    /// A stage in `/readyz`; `None` without a listener.
    pub async fn stage(&self, name: &str) -> Option<Value> {
        let (_, body) = self.ready().await?;
        let stages = body["stages"].as_array().expect("stages");
        Some(stages.iter().find(|stage| stage["stage"] == name).expect("the stage runs here").clone())
    }
}
