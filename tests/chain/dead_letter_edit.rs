//! An operator corrects the body of a dead letter: it is sent on once, and the dead letter is archived.

use amqp::header_names as names;
use bilag_tests::{World, eventually, receipt, told};
use lapin::BasicProperties;
use serde_json::{Value, json};
use sync_store::State;

/// An event that lacks a member.
fn broken(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["voucherNumber"] = Value::Null;
    event
}

/// A dead letter about a broken receipt 1; gives its id.
async fn with_letter() -> (World, String) {
    let world = World::new().await;
    let all = world.consume(&["all"]).await;
    world.publish(&broken(1)).await;
    let letter = eventually("it is dead", async || world.dead_letters().pop()).await;
    drop(all);
    (world, letter["id"].as_str().expect("an id").to_owned())
}

async fn ready(world: &World, queue: &str, count: u32) {
    eventually(&format!("{queue} has {count}"), async || {
        (world.vhost.ready(queue).await == Some(count)).then_some(())
    })
    .await;
}

fn edit(world: &World, id: &str, body: &Value) -> (i32, String, String) {
    world.file("corrected.json", body.to_string());
    told(&world.run(&["dead", "edit", id, "--allow-edit", "--body", "corrected.json", "--as", "kari"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrected_body_is_redriven_and_completes() {
    let (world, id) = with_letter().await;
    let (code, said, problem) = edit(&world, &id, &receipt(1));
    assert_eq!(code, 0, "{problem}");
    assert!(said.contains(&format!("letter {id} is in bilag.receipt.discarded")), "{said}");
    let message = world.vhost.peek("bilag.receipt", 1).await.remove(0);
    assert_eq!(message.header_text(names::EDITED_FROM).as_deref(), Some(&*id));
    assert_eq!((message.attempt(), message.header_text(names::REASON)), (0, None));
    ready(&world, "bilag.receipt.dead", 0).await;
    ready(&world, "bilag.receipt.discarded", 1).await;
    assert!(world.dead_letters().is_empty());

    let _all = world.consume(&["all"]).await;
    eventually("it completes", async || (world.records(State::Complete).await == 1).then_some(())).await;
    world.assert_exactly_once(1..=1);
    let audit: Value = serde_json::from_str(&world.ok(&["audit", "--json"])).expect("JSON");
    let acts: Vec<_> = audit.as_array().expect("acts").iter().map(|act| (&act["act"], &act["who"])).collect();
    assert_eq!(acts, [(&json!("discard"), &json!("kari")), (&json!("edit"), &json!("kari"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_edit_can_be_repeated_safely() {
    let (world, id) = with_letter().await;
    // The archive takes nothing: what is killed in between leaves the same behind.
    world.vhost.delete("bindings/{vhost}/e/bilag.dead/q/bilag.receipt.discarded/receipt.discarded").await;
    let (code, _, problem) = edit(&world, &id, &receipt(1));
    assert_eq!(code, 1, "{problem}");
    ready(&world, "bilag.receipt", 1).await;
    ready(&world, "bilag.receipt.dead", 1).await;
    assert_eq!(world.dead_letters().len(), 1);

    world.ok(&["topology", "apply"]);
    let (code, _, problem) = edit(&world, &id, &receipt(1));
    assert_eq!(code, 0, "{problem}");
    let sent = world.vhost.peek("bilag.receipt", 5).await;
    assert_eq!((sent.len(), sent[0].id()), (2, sent[1].id()), "both are the same message");
    let _all = world.consume(&["all"]).await;
    eventually("it completes", async || (world.records(State::Complete).await == 1).then_some(())).await;
    ready(&world, "bilag.receipt", 0).await;
    world.assert_exactly_once(1..=1);
    assert!(world.dead_letters().is_empty());
    ready(&world, "bilag.receipt.discarded", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_unchanged_invalid_or_other_receipts_bodies() {
    let (world, id) = with_letter().await;
    for (body, says) in [
        (
            broken(1),
            "receipt cannot decode the corrected body; nothing was sent: at orderReceipt.voucherNumber",
        ),
        (receipt(2), "the dead letter is about receipt 7/rcpt-1, the corrected body about receipt 7/rcpt-2"),
        (json!([1]), "receipt cannot decode the corrected body"),
    ] {
        let (code, _, problem) = edit(&world, &id, &body);
        assert!(code == 1 && problem.contains(says), "{problem}");
    }
    world.file("corrected.json", receipt(1).to_string());
    let (code, _, problem) = told(&world.run(&["dead", "edit", &id, "--body", "corrected.json"]));
    assert!(code == 2 && problem.contains("--allow-edit"), "{problem}");
    ready(&world, "bilag.receipt", 0).await;
    ready(&world, "bilag.receipt.dead", 1).await;
    let audit: Value = serde_json::from_str(&world.ok(&["audit", "--json"])).expect("JSON");
    assert_eq!(audit, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untouched_body_is_not_sent() {
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    // The broker set it aside, so the body itself is right.
    let expiring = BasicProperties::default().with_expiration("1".into());
    world.publish_bytes(receipt(1).to_string().as_bytes(), expiring).await;
    ready(&world, "bilag.receipt.dead", 1).await;
    let _dead = world.consume(&["dead"]).await;
    let letter = eventually("it is noted", async || world.dead_letters().pop()).await;
    let id = letter["id"].as_str().expect("an id");
    let (code, _, problem) = edit(&world, id, &receipt(1));
    assert!(code == 1 && problem.contains("the body is unchanged: nothing was sent"), "{problem}");
    ready(&world, "bilag.receipt", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opens_the_editor_with_the_body() {
    let (mut world, id) = with_letter().await;
    let corrected = world.file("right.json", receipt(1).to_string());
    let saves = world
        .file("editor.sh", format!("grep -q voucherNumber \"$1\" && cp {} \"$1\"\n", corrected.display()));
    world.set("VISUAL", &format!("sh {}", saves.display()));
    let said = world.ok(&["dead", "edit", &id, "--allow-edit"]);
    assert!(said.contains("the corrected body was sent to bilag.receipt"), "{said}");
    ready(&world, "bilag.receipt", 1).await;
}
