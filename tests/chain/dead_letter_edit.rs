//! `bilag dead edit`: the corrected body is published once, and the dead letter is archived.

use amqp::header_names as names;
use bilag_tests::{TestEnv, eventually, exit_output, receipt};
use lapin::BasicProperties;
use serde_json::{Value, json};
use sync_store::State;

/// An event with a missing member.
fn broken(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["voucherNumber"] = Value::Null;
    event
}

/// An environment with a dead letter of the invalid receipt 1, and the dead letter's id.
async fn env_with_dead_letter() -> (TestEnv, String) {
    let env = TestEnv::new().await;
    let all = env.consume(&["all"]).await;
    env.publish(&broken(1)).await;
    let letter = eventually("it is dead", async || env.dead_letters().pop()).await;
    drop(all);
    (env, letter["id"].as_str().expect("an id").to_owned())
}

async fn ready(env: &TestEnv, queue: &str, count: u32) {
    eventually(&format!("{queue} has {count}"), async || {
        (env.vhost.ready(queue).await == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrected_body_is_redriven_and_completes() {
    let (env, id) = env_with_dead_letter().await;
    let (code, output, problem) = env.edit(&id, &receipt(1).to_string());
    assert_eq!(code, 0, "{problem}");
    assert!(output.contains(&format!("letter {id} is in bilag.receipt.discarded")), "{output}");
    let message = env.vhost.peek("bilag.receipt", 1).await.remove(0);
    assert_eq!(message.header_text(names::EDITED_FROM).as_deref(), Some(&*id));
    assert_eq!((message.attempt(), message.header_text(names::REASON)), (0, None));
    ready(&env, "bilag.receipt.dead", 0).await;
    ready(&env, "bilag.receipt.discarded", 1).await;
    assert!(env.dead_letters().is_empty());

    let _all = env.consume(&["all"]).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    env.assert_exactly_once(1..=1);
    let audit: Value = serde_json::from_str(&env.ok(&["audit", "--json"])).expect("JSON");
    let acts: Vec<_> = audit.as_array().expect("acts").iter().map(|act| (&act["act"], &act["who"])).collect();
    assert_eq!(acts, [(&json!("discard"), &json!("kari")), (&json!("edit"), &json!("kari"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_edit_can_be_repeated_safely() {
    let (env, id) = env_with_dead_letter().await;
    // The archive rejects everything: this leaves the same state as a kill in between.
    env.vhost.delete("bindings/{vhost}/e/bilag.dead/q/bilag.receipt.discarded/receipt.discarded").await;
    let (code, _, problem) = env.edit(&id, &receipt(1).to_string());
    assert_eq!(code, 1, "{problem}");
    ready(&env, "bilag.receipt", 1).await;
    ready(&env, "bilag.receipt.dead", 1).await;
    assert_eq!(env.dead_letters().len(), 1);

    env.ok(&["topology", "apply"]);
    let (code, _, problem) = env.edit(&id, &receipt(1).to_string());
    assert_eq!(code, 0, "{problem}");
    let sent = env.vhost.peek("bilag.receipt", 5).await;
    assert_eq!((sent.len(), sent[0].id()), (2, sent[1].id()), "both have the same message id");
    let _all = env.consume(&["all"]).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    ready(&env, "bilag.receipt", 0).await;
    env.assert_exactly_once(1..=1);
    assert!(env.dead_letters().is_empty());
    ready(&env, "bilag.receipt.discarded", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejects_unchanged_invalid_or_other_receipts_bodies() {
    let (env, id) = env_with_dead_letter().await;
    for (body, says) in [
        (
            broken(1),
            "receipt cannot decode the corrected body; nothing was sent: at orderReceipt.voucherNumber",
        ),
        (receipt(2), "the dead letter is about receipt 7/rcpt-1, the corrected body about receipt 7/rcpt-2"),
        (json!([1]), "receipt cannot decode the corrected body"),
    ] {
        let (code, _, problem) = env.edit(&id, &body.to_string());
        assert!(code == 1 && problem.contains(says), "{problem}");
    }
    env.file("corrected.json", receipt(1).to_string());
    let (code, _, problem) = exit_output(&env.run(&["dead", "edit", &id, "--body", "corrected.json"]));
    assert!(code == 2 && problem.contains("--allow-edit"), "{problem}");
    ready(&env, "bilag.receipt", 0).await;
    ready(&env, "bilag.receipt.dead", 1).await;
    let audit: Value = serde_json::from_str(&env.ok(&["audit", "--json"])).expect("JSON");
    assert_eq!(audit, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untouched_body_is_not_sent() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    // The broker dead-lettered it, so the body itself is valid.
    let expiring = BasicProperties::default().with_expiration("1".into());
    env.publish_bytes(receipt(1).to_string().as_bytes(), expiring).await;
    ready(&env, "bilag.receipt.dead", 1).await;
    let _dead = env.consume(&["dead"]).await;
    let letter = eventually("it is indexed", async || env.dead_letters().pop()).await;
    let id = letter["id"].as_str().expect("an id");
    let (code, _, problem) = env.edit(id, &receipt(1).to_string());
    assert!(code == 1 && problem.contains("the body is unchanged: nothing was sent"), "{problem}");
    ready(&env, "bilag.receipt", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opens_the_editor_with_the_body() {
    let (mut env, id) = env_with_dead_letter().await;
    let corrected = env.file("right.json", receipt(1).to_string());
    let saves =
        env.file("editor.sh", format!("grep -q voucherNumber \"$1\" && cp {} \"$1\"\n", corrected.display()));
    env.set("VISUAL", &format!("sh {}", saves.display()));
    let output = env.ok(&["dead", "edit", &id, "--allow-edit"]);
    assert!(output.contains("the corrected body was sent to bilag.receipt"), "{output}");
    ready(&env, "bilag.receipt", 1).await;
}
