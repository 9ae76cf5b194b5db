//! The upper bound: three hops of consume, publish, confirm and ack, without work in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bilag_tests::{PrivateBroker, Vhost, cpu_of};
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Maximum unconfirmed messages per hop: a consumer's default in-flight limit.
const WINDOW: u16 = 32;

/// The result of one round.
pub struct Measured {
    /// Messages per second through all hops.
    pub per_second: f64,
    /// Processor time of this process for one message: publishing and all hops, without the broker.
    pub cpu: Duration,
}

/// Passes messages through all hops; the publisher is the first.
pub async fn measure(broker: &PrivateBroker, messages: u32, sizes: [usize; 3]) -> Measured {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let setup = vhost.channel().await;
    for hop in 0..3 {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        setup.queue_declare(queue(hop).into(), options, arguments).await.expect("a queue");
    }
    let (begun, at_rest) = (Instant::now(), cpu_of(std::process::id()));
    let mut hops = JoinSet::new();
    for hop in 0..3 {
        let next = (hop < 2).then(|| (queue(hop + 1), vec![b'x'; sizes[hop + 1]]));
        hops.spawn(relay(vhost.channel().await, vhost.channel().await, queue(hop), next, messages));
    }
    publish(vhost.channel().await, messages, vec![b'x'; sizes[0]]).await;
    while let Some(hop) = hops.join_next().await {
        hop.expect("the hop relays");
    }
    let cpu = (cpu_of(std::process::id()) - at_rest) / messages;
    Measured { per_second: f64::from(messages) / begun.elapsed().as_secs_f64(), cpu }
}

fn queue(hop: usize) -> &'static str {
    ["relay.1", "relay.2", "relay.3"][hop]
}

async fn relay(
    consume: Channel,
    publish: Channel,
    from: &'static str,
    to: Option<(&'static str, Vec<u8>)>,
    messages: u32,
) {
    publish.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    consume.basic_qos(WINDOW, BasicQosOptions::default()).await.expect("prefetch");
    let options = BasicConsumeOptions::default();
    let mut deliveries = consume
        .basic_consume(from.into(), "".into(), options, FieldTable::default())
        .await
        .expect("a consumer");
    let (publish, to) = (Arc::new(publish), Arc::new(to));
    let mut tasks = JoinSet::new();
    for _ in 0..messages {
        let delivery = deliveries.next().await.expect("a delivery").expect("a delivery");
        tasks.spawn(pass_on(delivery, publish.clone(), to.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn pass_on(delivery: Delivery, channel: Arc<Channel>, to: Arc<Option<(&'static str, Vec<u8>)>>) {
    if let Some((queue, body)) = to.as_ref() {
        send(&channel, queue, body).await;
    }
    delivery.ack(BasicAckOptions::default()).await.expect("acked");
}

async fn publish(channel: Channel, messages: u32, body: Vec<u8>) {
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let (channel, body, in_flight) = (Arc::new(channel), Arc::new(body), Arc::new(Semaphore::new(64)));
    let mut tasks = JoinSet::new();
    for _ in 0..messages {
        let permit = in_flight.clone().acquire_owned().await.expect("never closed");
        let (channel, body) = (channel.clone(), body.clone());
        tasks.spawn(async move {
            send(&channel, queue(0), &body).await;
            drop(permit);
        });
    }
    while tasks.join_next().await.is_some() {}
}

async fn send(channel: &Channel, queue: &str, body: &[u8]) {
    let properties = BasicProperties::default().with_delivery_mode(2);
    let options = BasicPublishOptions::default();
    let published = channel.basic_publish("".into(), queue.into(), options, body, properties).await;
    let confirmed = published.expect("published").await.expect("confirmed");
    assert!(confirmed.is_ack());
}
