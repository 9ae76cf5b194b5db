//! Moving dead letters: redrive, discard, restore, reindex, export. Each dead letter is in exactly one
//! place, whatever is killed or interferes.

use std::time::Duration;

use bilag_tests::{
    PrivateBroker, Store, TIMEOUT, TestEnv, Vhost, eventually, eventually_within, exit_output, receipt,
};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

/// Omnium rejects every invoice until its faults are cleared.
async fn env_with_dead_letters(count: u32) -> TestEnv {
    let env = TestEnv::new().await;
    fill(&env, count).await;
    env
}

async fn fill(env: &TestEnv, count: u32) {
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let all = env.consume(&["all"]).await;
    for number in 1..=count {
        env.publish(&receipt(number)).await;
    }
    eventually_within(TIMEOUT, "all are dead", async || {
        (env.dead_letters().len() == count as usize).then_some(())
    })
    .await;
    drop(all);
}

fn ids(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["id"].as_str().expect("an id")).collect()
}

async fn ready(env: &TestEnv, queue: &str, count: u32) {
    eventually(&format!("{queue} has {count}"), async || {
        (env.vhost.ready(queue).await == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_to_the_original_queue_with_full_attempts() {
    let env = env_with_dead_letters(3).await;
    let letters = env.dead_letters();
    let chosen = &letters[1];
    let id = chosen["id"].as_str().expect("an id");
    let output = env.ok(&["dead", "redrive", id, "--as", "kari"]);
    assert_eq!(output, "1 of 1 dead letter(s) of upload redriven\n");
    ready(&env, "bilag.upload.dead", 2).await;
    let message = env.vhost.peek("bilag.upload", 10).await.remove(0);
    assert_eq!(message.header_number(amqp::header_names::REDRIVEN), Some(1));
    assert_eq!(message.attempt(), 0);
    assert_eq!(message.header_text(amqp::header_names::REASON), None);
    assert_eq!(env.dead_letters().len(), 2);

    env.sandbox.omnium.clear_faults();
    let _all = env.consume(&["all"]).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    let audit: Value = serde_json::from_str(&env.ok(&["audit", "--json"])).expect("JSON");
    assert_eq!(
        (&audit[0]["who"], &audit[0]["act"], &audit[0]["letters"]),
        (&json!("kari"), &json!("redrive"), &json!([id]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_all_matching_and_they_complete() {
    let env = env_with_dead_letters(30).await;
    env.sandbox.omnium.clear_faults();
    let _all = env.consume(&["all"]).await;
    let output = env.ok(&["dead", "redrive", "--stage", "upload", "--reason", "omnium_rejected"]);
    assert!(output.contains("30 of 30"), "{output}");
    eventually_within(TIMEOUT, "all complete", async || {
        (env.records(State::Complete).await == 30).then_some(())
    })
    .await;
    env.assert_exactly_once(1..=30);
    assert!(env.dead_letters().is_empty());
    ready(&env, "bilag.upload.dead", 0).await;
}

/// The broker's consumer timeout requeues deliveries held too long; a slow redrive holds dead letters for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_outlasts_the_brokers_consumer_timeout() {
    let broker = PrivateBroker::start();
    let env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    fill(&env, 15).await;
    env.sandbox.omnium.clear_faults();
    broker.set_consumer_timeout(Duration::from_secs(3));
    let _all = env.consume(&["all"]).await;
    let output = env.ok(&["dead", "redrive", "--all", "--rate", "1"]);
    assert!(output.ends_with("15 of 15 dead letter(s) of upload redriven\n"), "{output}");
    eventually("all complete", async || (env.records(State::Complete).await == 15).then_some(())).await;
    env.assert_exactly_once(1..=15);
    assert!(env.dead_letters().is_empty());
    ready(&env, "bilag.upload.dead", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_stops_when_messages_fail_again() {
    let env = env_with_dead_letters(10).await;
    let _all = env.consume(&["all"]).await;
    let (code, _, problem) = exit_output(&env.run(&["dead", "redrive", "--all"]));
    assert_eq!(code, 1, "{problem}");
    assert!(problem.contains("1 of the last batch died again with omnium_rejected"), "{problem}");
    assert!(problem.contains("1 of 10 dead letter(s) of upload redriven"), "{problem}");
    eventually("all ten are dead letters again", async || (env.dead_letters().len() == 10).then_some(()))
        .await;
    ready(&env, "bilag.upload.dead", 10).await;
    let again: Vec<_> =
        env.dead_letters().into_iter().filter(|letter| letter["redriven"] == json!(1)).collect();
    assert_eq!(again.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_stops_without_live_consumers() {
    let env = env_with_dead_letters(3).await;
    let (code, _, problem) = exit_output(&env.run(&["dead", "redrive", "--all"]));
    assert_eq!(code, 1, "{problem}");
    assert!(problem.contains("upload is paused, overloaded or not running"), "{problem}");
    ready(&env, "bilag.upload.dead", 2).await;
    ready(&env, "bilag.upload", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discarded_dead_letters_can_be_restored() {
    let env = env_with_dead_letters(4).await;
    let letters = env.dead_letters();
    let ids = ids(&letters);
    assert!(env.ok(&["dead", "discard", ids[0], ids[2]]).contains("2 of 2"));
    ready(&env, "bilag.upload.dead", 2).await;
    ready(&env, "bilag.upload.discarded", 2).await;
    assert_eq!(env.dead_letters().len(), 2);
    let (code, _, problem) = exit_output(&env.run(&["dead", "redrive", ids[0]]));
    assert_eq!((code, problem.contains("is discarded, not dead")), (1, true), "{problem}");

    let _dead = env.consume(&["dead"]).await;
    assert!(env.ok(&["dead", "restore", "--all"]).contains("2 of 2"));
    ready(&env, "bilag.upload.dead", 4).await;
    ready(&env, "bilag.upload.discarded", 0).await;
    ready(&env, "bilag.dead", 0).await;
    let mut restored = env.dead_letters();
    let mut before = letters.clone();
    for letters in [&mut restored, &mut before] {
        letters.sort_by_key(|letter| letter["id"].to_string());
    }
    let reported = |letters: &[Value]| -> Vec<_> {
        letters
            .iter()
            .map(|letter| (letter["id"].clone(), letter["error"].clone(), letter["place"].clone()))
            .collect()
    };
    assert_eq!(reported(&restored), reported(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_of_a_complete_receipt_is_archived() {
    let env = env_with_dead_letters(1).await;
    let store = env.store().await;
    let key = sync_store::Key::new("7", "rcpt-1");
    assert_eq!(store.complete(&key, "omnium", "rcpt-1").await.expect("completed"), sync_store::Step::Taken);
    let ran = env.run(&["dead", "redrive", "--all"]);
    let (code, _, problem) = exit_output(&ran);
    assert_eq!(code, 0, "{problem}");
    assert!(problem.contains("complete; archived instead"), "{problem}");
    ready(&env, "bilag.upload", 0).await;
    ready(&env, "bilag.upload.discarded", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_operators_get_a_clear_error() {
    let env = env_with_dead_letters(2).await;
    let store = env.store().await;
    assert!(store.named_lease("dead:upload", "ola@night 1", Duration::from_secs(60)).await.expect("taken"));
    let (code, output, problem) = exit_output(&env.run(&["dead", "redrive", "--all"]));
    assert_eq!((code, &*output), (1, ""));
    assert!(problem.contains("ola@night is moving dead letters of upload"), "{problem}");
    ready(&env, "bilag.upload.dead", 2).await;
    assert!(store.named_lease("dead:upload", "ola@night 1", Duration::ZERO).await.expect("given back"));
    assert!(env.ok(&["dead", "discard", "--all"]).contains("2 of 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_redrive_loses_and_duplicates_nothing() {
    const DEAD_LETTERS: u32 = 40;
    let env = env_with_dead_letters(DEAD_LETTERS).await;
    env.sandbox.omnium.clear_faults();
    let _all = env.consume(&["all"]).await;
    let store = env.store().await;
    let lease_ends = async || {
        let owner = store.named_lease_holder("dead:upload").await.expect("asked");
        if let Some(holder) = owner {
            // As if the lock of the killed operator had expired after a minute.
            assert!(store.named_lease("dead:upload", &holder.owner, Duration::ZERO).await.expect("ended"));
        }
    };
    for kill_after in [60, 120, 240, 400, 700] {
        let mut tool = env.start(&["dead", "redrive", "--all"]);
        let begun = std::time::Instant::now();
        eventually("it is time to kill it", async || {
            (begun.elapsed() > Duration::from_millis(kill_after)).then_some(())
        })
        .await;
        tool.kill();
        lease_ends().await;
    }
    eventually_within(TIMEOUT, "the rest is redriven", async || {
        let ran = env.run(&["dead", "redrive", "--all"]);
        lease_ends().await;
        (ran.status.success() && env.dead_letters().is_empty()).then_some(())
    })
    .await;
    eventually_within(TIMEOUT, "all complete", async || {
        (env.records(State::Complete).await == u64::from(DEAD_LETTERS)).then_some(())
    })
    .await;
    env.assert_exactly_once(1..=DEAD_LETTERS);
    ready(&env, "bilag.upload.dead", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_stops_between_two_dead_letters() {
    let env = env_with_dead_letters(5).await;
    // No consumer runs, so the first batch waits in the queue for a while.
    let mut tool = env.start(&["dead", "redrive", "--all"]);
    ready(&env, "bilag.upload", 1).await;
    tool.signal("-INT");
    let status = eventually("it ends", async || tool.has_ended()).await;
    assert_eq!(status.code(), Some(1));
    let log = tool.log();
    assert!(log.contains("stopped by you: 1 of 5 dead letter(s) of upload redriven"), "{log}");
    ready(&env, "bilag.upload.dead", 4).await;
    assert_eq!(env.dead_letters().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reindex_rebuilds_the_index_from_the_queues() {
    let env = env_with_dead_letters(3).await;
    let before = env.dead_letters();
    let store = env.store().await;
    // The index wrongly has one as redriven; another tool moved one.
    let hidden = before[0]["id"].as_str().expect("an id");
    assert!(store.move_dead_letter(hidden, sync_store::Place::Redriven).await.expect("moved"));
    let moved = env.vhost.take("bilag.upload.dead").await;
    let output = env.ok(&["dead", "reindex"]);
    assert!(output.contains("upload: 2 dead letter(s)"), "{output}");
    let after = env.dead_letters();
    let mut expected: Vec<_> = before.iter().filter(|letter| letter["messageId"] != json!(moved)).collect();
    let mut found: Vec<_> = after.iter().collect();
    for letters in [&mut expected, &mut found] {
        letters.sort_by_key(|letter| letter["id"].to_string());
    }
    assert_eq!(
        found.iter().map(|letter| &letter["id"]).collect::<Vec<_>>(),
        expected.iter().map(|letter| &letter["id"]).collect::<Vec<_>>()
    );
    ready(&env, "bilag.upload.dead", 2).await;

    // An empty store gets all of them again.
    let mut env = env;
    env.set("BILAG_DATABASE_URL", "sqlite://another.db");
    let output = env.ok(&["dead", "reindex"]);
    assert!(output.contains("upload: 2 dead letter(s); 2 added to the index, 0 gone"), "{output}");
    assert_eq!(env.dead_letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_is_complete_and_moves_nothing() {
    let env = env_with_dead_letters(3).await;
    let lines = env.ok(&["dead", "export", "upload"]);
    let letters: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let mut ids: Vec<_> = letters.iter().map(|letter| letter["id"].to_string()).collect();
    let mut known: Vec<_> = env.dead_letters().iter().map(|letter| letter["id"].to_string()).collect();
    ids.sort();
    known.sort();
    assert_eq!(ids, known);
    let body: Value = serde_json::from_str(letters[0]["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["type"], "invoice.rendered.v1");
    assert_eq!(letters[0]["headers"]["x-bilag-reason"], "omnium_rejected");
    ready(&env, "bilag.upload.dead", 3).await;
}
