//! `bilag backfill`: publishes exported receipts of a period exactly once, however often it is rerun.

use bilag_tests::{TestEnv, eventually, exit_output, receipt};
use sandbox::omnium::Call;
use serde_json::{Value, json};

fn settled_on(number: u32, settled_at: &str) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["settledAt"] = json!(settled_at);
    event
}

fn numbers(printed: &str) -> [u64; 4] {
    let value: Value = serde_json::from_str(printed).expect("JSON");
    ["published", "alreadyThere", "outside", "broken"].map(|name| value[name].as_u64().expect("a number"))
}

const NOVEMBER: [&str; 4] = ["--from", "2026-11-01", "--to", "2026-11-30"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_missing_receipts_of_the_period_and_lists_the_rest() {
    let env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    // The day is the store's local day: the last receipt is settled on 31 October in UTC.
    let events = [
        settled_on(1, "2026-11-02T10:00:00+01:00"),
        settled_on(2, "2026-10-31T23:59:59+01:00"),
        settled_on(3, "2026-11-01T00:30:00+01:00"),
    ];
    env.publish(&events[0]).await;
    env.complete(1).await;
    let lines: Vec<_> = events.iter().map(Value::to_string).collect();
    env.file("november.jsonl", format!("{}\n{{\"id\": 18\n{}\n", lines[0], lines[1]));
    env.file(
        "rest.json",
        format!("[\n{},\n{{\"id\": \"x\"}}\n]", serde_json::to_string_pretty(&events[2]).expect("JSON")),
    );
    let mut arguments = vec!["backfill", "november.jsonl", "rest.json", "--json"];
    arguments.extend(NOVEMBER);

    let (code, printed, error) = exit_output(&env.run(&arguments));
    assert_eq!((code, numbers(&printed)), (1, [1, 1, 1, 2]), "{printed}");
    assert_eq!(error, "error: 2 event(s) are invalid\n");
    let broken: Value = serde_json::from_str(&printed).expect("JSON");
    let broken: Vec<_> = broken["brokenEvents"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["file"].clone(), one["line"].clone()))
        .collect();
    let in_rest = serde_json::to_string_pretty(&events[2]).expect("JSON").lines().count() + 2;
    assert_eq!(broken, [(json!("november.jsonl"), json!(2)), (json!("rest.json"), json!(in_rest))]);
    assert_eq!(writes(&env), 2, "a dry run must not publish");

    arguments.push("--publish");
    let (code, printed, _) = exit_output(&env.run(&arguments));
    assert_eq!((code, numbers(&printed)), (1, [1, 1, 1, 2]), "{printed}");
    env.complete(2).await;
    let (_, printed, _) = exit_output(&env.run(&arguments));
    assert_eq!(numbers(&printed), [0, 2, 1, 2], "{printed}");
    all.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoices_each_receipt_once_when_killed_and_rerun() {
    const COUNT: u32 = 60;
    let env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    let lines: Vec<_> =
        (1..=COUNT).map(|number| settled_on(number, "2026-11-02T10:00:00+01:00").to_string()).collect();
    env.file("november.jsonl", lines.join("\n"));
    let mut arguments = vec!["backfill", "november.jsonl", "--publish", "--rate", "30/s"];
    arguments.extend(NOVEMBER);
    let mut first = env.start(&arguments);
    eventually("some are invoiced", async || (writes(&env) >= 10).then_some(())).await;
    first.kill();
    let printed = env.ok(&arguments);
    assert!(printed.contains("already there"), "{printed}");
    env.complete(COUNT.into()).await;
    all.kill();
    assert_eq!(writes(&env), 2 * COUNT as usize, "each is created once and has its file once");
    assert!(env.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_nothing_without_a_bound_queue() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    env.file("one.json", settled_on(1, "2026-11-02T10:00:00+01:00").to_string());
    let mut arguments = vec!["backfill", "one.json", "--publish"];
    arguments.extend(NOVEMBER);
    let (code, printed, error) = exit_output(&env.run(&arguments));
    assert_eq!(code, 1, "{printed}");
    assert!(
        error.contains("bilag topology apply") && error.contains("run the same command to continue"),
        "{error}"
    );
}

fn writes(env: &TestEnv) -> usize {
    let is_write = |call| matches!(call, Call::Upsert | Call::Attach);
    env.sandbox.omnium.ledger().iter().filter(|entry| is_write(entry.call)).count()
}
