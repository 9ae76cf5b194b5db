//! Operators move dead letters: redrive, discard, restore. Each dead letter is in one place, whoever is
//! killed and whoever comes in between.

use std::time::Duration;

use bilag_tests::{OwnBroker, Store, TIMEOUT, Vhost, World, eventually, eventually_within, receipt, told};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

/// Omnium refuses every invoice until its faults are cleared.
async fn with_dead_letters(count: u32) -> World {
    let world = World::new().await;
    fill(&world, count).await;
    world
}

async fn fill(world: &World, count: u32) {
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    world.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let all = world.consume(&["all"]).await;
    for number in 1..=count {
        world.publish(&receipt(number)).await;
    }
    eventually_within(TIMEOUT, "all are dead", async || {
        (world.dead_letters().len() == count as usize).then_some(())
    })
    .await;
    drop(all);
}

fn ids(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["id"].as_str().expect("an id")).collect()
}

async fn ready(world: &World, queue: &str, count: u32) {
    eventually(&format!("{queue} has {count}"), async || {
        (world.vhost.ready(queue).await == Some(count)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_to_the_original_queue_with_full_attempts() {
    let world = with_dead_letters(3).await;
    let letters = world.dead_letters();
    let chosen = &letters[1];
    let id = chosen["id"].as_str().expect("an id");
    let said = world.ok(&["dead", "redrive", id, "--as", "kari"]);
    assert_eq!(said, "1 of 1 dead letter(s) of upload redriven\n");
    ready(&world, "bilag.upload.dead", 2).await;
    let message = world.vhost.peek("bilag.upload", 10).await.remove(0);
    assert_eq!(message.header_number(amqp::header_names::REDRIVEN), Some(1));
    assert_eq!(message.attempt(), 0);
    assert_eq!(message.header_text(amqp::header_names::REASON), None);
    assert_eq!(world.dead_letters().len(), 2);

    world.sandbox.omnium.clear_faults();
    let _all = world.consume(&["all"]).await;
    eventually("it completes", async || (world.records(State::Complete).await == 1).then_some(())).await;
    let audit: Value = serde_json::from_str(&world.ok(&["audit", "--json"])).expect("JSON");
    assert_eq!(
        (&audit[0]["who"], &audit[0]["act"], &audit[0]["letters"]),
        (&json!("kari"), &json!("redrive"), &json!([id]))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_all_matching_and_they_complete() {
    let world = with_dead_letters(30).await;
    world.sandbox.omnium.clear_faults();
    let _all = world.consume(&["all"]).await;
    let said = world.ok(&["dead", "redrive", "--stage", "upload", "--reason", "omnium_rejected"]);
    assert!(said.contains("30 of 30"), "{said}");
    eventually_within(TIMEOUT, "all complete", async || {
        (world.records(State::Complete).await == 30).then_some(())
    })
    .await;
    world.assert_exactly_once(1..=30);
    assert!(world.dead_letters().is_empty());
    ready(&world, "bilag.upload.dead", 0).await;
}

/// A broker takes back what a consumer keeps for longer than its timeout. A slow redrive keeps dead letters for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_outlasts_the_brokers_consumer_timeout() {
    let broker = OwnBroker::start();
    let world = World::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    fill(&world, 15).await;
    world.sandbox.omnium.clear_faults();
    broker.let_consumers_keep_for(Duration::from_secs(3));
    let _all = world.consume(&["all"]).await;
    let said = world.ok(&["dead", "redrive", "--all", "--rate", "1"]);
    assert!(said.ends_with("15 of 15 dead letter(s) of upload redriven\n"), "{said}");
    eventually("all complete", async || (world.records(State::Complete).await == 15).then_some(())).await;
    world.assert_exactly_once(1..=15);
    assert!(world.dead_letters().is_empty());
    ready(&world, "bilag.upload.dead", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_stops_when_messages_fail_again() {
    let world = with_dead_letters(10).await;
    let _all = world.consume(&["all"]).await;
    let (code, _, problem) = told(&world.run(&["dead", "redrive", "--all"]));
    assert_eq!(code, 1, "{problem}");
    assert!(problem.contains("1 of the last batch died again with omnium_rejected"), "{problem}");
    assert!(problem.contains("1 of 10 dead letter(s) of upload redriven"), "{problem}");
    eventually("all ten lie there again", async || (world.dead_letters().len() == 10).then_some(())).await;
    ready(&world, "bilag.upload.dead", 10).await;
    let again: Vec<_> =
        world.dead_letters().into_iter().filter(|letter| letter["redriven"] == json!(1)).collect();
    assert_eq!(again.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_stops_without_live_consumers() {
    let world = with_dead_letters(3).await;
    let (code, _, problem) = told(&world.run(&["dead", "redrive", "--all"]));
    assert_eq!(code, 1, "{problem}");
    assert!(problem.contains("upload is paused, overloaded or not running"), "{problem}");
    ready(&world, "bilag.upload.dead", 2).await;
    ready(&world, "bilag.upload", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discarded_dead_letters_can_be_restored() {
    let world = with_dead_letters(4).await;
    let letters = world.dead_letters();
    let ids = ids(&letters);
    assert!(world.ok(&["dead", "discard", ids[0], ids[2]]).contains("2 of 2"));
    ready(&world, "bilag.upload.dead", 2).await;
    ready(&world, "bilag.upload.discarded", 2).await;
    assert_eq!(world.dead_letters().len(), 2);
    let (code, _, problem) = told(&world.run(&["dead", "redrive", ids[0]]));
    assert_eq!((code, problem.contains("is discarded, not dead")), (1, true), "{problem}");

    let _dead = world.consume(&["dead"]).await;
    assert!(world.ok(&["dead", "restore", "--all"]).contains("2 of 2"));
    ready(&world, "bilag.upload.dead", 4).await;
    ready(&world, "bilag.upload.discarded", 0).await;
    ready(&world, "bilag.dead", 0).await;
    let mut restored = world.dead_letters();
    let mut before = letters.clone();
    for letters in [&mut restored, &mut before] {
        letters.sort_by_key(|letter| letter["id"].to_string());
    }
    let told = |letters: &[Value]| -> Vec<_> {
        letters
            .iter()
            .map(|letter| (letter["id"].clone(), letter["error"].clone(), letter["place"].clone()))
            .collect()
    };
    assert_eq!(told(&restored), told(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_of_a_complete_receipt_is_archived() {
    let world = with_dead_letters(1).await;
    let store = world.store().await;
    let key = sync_store::Key::new("7", "rcpt-1");
    assert_eq!(store.complete(&key, "omnium", "rcpt-1").await.expect("completed"), sync_store::Step::Taken);
    let ran = world.run(&["dead", "redrive", "--all"]);
    let (code, _, problem) = told(&ran);
    assert_eq!(code, 0, "{problem}");
    assert!(problem.contains("complete; archived instead"), "{problem}");
    ready(&world, "bilag.upload", 0).await;
    ready(&world, "bilag.upload.discarded", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_operators_get_a_clear_error() {
    let world = with_dead_letters(2).await;
    let store = world.store().await;
    assert!(store.named_lease("dead:upload", "ola@night 1", Duration::from_secs(60)).await.expect("taken"));
    let (code, said, problem) = told(&world.run(&["dead", "redrive", "--all"]));
    assert_eq!((code, &*said), (1, ""));
    assert!(problem.contains("ola@night is moving dead letters of upload"), "{problem}");
    ready(&world, "bilag.upload.dead", 2).await;
    assert!(store.named_lease("dead:upload", "ola@night 1", Duration::ZERO).await.expect("given back"));
    assert!(world.ok(&["dead", "discard", "--all"]).contains("2 of 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_redrive_loses_and_duplicates_nothing() {
    const LETTERS: u32 = 40;
    let world = with_dead_letters(LETTERS).await;
    world.sandbox.omnium.clear_faults();
    let _all = world.consume(&["all"]).await;
    let store = world.store().await;
    let lease_ends = async || {
        let owner = store.named_lease_holder("dead:upload").await.expect("asked");
        if let Some(holder) = owner {
            // What an operator waits a minute for.
            assert!(store.named_lease("dead:upload", &holder.owner, Duration::ZERO).await.expect("ended"));
        }
    };
    for kill_after in [60, 120, 240, 400, 700] {
        let mut tool = world.start(&["dead", "redrive", "--all"]);
        let begun = std::time::Instant::now();
        eventually("it is time to kill it", async || {
            (begun.elapsed() > Duration::from_millis(kill_after)).then_some(())
        })
        .await;
        tool.kill();
        lease_ends().await;
    }
    eventually_within(TIMEOUT, "the rest is redriven", async || {
        let ran = world.run(&["dead", "redrive", "--all"]);
        lease_ends().await;
        (ran.status.success() && world.dead_letters().is_empty()).then_some(())
    })
    .await;
    eventually_within(TIMEOUT, "all complete", async || {
        (world.records(State::Complete).await == u64::from(LETTERS)).then_some(())
    })
    .await;
    world.assert_exactly_once(1..=LETTERS);
    ready(&world, "bilag.upload.dead", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_stops_between_two_dead_letters() {
    let world = with_dead_letters(5).await;
    // The first one is taken by nobody, so it waits there for a while.
    let mut tool = world.start(&["dead", "redrive", "--all"]);
    ready(&world, "bilag.upload", 1).await;
    tool.signal("-INT");
    let status = eventually("it ends", async || tool.has_ended()).await;
    assert_eq!(status.code(), Some(1));
    let log = tool.log();
    assert!(log.contains("stopped by you: 1 of 5 dead letter(s) of upload redriven"), "{log}");
    ready(&world, "bilag.upload.dead", 4).await;
    assert_eq!(world.dead_letters().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reindex_rebuilds_the_index_from_the_queues() {
    let world = with_dead_letters(3).await;
    let before = world.dead_letters();
    let store = world.store().await;
    // One is hidden by an index that is ahead of its queue; one was moved by another tool.
    let hidden = before[0]["id"].as_str().expect("an id");
    assert!(store.move_dead_letter(hidden, sync_store::Place::Redriven).await.expect("moved"));
    let moved = world.vhost.take("bilag.upload.dead").await;
    let said = world.ok(&["dead", "reindex"]);
    assert!(said.contains("upload: 2 dead letter(s)"), "{said}");
    let after = world.dead_letters();
    let mut expected: Vec<_> = before.iter().filter(|letter| letter["messageId"] != json!(moved)).collect();
    let mut found: Vec<_> = after.iter().collect();
    for letters in [&mut expected, &mut found] {
        letters.sort_by_key(|letter| letter["id"].to_string());
    }
    assert_eq!(
        found.iter().map(|letter| &letter["id"]).collect::<Vec<_>>(),
        expected.iter().map(|letter| &letter["id"]).collect::<Vec<_>>()
    );
    ready(&world, "bilag.upload.dead", 2).await;

    // A store that was lost has all of them again.
    let mut world = world;
    world.set("BILAG_DATABASE_URL", "sqlite://another.db");
    let said = world.ok(&["dead", "reindex"]);
    assert!(said.contains("upload: 2 dead letter(s); 2 added to the index, 0 gone"), "{said}");
    assert_eq!(world.dead_letters().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_is_complete_and_moves_nothing() {
    let world = with_dead_letters(3).await;
    let lines = world.ok(&["dead", "export", "upload"]);
    let letters: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let mut ids: Vec<_> = letters.iter().map(|letter| letter["id"].to_string()).collect();
    let mut known: Vec<_> = world.dead_letters().iter().map(|letter| letter["id"].to_string()).collect();
    ids.sort();
    known.sort();
    assert_eq!(ids, known);
    let body: Value = serde_json::from_str(letters[0]["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["type"], "invoice.rendered.v1");
    assert_eq!(letters[0]["headers"]["x-bilag-reason"], "omnium_rejected");
    ready(&world, "bilag.upload.dead", 3).await;
}
