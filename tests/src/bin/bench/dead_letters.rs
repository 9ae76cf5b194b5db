//! A hundred thousand dead letters: how long counts take, and how many a second are moved.

use std::time::{Duration, Instant};

use bilag_tests::{PrivateBroker, Store, TestEnv, Vhost, receipt};
use futures_util::{StreamExt, stream};
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use tokio::time::sleep;

/// Number of dead letters, unless `BILAG_BENCH_LETTERS` is set.
const DEAD_LETTERS: usize = 100_000;

/// Maximum unconfirmed messages while the queue is filled.
const AT_ONCE: usize = 500;

/// Fills a dead-letter queue, and measures the operators' commands.
pub async fn measure(broker: &PrivateBroker) {
    let letters =
        std::env::var("BILAG_BENCH_LETTERS").ok().and_then(|n| n.parse().ok()).unwrap_or(DEAD_LETTERS);
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    measure_on(&TestEnv::on(vhost, Store::Sqlite).await, letters).await;
}

async fn measure_on(env: &TestEnv, letters: usize) {
    env.ok(&["topology", "apply"]);
    let body = receipt(1).to_string().into_bytes();
    println!("\nletters         {letters} of {} B in one queue", body.len());
    let dead = env.consume(&["dead"]).await;
    let begun = Instant::now();
    fill(env, letters, &body).await;
    while counted(env) < letters as u64 {
        assert!(begun.elapsed() < Duration::from_secs(1_800), "{} noted after 30 min", counted(env));
        sleep(Duration::from_secs(1)).await;
    }
    print_rate("noted", letters, begun.elapsed());
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
        env.ok(&arguments);
        print_rate(what, letters, begun.elapsed());
    }
    // A complete or repeated receipt is cheap: the receipt stage acks it at once.
    let _receipt = env.consume(&["receipt"]).await;
    let begun = Instant::now();
    env.ok(&["dead", "redrive", "--all"]);
    print_rate("redrive all", letters, begun.elapsed());
}

fn print_rate(what: &str, letters: usize, took: Duration) {
    let seconds = took.as_secs_f64();
    println!("  {what:<14}{seconds:>8.2} s {:>9.0} letters/s", letters as f64 / seconds);
}

fn counted(env: &TestEnv) -> u64 {
    let list: Value =
        serde_json::from_str(&env.ok(&["dead", "list", "--json", "--limit", "1"])).expect("JSON");
    let counts = list["counts"].as_array().expect("counts").iter();
    counts.filter_map(|count| count["count"].as_u64()).sum()
}

/// Publishes dead letters as the stages do: to the dead-letter exchange, with their headers.
async fn fill(env: &TestEnv, letters: usize, body: &[u8]) {
    let channel = &env.vhost.channel().await;
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
