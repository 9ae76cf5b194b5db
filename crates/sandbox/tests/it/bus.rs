//! The invoice service that answers over the bus: on a real broker, in an exchange of the test's own.

use std::env;
use std::time::Duration;

use events::ReceiptSettled;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use sandbox::invoice_service::{Mode, Options};
use sandbox::{Fault, Rule};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;
use uuid::Uuid;

use crate::common::{Trial, package, send, until};

/// An exchange, and a queue with all that is published there.
struct Bus {
    url: String,
    exchange: String,
    queue: String,
    channel: Channel,
    /// The queue lives as long as it.
    _connection: Connection,
}

impl Bus {
    async fn new() -> Self {
        let bus = Self::undeclared().await;
        bus.declare().await;
        bus
    }

    async fn undeclared() -> Self {
        // One that is there already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = env::var("BILAG_TEST_AMQP_URL").expect(
            "BILAG_TEST_AMQP_URL is not set: run the tests with `make test`, which starts a private broker",
        );
        let connection =
            Connection::connect(&url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        let name = format!("test-{}", Uuid::new_v4().simple());
        Self { url, exchange: name.clone(), queue: name, channel, _connection: connection }
    }

    async fn declare(&self) {
        let (exchange, queue) = (self.exchange.as_str(), self.queue.as_str());
        let gone_with_its_queue = ExchangeDeclareOptions { auto_delete: true, ..Default::default() };
        self.channel
            .exchange_declare(
                exchange.into(),
                ExchangeKind::Topic,
                gone_with_its_queue,
                FieldTable::default(),
            )
            .await
            .expect("the exchange is declared");
        let ours = QueueDeclareOptions { exclusive: true, ..Default::default() };
        self.channel
            .queue_declare(queue.into(), ours, FieldTable::default())
            .await
            .expect("the queue is declared");
        let all = QueueBindOptions::default();
        self.channel
            .queue_bind(queue.into(), exchange.into(), "#".into(), all, FieldTable::default())
            .await
            .expect("the queue is bound");
    }

    /// The next message's routing key, id and body, once it is there.
    async fn next(&self) -> (String, String, Vec<u8>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(message) = self.get().await {
                return message;
            }
            assert!(Instant::now() < deadline, "nothing came over the bus");
        }
    }

    async fn get(&self) -> Option<(String, String, Vec<u8>)> {
        let options = BasicGetOptions { no_ack: true };
        let got = self.channel.basic_get(self.queue.as_str().into(), options).await.expect("an answer")?;
        let id = got.delivery.properties.message_id().as_ref().expect("an id").to_string();
        Some((got.delivery.routing_key.to_string(), id, got.delivery.data))
    }

    async fn trial(&self, after: Duration) -> Trial {
        let mode = Mode::over_the_bus(&self.url, &self.exchange, after);
        let invoice_service = Options { mode, ..Options::default() };
        Trial::of(sandbox::Options { invoice_service, ..Default::default() }).await
    }
}

/// How often each of a package's receipts was published.
fn published(trial: &Trial, id: u64) -> Vec<u64> {
    let summary = trial.sandbox.invoice_service.summary();
    summary.packages[&id].receipts.iter().map(|facts| facts.published).collect()
}

#[tokio::test]
async fn publishes_the_receipt_with_its_package() {
    let bus = Bus::new().await;
    let trial = bus.trial(Duration::from_millis(20)).await;

    let answer = send(trial.invoice_request("k-1", &package(73))).await;

    assert_eq!(answer.status(), 202);
    assert_eq!(answer.text().await.expect("a body"), "");
    let (routing_key, _, body) = bus.next().await;
    assert_eq!(routing_key, "receipt.settled.v1");
    let receipt: ReceiptSettled = events::decode(&body).expect("a receipt");
    receipt.check().expect("it adds up");
    let package = receipt.package.expect("a package");
    assert_eq!((package.id, &*package.number), (73, "000000073"));
    until("the confirm", || published(&trial, 73) == [1]).await;
}

#[tokio::test]
async fn publishes_the_same_receipt_again_on_request() {
    let bus = Bus::new().await;
    let trial = bus.trial(Duration::ZERO).await;
    let mut came = Vec::new();
    for _ in 0..2 {
        assert_eq!(send(trial.invoice_request("k-1", &package(73))).await.status(), 202);
        came.push(bus.next().await);
    }
    assert_eq!(came[0], came[1]);
    until("both confirms", || published(&trial, 73) == [2]).await;
    assert_eq!(trial.sandbox.invoice_service.summary().violations, []);
    assert_eq!(bus.get().await, None);
}

#[tokio::test]
async fn publishes_a_lost_receipt_on_the_next_request() {
    let bus = Bus::new().await;
    let trial = bus.trial(Duration::ZERO).await;
    trial.sandbox.invoice_service.add_fault(Rule::new(Fault::Lose).of_package(73).times(1));
    for (key, id) in [("k-1", 73), ("k-2", 74), ("k-1", 73)] {
        assert_eq!(send(trial.invoice_request(key, &package(id))).await.status(), 202);
    }
    until("the confirms", || (published(&trial, 73), published(&trial, 74)) == (vec![1], vec![1])).await;
    let mut uids = Vec::new();
    for _ in 0..2 {
        let receipt: Value = serde_json::from_slice(&bus.next().await.2).expect("JSON");
        uids.push(receipt["orderReceipt"]["uid"].as_str().expect("a uid").to_owned());
    }
    uids.sort();
    assert_eq!(uids, ["inv-73-1", "inv-74-1"]);
    assert_eq!(bus.get().await, None);
}

#[tokio::test]
async fn retries_publishing_until_confirmed() {
    let bus = Bus::undeclared().await;
    let trial = bus.trial(Duration::ZERO).await;
    assert_eq!(send(trial.invoice_request("k-1", &package(73))).await.status(), 202);
    assert_eq!(published(&trial, 73), [0]);
    bus.declare().await;
    let receipt: Value = serde_json::from_slice(&bus.next().await.2).expect("JSON");
    assert_eq!(receipt["orderReceipt"]["uid"], "inv-73-1");
}

#[tokio::test]
async fn reports_a_wrong_broker_url_at_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let mode = Mode::over_the_bus("hush", "events", Duration::ZERO);
    let invoice_service = Options { mode, ..Options::default() };
    let error = sandbox::serve(listener, sandbox::Options { invoice_service, ..Default::default() })
        .expect_err("it cannot be read")
        .to_string();
    assert!(error.contains("AMQP URL") && !error.contains("hush"), "{error}");
}
