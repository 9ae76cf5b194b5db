//! A vhost of a test's own, with the queues of one stage.

use std::collections::HashMap;
use std::env;

use amqp::{Broker, Delay, Exchange, Outgoing, Publisher, Topology, WorkQueue};
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use serde_json::json;
use uuid::Uuid;

/// A vhost at the tests' broker.
pub struct Vhost {
    pub url: String,
    name: String,
    management: String,
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `make test`"))
}

impl Vhost {
    /// With the queues of the stage `render`.
    pub async fn new() -> Self {
        // Only the first of several tests can set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (amqp, management) = (variable("BILAG_TEST_AMQP_URL"), variable("BILAG_TEST_MANAGEMENT_URL"));
        let since_1970 =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let name = format!("test-{}-{}", since_1970.as_secs(), Uuid::new_v4().simple());
        let (base, _) = amqp.rsplit_once('/').expect("the URL ends in a vhost");
        let vhost = Self { url: format!("{base}/{name}"), name, management };
        vhost.tell("PUT", "vhosts/{vhost}", json!({})).await;
        let rights = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        vhost.tell("PUT", "permissions/{vhost}/guest", rights).await;
        vhost.tell("PUT", "exchanges/{vhost}/events", json!({ "type": "topic", "durable": true })).await;
        let bindings = vec![(Exchange::Events, "invoice.ready.v1".to_owned())];
        let delays = vec!["1h".parse::<Delay>().expect("a delay")];
        let work_queues = vec![WorkQueue { stage: "render", bindings }];
        let topology = Topology { bus: "events".to_owned(), work_queues, delays };
        amqp::apply(&vhost.broker(), &topology).await.expect("declared");
        vhost
    }

    pub fn broker(&self) -> Broker {
        Broker::parse(&self.url, "a test").expect("the URL is right")
    }

    async fn tell(&self, method: &str, path: &str, body: serde_json::Value) {
        let url = format!("{}/api/{}", self.management, path.replace("{vhost}", &self.name));
        let method = method.parse().expect("a method");
        let request =
            reqwest::Client::new().request(method, &url).basic_auth("guest", Some("guest")).json(&body);
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "{url}: {}", answer.status());
    }

    /// Puts dead letters into `bilag.render.dead`.
    pub async fn die(&self, bodies: impl IntoIterator<Item = String>) {
        let publisher = Publisher::connect(&self.broker()).await.expect("connected");
        for body in bodies {
            let id = body.clone();
            let exchange = amqp::DEAD.to_owned();
            let message =
                Outgoing { exchange, ..Outgoing::event("a.test", "render".to_owned(), &[&id], body) };
            publisher.publish(&message).await.expect("confirmed");
        }
        publisher.close().await;
    }

    /// A channel of a connection of its own.
    pub async fn channel(&self) -> Channel {
        let connection =
            Connection::connect(&self.url, ConnectionProperties::default()).await.expect("a connection");
        connection.create_channel().await.expect("a channel")
    }

    /// Messages that are ready, by queue.
    pub async fn ready(&self) -> HashMap<&'static str, u32> {
        let mut ready = HashMap::new();
        for (name, queue) in
            [("work", "bilag.render"), ("dead", "bilag.render.dead"), ("discarded", "bilag.render.discarded")]
        {
            let channel = self.channel().await;
            let options = QueueDeclareOptions { passive: true, ..Default::default() };
            let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
            ready.insert(name, declared.expect("it is there").message_count());
        }
        ready
    }

    /// Takes all that comes to `bilag.render`, as its consumer would, and tells the bodies.
    pub async fn consume(&self) -> tokio::sync::mpsc::UnboundedReceiver<Vec<u8>> {
        let channel = self.channel().await;
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let got = channel.basic_get("bilag.render".into(), BasicGetOptions { no_ack: true }).await;
                let more = match got {
                    Ok(Some(message)) => tell.send(message.delivery.data.to_vec()).is_ok(),
                    Ok(None) => {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                        !tell.is_closed()
                    }
                    Err(_) => false,
                };
                if !more {
                    return;
                }
            }
        });
        told
    }

    /// Ends it.
    pub async fn delete(&self) {
        self.tell("DELETE", "vhosts/{vhost}", json!({})).await;
    }
}
