//! Messages whose headers just fit into a frame. Headers added by the broker exceed the frame size, and the broker
//! sends the frame anyway.

use std::time::Duration;

use bilag_tests::{TestEnv, eventually, eventually_within, receipt};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use serde_json::Value;
use sync_store::State;

/// The default `frame_max`, and the bytes of a header frame besides the header's value.
const FRAME_MAX: usize = 128 * 1024;
const AROUND_THE_TEXT: usize = 8 + 12 + 2 + 4 + "junk".len() + 1 + 1 + 4 + 1;

/// Much less than the minutes until a delivery limit is exhausted.
const SOON: Duration = Duration::from_secs(30);

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn with_header(name: &str, value: AMQPValue) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(name.into(), value);
    BasicProperties::default().with_headers(headers)
}

/// A header frame of exactly the maximum size.
fn just_fits() -> BasicProperties {
    with_header("junk", long(&"x".repeat(FRAME_MAX - AROUND_THE_TEXT)))
}

/// More routing keys, which the broker repeats in `x-death` when it dead-letters the message.
fn many_keys() -> BasicProperties {
    let mut keys = FieldArray::default();
    (0..6_000).for_each(|key| keys.push(long(&format!("nowhere-{key}"))));
    with_header("CC", AMQPValue::FieldArray(keys))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivered_message_with_oversized_headers_is_handled() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let bytes = |number| receipt(number).to_string().into_bytes();
    env.publish(&receipt(1)).await;
    env.publish_bytes(&bytes(2), just_fits()).await;
    env.publish_bytes(b"no receipt", just_fits()).await;
    env.publish(&receipt(3)).await;
    // A peek that ends with its connection: from now on each message is redelivered.
    let waiting = async || (env.vhost.ready("bilag.receipt").await == Some(4)).then_some(());
    eventually("all wait", waiting).await;
    assert_eq!(env.vhost.peek("bilag.receipt", 10).await.len(), 4);

    let all = env.consume(&["all"]).await;
    eventually_within(SOON, "all receipts have their invoice", async || {
        (env.records(State::Complete).await == 3).then_some(())
    })
    .await;
    let letters = env.wait_for_dead_letters(1).await;
    assert_eq!(letters[0]["reason"], "undecodable");
    let log = all.log();
    assert!(log.contains("left_out=\"junk"), "{log}");
    assert!(!log.contains("was lost"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_dead_letters_are_indexed_shown_and_moved() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let sent = [BasicProperties::default(), just_fits(), many_keys(), BasicProperties::default()];
    let count = sent.len();
    for (number, properties) in (1..).zip(sent) {
        let expires = properties.with_expiration("1".into());
        env.publish_bytes(receipt(number).to_string().as_bytes(), expires).await;
    }
    let expired = async || (env.vhost.ready("bilag.receipt.dead").await == Some(4)).then_some(());
    eventually("the broker has dead-lettered all", expired).await;

    let all = env.consume(&["all"]).await;
    let letters = eventually_within(SOON, "all are indexed", async || {
        Some(env.dead_letters()).filter(|letters| letters.len() == count)
    })
    .await;
    assert!(
        letters.iter().all(|letter| letter["stage"] == "receipt" && letter["reason"] == "expired"),
        "{letters:?}"
    );
    let output = env.ok(&["dead", "reindex"]);
    assert!(output.contains("receipt: 4 dead letter(s); 0 added to the index, 0 gone"), "{output}");
    let exported = env.ok(&["dead", "export", "receipt"]);
    assert_eq!(exported.lines().count(), count);
    for letter in &letters {
        let id = letter["id"].as_str().expect("an id");
        let shown: Value = serde_json::from_str(&env.ok(&["dead", "show", id, "--json"])).expect("JSON");
        assert_eq!(shown["decoded"]["event"], "receipt.settled.v1", "{shown}");
        assert!(exported.contains(id), "{id} is exported");
        env.ok(&["dead", "discard", id]);
        env.ok(&["dead", "restore", id]);
    }
    assert_eq!(env.vhost.peek("bilag.receipt.dead", 10).await.len(), count);
    env.ok(&["dead", "redrive", "--all"]);
    eventually("all receipts have their invoice", async || {
        (env.records(State::Complete).await == 4).then_some(())
    })
    .await;
    assert!(!all.log().contains("was lost"), "{}", all.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsing_passes_requeued_dead_letters() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let sent = [BasicProperties::default(), just_fits(), BasicProperties::default()];
    for (number, properties) in (1..).zip(sent) {
        env.publish_to("bilag.dead", "receipt", receipt(number).to_string().as_bytes(), properties).await;
    }
    // Each read of a dead letter delivers it again.
    for _ in 0..2 {
        let output = env.ok(&["dead", "reindex"]);
        assert!(output.contains("receipt: 3 dead letter(s)"), "{output}");
        assert_eq!(env.ok(&["dead", "export", "receipt"]).lines().count(), 3);
    }
    let _all = env.consume(&["all"]).await;
    assert_eq!(env.wait_for_dead_letters(3).await.len(), 3);
    env.ok(&["dead", "redrive", "--all"]);
    eventually("all receipts have their invoice", async || {
        (env.records(State::Complete).await == 3).then_some(())
    })
    .await;
}
