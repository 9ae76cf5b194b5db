//! A vhost of one test's own, on the broker that `make test` starts or that the variables name.

use std::env;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};
use uuid::Uuid;

/// A vhost that is deleted when dropped.
pub struct Vhost {
    /// Its AMQP URL.
    pub url: String,
    /// The broker's management API.
    pub management: String,
    name: String,
    http: reqwest::Client,
}

const LOGIN: (&str, &str) = ("guest", "guest");

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `make test`, which starts a private broker")
    })
}

impl Vhost {
    /// A new vhost on the tests' broker.
    pub async fn new() -> Self {
        Self::on(&variable("BILAG_TEST_AMQP_URL"), &variable("BILAG_TEST_MANAGEMENT_URL")).await
    }

    /// A new vhost on a broker, with the user's bus declared in it.
    pub async fn on(amqp: &str, management: &str) -> Self {
        // Only the first of several tests can set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let name = format!("test-{}", Uuid::new_v4().simple());
        let (base, _) = amqp.rsplit_once('/').expect("the URL ends in a vhost");
        let vhost = Self {
            url: format!("{base}/{name}"),
            management: management.to_owned(),
            name,
            http: reqwest::Client::new(),
        };
        vhost.put(&format!("vhosts/{}", vhost.name), json!({})).await;
        let rights = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        vhost.put(&format!("permissions/{}/{}", vhost.name, LOGIN.0), rights).await;
        vhost.declare_bus().await;
        vhost
    }

    async fn declare_bus(&self) {
        let channel = self.channel().await;
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel
            .exchange_declare("events".into(), ExchangeKind::Topic, options, FieldTable::default())
            .await
            .expect("the bus is declared");
    }

    /// Tells the management API something, `{vhost}` standing for this vhost.
    pub async fn put(&self, path: &str, body: Value) {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.put(&url).basic_auth(LOGIN.0, Some(LOGIN.1)).json(&body);
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "PUT {url}: {}", answer.status());
    }

    /// Deletes something by the management API, `{vhost}` standing for this vhost.
    pub async fn delete(&self, path: &str) {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.delete(&url).basic_auth(LOGIN.0, Some(LOGIN.1));
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "DELETE {url}: {}", answer.status());
    }

    /// Asks the management API, `{vhost}` standing for this vhost.
    pub async fn get(&self, path: &str) -> Value {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.get(&url).basic_auth(LOGIN.0, Some(LOGIN.1));
        let answer = request.send().await.expect("the management API answers");
        answer.json().await.expect("JSON")
    }

    /// A channel of a connection of its own.
    pub async fn channel(&self) -> Channel {
        let properties = ConnectionProperties::default().with_connection_name("a test".into());
        let connection = Connection::connect(&self.url, properties).await.expect("the broker accepts us");
        connection.create_channel().await.expect("a channel")
    }

    /// Messages that are ready in a queue; `None` where there is no such queue.
    pub async fn ready(&self, queue: &str) -> Option<u32> {
        let channel = self.channel().await;
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        declared.ok().map(|queue| queue.message_count())
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // A broker that the test has ended has no vhosts left to delete.
        let url = format!("{}/api/vhosts/{}", self.management, self.name);
        let http = self.http.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { http.delete(url).basic_auth(LOGIN.0, Some(LOGIN.1)).send().await });
        }
    }
}
