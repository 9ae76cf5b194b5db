//! Dead letters: every one is in the index, closes its receipt's record, and stays in its queue
//! however often it is looked at.

use amqp::header_names as names;
use bilag_tests::{Vhost, World, eventually, receipt};
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
    rule.invoice_id = Some(invoice.to_owned());
    rule
}

async fn letters(world: &World, count: usize) -> Vec<Value> {
    eventually(&format!("{count} letters are indexed"), async || {
        Some(world.dead_letters()).filter(|letters| letters.len() == count)
    })
    .await
}

#[tokio::test]
async fn indexes_a_dead_letter_and_closes_its_record() {
    let world = World::new().await;
    world.sandbox.omnium.add_fault(refuses("rcpt-1", StatusCode::BAD_REQUEST));
    let _all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    let letter = letters(&world, 1).await.remove(0);
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

    assert_eq!(world.records(State::Dead).await, 1);
    let shown: Value = serde_json::from_str(&world.ok(&["sync", "show", "1", "--json"])).expect("JSON");
    assert_eq!(shown[0]["death"], json!({ "stage": "upload", "reason": "omnium_rejected", "error": error }));

    let id = letter["id"].as_str().expect("an id");
    let whole: Value = serde_json::from_str(&world.ok(&["dead", "show", id, "--json"])).expect("JSON");
    assert_eq!(whole["headers"][names::REASON], "omnium_rejected");
    let body: Value = serde_json::from_str(whole["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!((&body["invoice"]["id"], &body["target"]), (&json!("rcpt-1"), &json!("omnium")));
}

#[tokio::test]
async fn browsing_sixty_times_moves_no_dead_letter() {
    let world = World::new().await;
    let _consumers = world.consume(&["receipt", "dead"]).await;
    for number in 0..5 {
        let body = format!("[{number}]");
        world.publish_bytes(body.as_bytes(), BasicProperties::default()).await;
        letters(&world, number + 1).await;
    }
    for look in 0..60 {
        let bodies: Vec<_> = world.vhost.peek("bilag.receipt.dead", 10).await;
        let bodies: Vec<_> = bodies.iter().map(|message| &message.body[..]).collect();
        assert_eq!(bodies, [b"[0]", b"[1]", b"[2]", b"[3]", b"[4]"], "look {look}");
    }
    eventually("all are ready again", async || {
        (world.vhost.ready("bilag.receipt.dead").await == Some(5)).then_some(())
    })
    .await;
}

/// Takes the first message of a queue and rejects it, which counts as the end of a process does. From RabbitMQ 4.3 on
/// a nack does not.
async fn hand_out_until_gone(vhost: &Vhost, queue: &str) {
    let channel = vhost.channel().await;
    let again = BasicRejectOptions { requeue: true };
    eventually("the broker gives up", async || {
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
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    world.publish(&receipt(1)).await;
    hand_out_until_gone(&world.vhost, "bilag.receipt").await;
    let expiring = BasicProperties::default().with_expiration("1".into());
    world.publish_bytes(receipt(2).to_string().as_bytes(), expiring).await;
    eventually("it has expired", async || {
        (world.vhost.ready("bilag.receipt.dead").await == Some(2)).then_some(())
    })
    .await;

    let dead = world.consume(&["dead"]).await;
    let found = letters(&world, 2).await;
    let told = |letter: &Value| ["stage", "reason", "receipt"].map(|member| letter[member].clone());
    let mut told: Vec<_> = found.iter().map(told).collect();
    told.sort_by_key(|letter| letter[1].to_string());
    assert_eq!(told, [["receipt", "delivery_limit", "rcpt-1"], ["receipt", "expired", "rcpt-2"]]);
    assert_eq!(world.records(State::Dead).await, 2);
    assert_eq!(dead.log().matches("dead letter of the broker's own making").count(), 2, "{}", dead.log());
}

#[tokio::test]
async fn redelivery_is_indexed_once_and_copies_separately() {
    let world = World::new().await;
    let receipt = world.consume(&["receipt"]).await;
    // Alike in everything but the body: one id, one reason, as good as one moment.
    let same_id = || BasicProperties::default().with_message_id("the same".into());
    for body in ["[1]", "[2]", "[3]"] {
        world.publish_bytes(body.as_bytes(), same_id()).await;
    }
    eventually("all are dead", async || {
        (world.vhost.ready("bilag.receipt.dead").await == Some(3)).then_some(())
    })
    .await;
    drop(receipt);
    let channel = world.vhost.channel().await;
    world.ok(&["topology", "apply", "dead"]);
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
    let mut dead = world.consume(&["dead"]).await;
    eventually("all copies are taken", async || {
        (world.vhost.ready("bilag.dead").await == Some(0)).then_some(())
    })
    .await;
    dead.terminate();
    eventually("what was in flight is finished", async || dead.has_ended()).await;
    assert_eq!(world.dead_letters().len(), 3);
}

#[tokio::test]
async fn dead_letter_moved_back_to_its_queue_is_retried() {
    let world = World::new().await;
    world.sandbox.omnium.add_fault(refuses("rcpt-1", StatusCode::BAD_REQUEST));
    let _all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    letters(&world, 1).await;
    world.sandbox.omnium.clear_faults();

    let channel = world.vhost.channel().await;
    let letter = channel.basic_get("bilag.upload.dead".into(), BasicGetOptions { no_ack: true }).await;
    let letter = letter.expect("the queue is there").expect("a letter").delivery;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let (exchange, key) = ("bilag.retry".into(), "bilag.upload".into());
    let moved = channel.basic_publish(exchange, key, options, &letter.data, letter.properties).await;
    moved.expect("published").await.expect("confirmed");
    eventually("it is sent", async || (world.records(State::Complete).await == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_dying_together_are_indexed_separately() {
    let world = World::new().await;
    let _consumers = world.consume(&["receipt", "dead"]).await;
    for _ in 0..200 {
        world.publish_bytes(b"no receipt", BasicProperties::default()).await;
    }
    let letters = world.letters(200).await;
    let one = letters[0]["id"].as_str().expect("an id");
    assert!(world.ok(&["dead", "discard", one]).contains("1 of 1"));
    let told = world.ok(&["dead", "discard", "--stage", "receipt"]);
    assert!(told.contains("199 of 199"), "{told}");
    assert_eq!(world.vhost.ready("bilag.receipt.discarded").await, Some(200));
    assert_eq!(world.vhost.ready("bilag.receipt.dead").await, Some(0));
    world.letters(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_set_on_the_bus_are_not_trusted() {
    let world = World::with_packages().await;
    let _consumers = world.consume(&["receipt", "packed", "dead"]).await;
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
        world.publish_to("events", key, b"no event", properties.clone()).await;
    }
    for letter in world.letters(2).await {
        let letter = world.ok(&["dead", "show", letter["id"].as_str().expect("an id"), "--json"]);
        assert!(!letter.contains("0123456789abcdef"), "{letter}");
        let letter: serde_json::Value = serde_json::from_str(&letter).expect("JSON");
        assert_eq!(letter["headers"]["x-bilag-attempt"], "0", "{letter}");
        assert_eq!(letter["headers"]["x-bilag-reason"], "undecodable", "{letter}");
        assert!(letter["headers"]["x-bilag-redriven"].is_null(), "{letter}");
    }
}
