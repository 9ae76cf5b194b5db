//! Delivery counts of an upstream queue: from RabbitMQ 4.0 on a dead-lettered message keeps its count.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amqp::{Failure, Message};
use bilag_tests::{Vhost, eventually};
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};

use crate::test_stage::{HandlerFn, done, only_dead_letters, plain, publish, start};

/// More than the delivery limit of a work queue (50).
const DELIVERIES: i32 = 60;

/// Has a queue deliver its message repeatedly; the channel is closed each time without an ack.
async fn deliver_repeatedly(vhost: &Vhost, queue: &str) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&vhost.url, properties).await.expect("the broker accepts us");
    for delivery in 1..=DELIVERIES {
        let channel = connection.create_channel().await.expect("a channel");
        eventually(&format!("{queue} delivers, time {delivery}"), async || {
            channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("the queue is there")
        })
        .await;
        channel.close(200, "".into()).await.expect("closed");
    }
}

/// A user's queue that dead-letters to the bus.
async fn declare_parking(vhost: &Vhost) {
    let channel = vhost.channel().await;
    let mut arguments = FieldTable::default();
    for (name, value) in [
        ("x-queue-type", "quorum"),
        ("x-dead-letter-exchange", "events"),
        ("x-dead-letter-routing-key", "test"),
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ] {
        arguments.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERIES - 1));
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare("parking".into(), options, arguments).await.expect("declared");
    let (queue, bus) = ("parking".into(), "events".into());
    let bound =
        channel.queue_bind(queue, bus, "parked".into(), QueueBindOptions::default(), FieldTable::default());
    bound.await.expect("bound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delivery_count_of_an_upstream_queue_is_ignored() {
    let vhost = Vhost::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let handler = HandlerFn(move |message: Message| {
        sees.lock().expect("no handler panics").push(message.body);
        async { done() }
    });
    let consumer = start(&vhost, &["50ms"], 4, handler);
    publish(&vhost.url, plain(["first".to_owned()])).await;
    declare_parking(&vhost).await;
    let channel = vhost.channel().await;
    let options = lapin::options::BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = lapin::BasicProperties::default().with_delivery_mode(2);
    let sent = channel.basic_publish("events".into(), "parked".into(), options, b"parked", properties).await;
    sent.expect("published").await.expect("not confirmed");

    deliver_repeatedly(&vhost, "parking").await;
    eventually("it is handled", async || {
        seen.lock().expect("no handler panics").contains(&b"parked"[..].into()).then_some(())
    })
    .await;
    only_dead_letters(&vhost, 0).await;
    assert_eq!(seen.lock().expect("no handler panics").len(), 2);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsing_a_retry_queue_does_not_exhaust_deliveries() {
    const RETRY_QUEUE: &str = "bilag.test.retry.8s";
    let vhost = Vhost::new().await;
    let lives = Arc::new(Mutex::new(0));
    let counts = lives.clone();
    let handler = HandlerFn(move |_: Message| {
        let mut lives = counts.lock().expect("no handler panics");
        *lives += 1;
        let waits = *lives == 1;
        async move {
            if waits {
                return Err(Failure::Wait { at_least: Duration::from_secs(8), error: "not yet".into() });
            }
            done()
        }
    });
    let consumer = start(&vhost, &["8s"], 4, handler);
    publish(&vhost.url, plain(["looked at".to_owned()])).await;
    eventually("it waits", async || (vhost.ready(RETRY_QUEUE).await? == 1).then_some(())).await;
    deliver_repeatedly(&vhost, RETRY_QUEUE).await;
    eventually("it is handled again", async || {
        (*lives.lock().expect("no handler panics") == 2).then_some(())
    })
    .await;
    only_dead_letters(&vhost, 0).await;
    consumer.stop().await;
}
