//! Untrusted text: a hostile receipt passes the whole chain, and logs and terminal output of it break no line,
//! forge none, and contain no control sequence.

use bilag_tests::{TestEnv, eventually, receipt};
use serde_json::json;
use sync_store::State;

/// A forged log line, a clear-screen sequence, a C1 colour, bidi overrides and invisible characters.
const HOSTILE: &str =
    "17\nFORGED 2026-11-02  INFO complete\r\u{1b}[2J\u{9b}31m\u{202e}fdp\u{2066}\u{2028}\u{200b}";

/// The hostile characters that a uid may contain.
const TURNED: &str = "rcpt-\u{202e}17\u{200f}\u{2028}";

fn is_harmless(place: &str, text: &str) {
    for (number, line) in text.lines().enumerate() {
        let acts = line.chars().find(|c| untrusted_text::acts(*c));
        assert_eq!(acts, None, "{place}, line {number}: {line:?}");
        assert!(!line.starts_with("FORGED"), "{place}, line {number}: {line:?}");
    }
}

/// Sends receipts with hostile text in every member; each completes or is rejected.
async fn run_hostile_receipts(format: &str) -> (TestEnv, String) {
    let mut env = TestEnv::new().await;
    env.set("BILAG_LOG", "debug");
    env.set("BILAG_LOG_FORMAT", format);
    let all = env.start(&["consume", "all"]);
    eventually("all consume", async || (all.log().matches("consuming").count() >= 4).then_some(())).await;
    let mut event = receipt(17);
    for field in [
        "/id",
        "/orderReceipt/order/orderNumber",
        "/orderReceipt/items/0/name",
        "/orderReceipt/items/0/sku",
        "/orderReceipt/settlements/0/name",
        "/orderReceipt/seller/name",
        "/tenant/name",
    ] {
        if let Some(value) = event.pointer_mut(field) {
            *value = json!(HOSTILE);
        }
    }
    event["id"] = json!("evt-17");
    let mut numbered = event.clone();
    numbered["orderReceipt"]["voucherNumber"] = json!(HOSTILE);
    numbered["orderReceipt"]["uid"] = json!("rcpt-18");
    let mut turned = event.clone();
    turned["orderReceipt"]["uid"] = json!(TURNED);
    turned["orderReceipt"]["voucherNumber"] = json!("17\u{202e}fdp");
    turned["orderReceipt"]["order"]["store"]["uid"] = json!("7\u{2066}0");
    for event in [&event, &numbered, &turned] {
        env.publish(event).await;
    }
    env.publish_bytes(format!("{{\"id\": \"{HOSTILE}").as_bytes(), Default::default()).await;
    let mut broken = event.clone();
    broken["orderReceipt"][HOSTILE] = json!(1);
    broken["orderReceipt"]["order"]["type"] = json!(HOSTILE);
    env.publish(&broken).await;
    eventually("each is complete or dead", async || {
        let complete = env.records(State::Complete).await;
        let dead = env.dead_letters().len() as u64;
        (complete + dead >= 5 && dead >= 2).then_some(())
    })
    .await;
    let log = all.log();
    (env, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_receipt_forges_no_text_log_or_terminal_output() {
    let (env, log) = run_hostile_receipts("text").await;
    is_harmless("the log", &log);
    assert!(log.contains("\\u{202e}") || log.contains("invalid_event"), "it is logged, escaped: {log}");
    let file = env.file("hostile.json", json!({ HOSTILE: 1, "type": HOSTILE }).to_string());
    let file = file.to_str().expect("a path").to_owned();
    let letters = env.dead_letters();
    let ids = letters.iter().map(|letter| letter["id"].as_str().expect("an id"));
    let shown = ids.flat_map(|id| [vec!["dead", "show", id], vec!["dead", "show", id, "--json"]]);
    let day = ["report", "--from", "2026-11-01", "--to", "2026-11-30", "--by", "store"];
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["dead", "list"],
        vec!["dead", "list", "--json"],
        vec!["dead", "list", "--group"],
        vec!["sync", "list"],
        vec!["sync", "list", "--json"],
        vec!["sync", "list", "--search", "17"],
        vec!["sync", "show", "17"],
        vec!["sync", "show", TURNED],
        vec!["sync", "show", HOSTILE],
        vec!["packages", "list"],
        vec!["stages"],
        vec!["audit"],
        vec!["publish", &file],
        vec!["publish", &file, "--key", HOSTILE],
        vec!["map", &file],
        vec!["map", HOSTILE],
        vec!["render", &file, "-o", "out.pdf"],
        vec!["backfill", &file, "--from", "2026-11-01", "--to", "2026-11-30"],
        day.to_vec(),
        [&day[..], &["--format", "csv"]].concat(),
        [&day[..], &["--json"]].concat(),
    ];
    commands.extend(shown);
    for arguments in commands {
        let ran = env.run(&arguments);
        let reported = [ran.stdout, ran.stderr].concat();
        is_harmless(&format!("{arguments:?}"), &String::from_utf8_lossy(&reported));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_receipt_forges_no_json_log_line() {
    let (_world, log) = run_hostile_receipts("json").await;
    is_harmless("the log", &log);
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
