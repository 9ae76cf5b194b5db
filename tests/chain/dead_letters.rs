//! Dead letters: each is indexed, closes its receipt's record, and stays in its queue
//! however often it is read.

use amqp::header_names as names;
use bilag_tests::{TestEnv, Vhost, eventually, receipt};
use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicPublishOptions, BasicRejectOptions};
use lapin::types::{AMQPValue, FieldTable};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

/// Omnium answers every call about this invoice with this status.
fn refuses(invoice: &str, status: StatusCode) -> Rule {
    let mut rule = Rule::new(Fault::Status { status, retry_after: None, done: false }).on(Call::Upsert);
    rule.subject.invoice_id = Some(invoice.to_owned());
    rule
}

#[tokio::test]
async fn indexes_a_dead_letter_and_closes_its_record() {
    let mut env = TestEnv::new().await;
    // A timeout on a busy machine would be an attempt.
    env.set("OMNIUM_TIMEOUT", "10s");
    env.sandbox.omnium.add_fault(refuses("rcpt-1", StatusCode::BAD_REQUEST));
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    for (member, value) in [
        ("stage", json!("upload")),
        ("queue", json!("bilag.upload.dead")),
        ("place", json!("dead")),
        ("reason", json!("omnium_rejected")),
        ("tenant", json!("7")),
        ("receipt", json!("rcpt-1")),
        ("attempts", json!(0)),
        ("redriven", json!(0)),
    ] {
        assert_eq!(letter[member], value, "{member}");
    }
    let error = letter["error"].as_str().expect("an error");
    assert!(error.starts_with("the invoice could not be created in Omnium: "), "{error}");
    let time =
        |member: &str| letter[member].as_str().expect("a time").parse::<chrono::DateTime<chrono::Utc>>();
    let (first, last) = (time("firstFailedAt").expect("a time"), time("lastFailedAt").expect("a time"));
    assert!(first <= last && last <= time("notedAt").expect("a time"));

    assert_eq!(env.records(State::Dead).await, 1);
    let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", "1", "--json"])).expect("JSON");
    assert_eq!(shown[0]["death"], json!({ "stage": "upload", "reason": "omnium_rejected", "error": error }));

    let id = letter["id"].as_str().expect("an id");
    let whole: Value = serde_json::from_str(&env.ok(&["dead", "show", id, "--json"])).expect("JSON");
    assert_eq!(whole["headers"][names::REASON], "omnium_rejected");
    let body: Value = serde_json::from_str(whole["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&body["invoice"]["id"], &body["target"]), (&json!("rcpt-1"), &json!("omnium")));
}

#[tokio::test]
async fn browsing_sixty_times_moves_no_dead_letter() {
    let env = TestEnv::new().await;
    let _consumers = env.consume(&["receipt", "dead"]).await;
    for number in 0..5 {
        let body = format!("[{number}]");
        env.publish_bytes(body.as_bytes(), BasicProperties::default()).await;
        env.wait_for_dead_letters(number + 1).await;
    }
    for look in 0..60 {
        let bodies: Vec<_> = env.vhost.peek("bilag.receipt.dead", 10).await;
        let bodies: Vec<_> = bodies.iter().map(|message| &message.body[..]).collect();
        assert_eq!(bodies, [b"[0]", b"[1]", b"[2]", b"[3]", b"[4]"], "look {look}");
    }
    eventually("all are ready again", async || {
        (env.vhost.ready("bilag.receipt.dead").await == Some(5)).then_some(())
    })
    .await;
}

/// Gets the first message of a queue and rejects it, which counts like a crash of the consumer. From RabbitMQ 4.3 on
/// a nack does not count.
async fn reject_until_dead_lettered(vhost: &Vhost, queue: &str) {
    let channel = vhost.channel().await;
    let again = BasicRejectOptions { requeue: true };
    eventually("the broker dead-letters it", async || {
        match channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("the queue is there") {
            Some(message) => {
                message.delivery.acker.reject(again).await.expect("given back");
                None
            }
            None => Some(()),
        }
    })
    .await;
}

#[tokio::test]
async fn indexes_dead_letters_made_by_the_broker() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    env.publish(&receipt(1)).await;
    reject_until_dead_lettered(&env.vhost, "bilag.receipt").await;
    let expiring = BasicProperties::default().with_expiration("1".into());
    env.publish_bytes(receipt(2).to_string().as_bytes(), expiring).await;
    eventually("it has expired", async || {
        (env.vhost.ready("bilag.receipt.dead").await == Some(2)).then_some(())
    })
    .await;

    let dead = env.consume(&["dead"]).await;
    let found = env.wait_for_dead_letters(2).await;
    let reported = |letter: &Value| ["stage", "reason", "receipt"].map(|member| letter[member].clone());
    let mut reported: Vec<_> = found.iter().map(reported).collect();
    reported.sort_by_key(|letter| letter[1].to_string());
    assert_eq!(reported, [["receipt", "delivery_limit", "rcpt-1"], ["receipt", "expired", "rcpt-2"]]);
    assert_eq!(env.records(State::Dead).await, 2);
    assert_eq!(dead.log().matches("dead letter of the broker's own making").count(), 2, "{}", dead.log());
}

#[tokio::test]
async fn redelivery_is_indexed_once_and_copies_separately() {
    let env = TestEnv::new().await;
    let receipt = env.consume(&["receipt"]).await;
    // They differ in the body only: same id, same reason, nearly the same time.
    let same_id = || BasicProperties::default().with_message_id("the same".into());
    for body in ["[1]", "[2]", "[3]"] {
        env.publish_bytes(body.as_bytes(), same_id()).await;
    }
    eventually("all are dead", async || {
        (env.vhost.ready("bilag.receipt.dead").await == Some(3)).then_some(())
    })
    .await;
    drop(receipt);
    let channel = env.vhost.channel().await;
    env.ok(&["topology", "apply", "dead"]);
    let mut copies = Vec::new();
    while let Some(letter) = channel
        .basic_get("bilag.receipt.dead".into(), BasicGetOptions::default())
        .await
        .expect("a dead letter")
    {
        copies.push(letter.delivery);
    }
    for copy in copies.iter().chain(&copies) {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = copy.properties.clone();
        let (exchange, key) = ("bilag.dead".into(), "receipt".into());
        let sent = channel.basic_publish(exchange, key, options, &copy.data, properties).await;
        sent.expect("published").await.expect("confirmed");
    }
    let mut dead = env.consume(&["dead"]).await;
    eventually("all copies are taken", async || {
        (env.vhost.ready("bilag.dead").await == Some(0)).then_some(())
    })
    .await;
    dead.terminate();
    eventually("what was in flight is finished", async || dead.has_ended()).await;
    assert_eq!(env.dead_letters().len(), 3);
}

#[tokio::test]
async fn dead_letter_moved_back_to_its_queue_is_retried() {
    let env = TestEnv::new().await;
    env.sandbox.omnium.add_fault(refuses("rcpt-1", StatusCode::BAD_REQUEST));
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.wait_for_dead_letters(1).await;
    env.sandbox.omnium.clear_faults();

    let channel = env.vhost.channel().await;
    let letter = channel.basic_get("bilag.upload.dead".into(), BasicGetOptions { no_ack: true }).await;
    let letter = letter.expect("the queue is there").expect("a letter").delivery;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let (exchange, key) = ("bilag.retry".into(), "bilag.upload".into());
    let moved = channel.basic_publish(exchange, key, options, &letter.data, letter.properties).await;
    moved.expect("published").await.expect("confirmed");
    eventually("it is sent", async || (env.records(State::Complete).await == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_dying_together_are_indexed_separately() {
    let env = TestEnv::new().await;
    let _consumers = env.consume(&["receipt", "dead"]).await;
    for _ in 0..200 {
        env.publish_bytes(b"no receipt", BasicProperties::default()).await;
    }
    let letters = env.wait_for_dead_letters(200).await;
    let one = letters[0]["id"].as_str().expect("an id");
    assert!(env.ok(&["dead", "discard", one]).contains("1 of 1"));
    let reported = env.ok(&["dead", "discard", "--stage", "receipt"]);
    assert!(reported.contains("199 of 199"), "{reported}");
    for (queue, count) in [("bilag.receipt.discarded", 200), ("bilag.receipt.dead", 0)] {
        eventually(&format!("{queue} has {count}"), async || {
            (env.vhost.ready(queue).await == Some(count)).then_some(())
        })
        .await;
    }
    env.wait_for_dead_letters(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_set_on_the_bus_are_not_trusted() {
    let env = TestEnv::with_packages().await;
    let _consumers = env.consume(&["receipt", "packed", "dead"]).await;
    let mut forged = FieldTable::default();
    for name in [
        "tenant",
        "receipt",
        "oms",
        "package",
        "stage",
        "reason",
        "error",
        "death",
        "edited-from",
        "first-failed-at",
        "last-failed-at",
    ] {
        let value = AMQPValue::LongString("0123456789abcdef".into());
        forged.insert(format!("x-bilag-{name}").into(), value);
    }
    for name in ["attempt", "redriven", "delivered-in-vain"] {
        forged.insert(format!("x-bilag-{name}").into(), AMQPValue::LongLongInt(60));
    }
    let properties = BasicProperties::default().with_headers(forged);
    for key in ["receipt.settled.v1", "package.status.packed"] {
        env.publish_to("events", key, b"no event", properties.clone()).await;
    }
    for letter in env.wait_for_dead_letters(2).await {
        let letter = env.ok(&["dead", "show", letter["id"].as_str().expect("an id"), "--json"]);
        assert!(!letter.contains("0123456789abcdef"), "{letter}");
        let letter: serde_json::Value = serde_json::from_str(&letter).expect("JSON");
        assert_eq!(letter["headers"]["x-bilag-attempt"], "0", "{letter}");
        assert_eq!(letter["headers"]["x-bilag-reason"], "undecodable", "{letter}");
        assert!(letter["headers"]["x-bilag-redriven"].is_null(), "{letter}");
    }
}
