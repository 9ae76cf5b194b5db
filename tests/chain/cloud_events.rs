//! CloudEvents envelopes: the chain treats an enveloped event like a plain one.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bilag_tests::{TestEnv, eventually, package, receipt};
use lapin::BasicProperties;
use serde_json::{Value, json};
use sync_store::State;

fn enveloped(event: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": "ce-1", "source": "/tills/7", "type": "example.shop.settled",
        "datacontenttype": "application/json", "data": event
    })
}

fn in_base64(event: &Value) -> Value {
    let mut envelope = enveloped(event);
    envelope.as_object_mut().expect("an object").remove("data");
    envelope["data_base64"] = BASE64_STANDARD.encode(event.to_string()).into();
    envelope
}

fn properties() -> BasicProperties {
    BasicProperties::default().with_content_type("application/cloudevents+json".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_and_enveloped_receipts_are_duplicates() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    for event in [enveloped(&receipt(1)), receipt(1), in_base64(&receipt(1)), in_base64(&receipt(2))] {
        env.publish_bytes(event.to_string().as_bytes(), properties()).await;
    }
    eventually("both are complete", async || (env.records(State::Complete).await == 2).then_some(())).await;
    env.assert_exactly_once(1..=2);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    assert!(env.ok(&["report", "--from", "2026-01-01", "--to", "2026-12-31"]).contains('2'));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envelope_errors_have_their_path_and_keep_the_bytes() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["receipt", "dead"]).await;
    let mut broken = enveloped(&receipt(1));
    broken["data"]["orderReceipt"]["order"]["type"] = json!("GIFT");
    env.publish_bytes(broken.to_string().as_bytes(), properties()).await;
    let letter = eventually("it is a dead letter", async || env.dead_letters().pop()).await;
    assert_eq!(letter["reason"], "invalid_event", "{letter}");
    assert_eq!(
        letter["error"],
        "at data.orderReceipt.order.type: expected the text SALE or RETURN or PAYMENT"
    );
    assert_eq!(letter["receipt"], "rcpt-1", "{letter}");
    let message = env.vhost.peek("bilag.receipt.dead", 1).await.pop().expect("it is there");
    assert_eq!(message.body, broken.to_string().as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enveloped_package_is_requested_once_and_unwrapped() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    let key = "package.status.packed";
    for event in [enveloped(&package(73)), package(73)] {
        env.publish_to("events", key, event.to_string().as_bytes(), properties()).await;
    }
    eventually("it is written back", async || (env.records(State::Complete).await == 2).then_some(())).await;
    let asked = env.sandbox.invoice_service.summary();
    assert!(asked.violations.is_empty(), "{asked:?}");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}
