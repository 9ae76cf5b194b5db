//! Publishing with confirms: a success means that the message is in a queue; an error names the cause.

use std::collections::BTreeSet;

use amqp::{Outgoing, PublishError, Publisher};
use bilag_tests::Vhost;
use futures_util::future::join_all;
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use crate::test_stage::broker;

fn event(exchange: &str, key: &str, number: usize) -> Outgoing {
    let identity = [&*number.to_string()];
    let event = Outgoing::event("test.v1", key.to_owned(), &identity, number.to_string().into_bytes());
    Outgoing { exchange: exchange.to_owned(), ..event }
}

async fn declare_bound_queue(vhost: &Vhost) {
    let channel = vhost.channel().await;
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare("bound".into(), options, FieldTable::default()).await.expect("a queue");
    let bind = QueueBindOptions::default();
    let bound =
        channel.queue_bind("bound".into(), "events".into(), "bound".into(), bind, FieldTable::default());
    bound.await.expect("a binding");
}

/// The numbers of the messages in the bound queue. Of those whose confirm was not certain, it may have two.
async fn there(vhost: &Vhost) -> BTreeSet<usize> {
    let (channel, options) = (vhost.channel().await, BasicGetOptions { no_ack: true });
    let mut there = BTreeSet::new();
    while let Some(message) = channel.basic_get("bound".into(), options).await.expect("an answer") {
        let number = String::from_utf8(message.delivery.data).expect("a text");
        there.insert(number.parse().expect("a number"));
    }
    there
}

#[tokio::test]
async fn concurrent_publishes_fail_only_where_unroutable() {
    let vhost = Vhost::new().await;
    declare_bound_queue(&vhost).await;
    let publisher = Publisher::connect(&broker(&vhost)).await.expect("connected");
    let key = |number: usize| if number.is_multiple_of(3) { "unbound" } else { "bound" };
    let events: Vec<_> = (0..3_000).map(|number| event("events", key(number), number)).collect();

    let results = join_all(events.iter().map(|event| publisher.publish(event))).await;

    for (number, result) in results.into_iter().enumerate() {
        match (key(number), result) {
            ("bound", Ok(())) => {}
            ("unbound", Err(PublishError::Unroutable { exchange, routing_key })) => {
                assert_eq!((&*exchange, &*routing_key), ("events", "unbound"));
            }
            (key, result) => panic!("{number} with key {key}: {result:?}"),
        }
    }
    assert_eq!(there(&vhost).await, (0..3_000).filter(|number| key(*number) == "bound").collect());
    publisher.close().await;
}

#[tokio::test]
async fn missing_exchange_fails_only_its_own_publishes() {
    let vhost = Vhost::new().await;
    declare_bound_queue(&vhost).await;
    let publisher = Publisher::connect(&broker(&vhost)).await.expect("connected");
    let events: Vec<_> = (0..60)
        .map(|number| event(if number % 2 == 0 { "events" } else { "no-such-bus" }, "bound", number))
        .collect();

    let results = join_all(events.iter().map(|event| publisher.publish(event))).await;

    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(()) => assert_eq!(number % 2, 0),
            Err(error @ PublishError::NoExchange { .. }) => {
                assert_eq!(number % 2, 1);
                assert_eq!(error.to_string(), "exchange \"no-such-bus\" does not exist");
            }
            Err(error) => panic!("{number}: {error:?}"),
        }
    }
    publisher.publish(&event("events", "bound", 60)).await.expect("the publisher still works");
    assert_eq!(there(&vhost).await, (0..=60).step_by(2).collect());
    publisher.close().await;
}
