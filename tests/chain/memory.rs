//! A flood of invalid events does not grow the consumers' memory.

use std::time::Duration;

use bilag_tests::{Bilag, TestEnv, eventually_within, receipt};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::BasicProperties;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use tokio::time::sleep;

const WARM_UP: u32 = 5_000;
const FLOOD: u32 = 100_000;
const MAY_GROW: u64 = 10 * 1_000_000;

/// An event that is invalid in one of several ways; each of another receipt.
fn broken(number: u32) -> Vec<u8> {
    let text = receipt(number).to_string();
    let text = match number % 6 {
        0 => text[..text.len() / 2].to_owned(),
        1 => text.replace("\"grandTotal\":383650", "\"grandTotal\":\"383650\""),
        2 => text.replace("\"vatTotal\":76189", "\"vatTotal\":1"),
        3 => text.replace("\"settlements\"", "\"payments\""),
        4 => format!("[{number}]"),
        _ => text.replacen('{', &format!("{{\"id\":\"{number}\","), 1),
    };
    text.into_bytes()
}

/// Publishes with many outstanding confirms.
async fn flood(env: &TestEnv, numbers: std::ops::Range<u32>) {
    let channel = env.vhost.channel().await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    let mut outstanding = FuturesUnordered::new();
    for number in numbers {
        let id = ShortString::from(number.to_string());
        let properties = BasicProperties::default().with_message_id(id).with_delivery_mode(2);
        let (exchange, key) = ("events".into(), "receipt.settled.v1".into());
        let options = BasicPublishOptions::default();
        let published = channel.basic_publish(exchange, key, options, &broken(number), properties).await;
        outstanding.push(published.expect("published"));
        if outstanding.len() >= 500 {
            outstanding.next().await.expect("one is outstanding").expect("confirmed");
        }
    }
    while let Some(confirmed) = outstanding.next().await {
        confirmed.expect("confirmed");
    }
}

/// Waits until the index has so many dead letters; returns each consumer's resident memory in bytes.
async fn memory_after(env: &TestEnv, consumers: &[Bilag], letters: u32) -> Vec<u64> {
    let store = env.store().await;
    eventually_within(Duration::from_secs(600), "every dead letter is indexed", async || {
        // Counting a large table every few milliseconds would itself be load.
        sleep(Duration::from_millis(250)).await;
        let counts = store.dead_counts().await.expect("the store answers");
        (counts.iter().map(|count| count.count).sum::<u64>() == u64::from(letters)).then_some(())
    })
    .await;
    consumers.iter().map(Bilag::resident).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_stable_over_100_000_invalid_events() {
    let env = TestEnv::new().await;
    let consumers = [env.consume(&["receipt"]).await, env.consume(&["dead"]).await];
    flood(&env, 0..WARM_UP).await;
    let before = memory_after(&env, &consumers, WARM_UP).await;
    flood(&env, WARM_UP..FLOOD).await;
    let after = memory_after(&env, &consumers, FLOOD).await;
    println!("resident memory of receipt and dead: {before:?} bytes before, {after:?} after");
    for (before, after) in before.iter().zip(&after) {
        assert!(after.saturating_sub(*before) < MAY_GROW, "from {before} to {after} bytes");
    }
    assert_eq!(env.vhost.ready("bilag.receipt.dead").await, Some(FLOOD));
}
