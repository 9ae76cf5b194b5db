//! Listing and showing dead letters: by reason, by group, in pages; and warnings where the index
//! lags. Reading changes nothing.

use std::time::Duration;

use bilag_tests::{TestEnv, eventually, exit_output, receipt};
use futures_util::StreamExt;
use lapin::BasicProperties;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::Place;

/// Invalid events, then one receipt that Omnium rejects.
async fn env_with_dead_letters(broken: usize) -> TestEnv {
    let env = TestEnv::new().await;
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let mut all = env.consume(&["all"]).await;
    for number in 0..broken {
        let body = format!("{{\"id\": {number}");
        env.publish_bytes(body.as_bytes(), BasicProperties::default()).await;
    }
    env.wait_for_dead_letters(broken).await;
    env.publish(&receipt(1)).await;
    env.wait_for_dead_letters(broken + 1).await;
    // A kill could leave a dead letter to be indexed again.
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    env
}

async fn ready(env: &TestEnv, queue: &str, count: u32) {
    eventually(&format!("{queue} has {count}"), async || {
        (env.vhost.ready(queue).await == Some(count)).then_some(())
    })
    .await;
}

fn json_of(env: &TestEnv, arguments: &[&str]) -> Value {
    serde_json::from_str(&env.ok(arguments)).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_of_one_cause_are_redriven_as_a_group() {
    let env = env_with_dead_letters(3).await;
    let groups = json_of(&env, &["dead", "list", "--group", "--json"])["groups"].clone();
    let reported = |group: &Value| json!([group["stage"], group["reason"], group["count"]]);
    let expected = [json!(["upload", "omnium_rejected", 1]), json!(["receipt", "undecodable", 3])];
    assert_eq!(groups.as_array().expect("groups").iter().map(reported).collect::<Vec<_>>(), expected);
    let cause = groups[1]["cause"].as_str().expect("a cause");
    assert_eq!(cause, "the body is not JSON: it ends too early at line #, column #");

    let group = groups[1]["group"].as_str().expect("an id");
    let output = env.ok(&["dead", "discard", "--group", group]);
    assert_eq!(output, "3 of 3 dead letter(s) of receipt discarded\n");
    assert_eq!(env.dead_letters().len(), 1);
    ready(&env, "bilag.receipt.discarded", 3).await;
    let ran = env.run(&["dead", "redrive", "--group", group]);
    assert!(stderr_of(&ran).contains(&format!("no dead letter of group {group} is dead")));
    assert_eq!(env.ok(&["dead", "restore", "--group", group]), "3 of 3 dead letter(s) of receipt restored\n");
    ready(&env, "bilag.receipt.dead", 3).await;
}

fn stderr_of(ran: &std::process::Output) -> String {
    let (code, _, problem) = exit_output(ran);
    assert_ne!(code, 0);
    problem
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_paged_and_filtered_by_time_and_text() {
    let env = env_with_dead_letters(2).await;
    let ids = |arguments: &[&str]| {
        let mut all = vec!["dead", "list", "--json"];
        all.extend(arguments);
        let list = json_of(&env, &all);
        let letters = list["letters"].as_array().expect("letters").iter();
        let count: u64 = list["counts"]
            .as_array()
            .expect("counts")
            .iter()
            .filter_map(|count| count["count"].as_u64())
            .sum();
        (letters.map(|letter| letter["id"].clone()).collect::<Vec<_>>(), count)
    };
    let (all, count) = ids(&[]);
    assert_eq!((all.len(), count), (3, 3));
    assert_eq!(ids(&["--limit", "1", "--offset", "1"]), (all[1..2].to_vec(), 3));
    assert_eq!(ids(&["--since", "7d"]), (all.clone(), 3));
    assert_eq!(ids(&["--since", "2026-11-21"]), (all.clone(), 3));
    assert_eq!(ids(&["--text", "RCPT-1"]), (all[..1].to_vec(), 1));
    assert_eq!(ids(&["receipt", "--text", "rcpt-1"]), (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn showing_fifty_times_changes_nothing() {
    let env = env_with_dead_letters(1).await;
    let letters = env.dead_letters();
    let ids: Vec<_> = letters.iter().map(|letter| letter["id"].as_str().expect("an id")).collect();
    let first = env.vhost.peek("bilag.upload.dead", 1).await.remove(0);
    for look in 0..50 {
        for id in &ids {
            env.ok(&["dead", "show", id]);
        }
        if look % 10 == 0 {
            env.ok(&["dead", "export"]);
            env.ok(&["dead", "list", "--group"]);
        }
    }
    assert_eq!(env.dead_letters(), letters);
    ready(&env, "bilag.upload.dead", 1).await;
    let last = env.vhost.peek("bilag.upload.dead", 1).await.remove(0);
    assert_eq!((last.id(), &last.body), (first.id(), &first.body));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_a_dead_letter_readably_and_saves_its_pdf() {
    let env = env_with_dead_letters(1).await;
    let letters = env.dead_letters();
    let id = |at: usize| letters[at]["id"].as_str().expect("an id");
    let shown = json_of(&env, &["dead", "show", id(0), "--json"]);
    assert_eq!(
        (&shown["decoded"]["event"], &shown["decoded"]["facts"]["voucher"]),
        (&json!("invoice.rendered.v1"), &json!("1"))
    );
    assert!(shown["decoded"]["lines"].as_array().is_some_and(|lines| !lines.is_empty()));
    let file = env.file("letter.pdf", "");
    let output = env.ok(&["dead", "show", id(0), "--pdf", "letter.pdf"]);
    assert!(output.starts_with("letter.pdf: 1.pdf of dead letter "), "{output}");
    let saved = std::fs::read(&file).expect("it is there");
    assert!(saved.starts_with(b"%PDF-"));

    let problem = stderr_of(&env.run(&["dead", "show", id(1), "--pdf", "other.pdf"]));
    assert!(problem.contains("has no PDF") && problem.contains("bilag render --receipt"), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_reports_an_index_behind_the_queues() {
    let env = env_with_dead_letters(2).await;
    let warned = || exit_output(&env.run(&["dead", "list"])).2;
    assert_eq!(warned(), "");
    // No consumer indexes the next one.
    let receipt_only = env.consume(&["receipt"]).await;
    env.publish_bytes(b"[3]", BasicProperties::default()).await;
    ready(&env, "bilag.dead", 1).await;
    let problem = warned();
    assert!(
        problem.contains("1 dead letter(s) wait in bilag.dead") && problem.contains("bilag consume dead"),
        "{problem}"
    );
    assert!(!problem.contains("reindex"), "{problem}");
    drop(receipt_only);

    env.ok(&["dead", "reindex"]);
    env.vhost.take("bilag.dead").await;
    assert_eq!(warned(), "");
    env.vhost.take("bilag.upload.dead").await;
    let problem = warned();
    assert!(problem.contains("bilag.upload.dead has 0 dead letter(s), the index has 1"), "{problem}");
    assert!(problem.contains("bilag dead reindex"), "{problem}");
    let index = json_of(&env, &["dead", "list", "--json"])["index"].clone();
    assert_eq!(index["lags"][0]["queue"], "bilag.upload.dead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_dead_letters_without_the_broker() {
    let mut env = env_with_dead_letters(1).await;
    env.set("BILAG_AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f");
    let (code, output, problem) = exit_output(&env.run(&["dead", "list"]));
    assert_eq!(code, 0, "{problem}");
    assert!(output.contains("omnium_rejected"), "{output}");
    assert!(
        problem.contains("could not compare the index with the queues: the broker at 127.0.0.1:1"),
        "{problem}"
    );
    let list = json_of(&env, &["dead", "list", "--json"]);
    assert_eq!((list["letters"].as_array().map(Vec::len), &list["index"]["lags"]), (Some(2), &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsing_keeps_the_order() {
    let env = env_with_dead_letters(40).await;
    let look = || {
        let exported = env.ok(&["dead", "export", "receipt"]);
        let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].to_string();
        exported.lines().map(id).collect::<Vec<_>>()
    };
    let before = look();
    assert_eq!(before.len(), 40);
    for _ in 0..3 {
        ready(&env, "bilag.receipt.dead", 40).await;
        assert_eq!(look(), before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_is_whole_or_fails() {
    let env = env_with_dead_letters(5).await;
    let store = env.store().await;
    let minute = Duration::from_secs(60);
    assert!(store.named_lease("dead:receipt", "kari 1", minute).await.expect("asked"));
    let (code, output, problem) = exit_output(&env.run(&["dead", "export", "receipt"]));
    assert_eq!((code, output.as_str()), (1, ""), "{problem}");
    assert!(problem.contains("kari is moving dead letters of receipt or reading its queue"), "{problem}");
    assert!(store.named_lease("dead:receipt", "kari 1", Duration::ZERO).await.expect("asked"));

    // A program that knows no lease holds some.
    let channel = env.vhost.channel().await;
    channel.basic_qos(2, BasicQosOptions::default()).await.expect("a prefetch");
    let (tag, options) = (ShortString::from("foreign"), BasicConsumeOptions::default());
    let consumed = channel.basic_consume("bilag.receipt.dead".into(), tag, options, FieldTable::default());
    let consumed = consumed.await.expect("it consumes").take(2).collect::<Vec<_>>().await;
    assert_eq!(consumed.len(), 2);
    for (command, says) in [("export", "what was printed is not all"), ("reindex", "none was forgotten")] {
        let (code, _, problem) = exit_output(&env.run(&["dead", command]));
        assert_eq!(code, 1, "{command}: {problem}");
        assert!(
            problem.contains("another program reads bilag.receipt.dead and may hold others"),
            "{problem}"
        );
        assert!(problem.contains(says), "{problem}");
    }
    assert_eq!(env.dead_letters().len(), 6, "none was taken for gone");
    channel.close(200, "".into()).await.expect("it closes");
    ready(&env, "bilag.receipt.dead", 5).await;
    assert_eq!(env.ok(&["dead", "export"]).lines().count(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistyped_stages_and_reasons_are_errors() {
    let env = TestEnv::new().await;
    for (arguments, says) in [
        (&["list", "uplaod"][..], "invalid value 'uplaod' for"),
        (&["list", "--reason", "undecodeable"], "invalid value 'undecodeable' for"),
        (&["discard", "--stage", "uplaod"], "invalid value 'uplaod' for"),
        (&["redrive", "--reason", "undecodeable"], "invalid value 'undecodeable' for"),
        (&["export", "uplaod"], "invalid value 'uplaod' for"),
        (&["list", "--since", "yesterday"], "expected an age like 30m, 2h or 7d, or a day like 2026-11-21"),
    ] {
        let (code, _, problem) = exit_output(&env.run(&[&["dead"], arguments].concat()));
        assert_eq!(code, 2, "{arguments:?}: {problem}");
        assert!(problem.contains(says), "{arguments:?}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restores_what_was_discarded_before_it_was_indexed() {
    let env = env_with_dead_letters(2).await;
    let letters = env.dead_letters();
    let id = letters[1]["id"].as_str().expect("an id");
    env.ok(&["dead", "discard", id]);
    // As if the tool had been killed before it updated the index.
    let store = env.store().await;
    assert!(store.move_dead_letter(id, Place::Dead).await.expect("it is in the index"));
    env.ok(&["dead", "reindex"]);
    assert_eq!(env.dead_letters().len(), 2);
    env.ok(&["dead", "restore", id]);
    assert_eq!(env.dead_letters().len(), 3);
    ready(&env, "bilag.receipt.dead", 2).await;
}
