//! A stage with the test's own handler on the real broker, to test the messaging runtime alone.

use std::future::Future;
use std::sync::Arc;

use amqp::{
    Broker, Consumer, Exchange, Failure, Handler, Hold, Message, Outcome, Reason, StageStatus, StartError,
    Topology, WorkQueue,
};
use async_trait::async_trait;
use bilag_tests::{Vhost, eventually};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The stage's dead-letter queue.
pub const DEAD_LETTERS: &str = "bilag.test.dead";
const KEY: &str = "test";

/// A handler from a function.
pub struct HandlerFn<F>(pub F);

#[async_trait]
impl<F, R> Handler for HandlerFn<F>
where
    F: Fn(Message) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, Failure>> + Send,
{
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        (self.0)(message.clone()).await
    }
}

/// Success, without follow-up events.
pub fn done() -> Result<Outcome, Failure> {
    Ok(Outcome::Done(Vec::new()))
}

/// A failure that is retried.
pub fn retry() -> Result<Outcome, Failure> {
    Err(Failure::Retry { reason: Reason::RETRIES_EXHAUSTED, error: "this time it failed".into() })
}

/// A consumer that runs in this process.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StartError>>,
    /// Holds and releases the stage.
    pub hold: watch::Sender<Option<Hold>>,
    /// Its current status.
    pub status: Arc<StageStatus>,
}

/// Starts a consumer with these retry delays and this in-flight limit.
pub fn start<H: Handler>(vhost: &Vhost, retry_queues: &[&str], concurrency: u16, handler: H) -> Running {
    let status = Arc::new(StageStatus::new("test"));
    let (hold, held) = watch::channel(None);
    let consumer = Consumer {
        broker: broker(vhost),
        declares: true,
        topology: Topology {
            bus: "events".to_owned(),
            work_queues: vec![WorkQueue { stage: "test", bindings: vec![(Exchange::Bus, KEY.to_owned())] }],
            delays: retry_queues.iter().map(|delay| delay.parse().expect("a delay")).collect(),
        },
        concurrency,
        status: status.clone(),
        held,
    };
    let shutdown = CancellationToken::new();
    Running { shutdown: shutdown.clone(), hold, task: tokio::spawn(consumer.run(handler, shutdown)), status }
}

/// The vhost's broker.
pub fn broker(vhost: &Vhost) -> Broker {
    Broker::parse(&vhost.url, "test stage").expect("the URL is right")
}

impl Running {
    /// Finishes in-flight messages, then ends.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("it does not panic").expect("it had started");
    }

    /// Aborts it: its connections close, and nothing more is acked.
    pub async fn kill(self) {
        self.task.abort();
        // The error is the abort itself.
        let _ = self.task.await;
    }
}

/// Publishes messages with their properties on the bus, once the stage's queue is bound.
pub async fn publish(url: &str, messages: Vec<(String, BasicProperties)>) {
    let properties = lapin::ConnectionProperties::default();
    let connection = lapin::Connection::connect(url, properties).await.expect("the broker accepts us");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    for (body, properties) in messages {
        eventually("the stage's queue is bound", async || {
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let (body, properties) = (body.as_bytes(), properties.clone());
            let sent = channel.basic_publish("events".into(), KEY.into(), options, body, properties);
            let confirmation = sent.await.expect("published").await.expect("confirmed");
            assert!(confirmation.is_ack(), "the broker acks it");
            confirmation.take_message().is_none().then_some(())
        })
        .await;
    }
}

/// Plain messages with these bodies.
pub fn plain(bodies: impl IntoIterator<Item = String>) -> Vec<(String, BasicProperties)> {
    bodies.into_iter().map(|body| (body, BasicProperties::default().with_delivery_mode(2))).collect()
}

/// Messages ready in a queue now.
pub async fn ready(channel: &Channel, queue: &str) -> u32 {
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
    declared.expect("the queue is there").message_count()
}

/// Waits until the stage's queues hold only so many dead letters.
pub async fn only_dead_letters(vhost: &Vhost, count: u32) {
    let channel = vhost.channel().await;
    eventually(&format!("{count} dead letters and nothing else"), async || {
        let queues = vhost.get("queues/{vhost}").await;
        for queue in queues.as_array()? {
            let name = queue["name"].as_str()?;
            let expected = if name == DEAD_LETTERS { count } else { 0 };
            // The management API's numbers include in-flight messages, but are some seconds old, each queue's at
            // another time.
            if queue["messages"] != expected || ready(&channel, name).await != expected {
                return None;
            }
        }
        Some(())
    })
    .await;
}
