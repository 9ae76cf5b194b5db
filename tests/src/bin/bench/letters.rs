//! Dead letters by the hundred thousand: how long counts take, and how many dead letters a second move.

use std::time::{Duration, Instant};

use bilag_tests::{OwnBroker, Store, Vhost, World, receipt};
use futures_util::{StreamExt, stream};
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use tokio::time::sleep;

/// How many dead letters, where `BILAG_BENCH_LETTERS` does not say.
const LETTERS: usize = 100_000;

/// Unconfirmed messages at once while the queue is filled.
const AT_ONCE: usize = 500;

/// Fills a dead-letter queue, and measures what operators do with it.
pub async fn measure(broker: &OwnBroker) {
    let letters = std::env::var("BILAG_BENCH_LETTERS").ok().and_then(|n| n.parse().ok()).unwrap_or(LETTERS);
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    measure_on(&World::on(vhost, Store::Sqlite).await, letters).await;
}

async fn measure_on(world: &World, letters: usize) {
    world.ok(&["topology", "apply"]);
    let body = receipt(1).to_string().into_bytes();
    println!("\nletters         {letters} of {} B in one queue", body.len());
    let dead = world.consume(&["dead"]).await;
    let begun = Instant::now();
    fill(world, letters, &body).await;
    while counted(world) < letters as u64 {
        assert!(begun.elapsed() < Duration::from_secs(1_800), "{} noted after 30 min", counted(world));
        sleep(Duration::from_secs(1)).await;
    }
    told("noted", letters, begun.elapsed());
    drop(dead);
    for (what, arguments) in [
        ("list, counts", vec!["dead", "list"]),
        ("list, by group", vec!["dead", "list", "--group"]),
        ("export", vec!["dead", "export"]),
        ("reindex", vec!["dead", "reindex"]),
        ("discard all", vec!["dead", "discard", "--all"]),
        ("restore all", vec!["dead", "restore", "--all"]),
    ] {
        let begun = Instant::now();
        world.ok(&arguments);
        told(what, letters, begun.elapsed());
    }
    // What was read once is complete or heard again: the receipt stage takes it at once.
    let _receipt = world.consume(&["receipt"]).await;
    let begun = Instant::now();
    world.ok(&["dead", "redrive", "--all"]);
    told("redrive all", letters, begun.elapsed());
}

fn told(what: &str, letters: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    println!("  {what:<14}{seconds:>8.2} s {:>9.0} letters/s", letters as f64 / seconds);
}

fn counted(world: &World) -> u64 {
    let list: Value =
        serde_json::from_str(&world.ok(&["dead", "list", "--json", "--limit", "1"])).expect("JSON");
    let counts = list["counts"].as_array().expect("counts").iter();
    counts.filter_map(|count| count["count"].as_u64()).sum()
}

/// Puts dead letters where the stages do: into the dead-letter exchange, with their headers.
async fn fill(world: &World, letters: usize, body: &[u8]) {
    let channel = &world.vhost.channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    stream::iter(0..letters)
        .map(|number| async move {
            let mut headers = FieldTable::default();
            for (name, value) in [
                (amqp::header_names::STAGE, "receipt".to_owned()),
                (amqp::header_names::REASON, "invalid_event".to_owned()),
                (
                    amqp::header_names::ERROR,
                    format!("voucher {number} of store \"{}\" is unknown", number % 7),
                ),
                (amqp::header_names::LAST_FAILED_AT, "2026-01-01T10:00:00.000Z".to_owned()),
            ] {
                headers.insert(name.into(), AMQPValue::LongString(value.into()));
            }
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_message_id(format!("till-{number}").into())
                .with_headers(headers);
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let confirm =
                channel.basic_publish("bilag.dead".into(), "receipt".into(), options, body, properties);
            assert!(confirm.await.expect("published").await.expect("confirmed").is_ack());
        })
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
}
