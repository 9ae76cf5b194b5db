//! `bilag sync verify`: every kind of difference with Omnium, and every kind of interruption.

use bilag_tests::{Bilag, TestEnv, eventually, exit_output, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule, Tampering};
use serde_json::{Value, json};
use sync_store::State;

/// An environment with so many complete receipts.
async fn complete(count: u32) -> TestEnv {
    let env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    for number in 1..=count {
        env.publish(&receipt(number)).await;
    }
    env.complete(count.into()).await;
    all.kill();
    env
}

fn status(status: StatusCode, retry_after: Option<u64>) -> Fault {
    Fault::Status { status, retry_after, done: false }
}

/// Number of invoice lookups.
fn lookups(env: &TestEnv) -> usize {
    env.sandbox.omnium.ledger().iter().filter(|entry| entry.call == Call::Get).count()
}

async fn ends(mut bilag: Bilag) -> (i32, String) {
    let status = eventually("it ends", async || bilag.has_ended()).await;
    (status.code().unwrap_or(-1), bilag.log())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_every_difference_and_writes_nothing() {
    let env = TestEnv::new().await;
    let omnium = &env.sandbox.omnium;
    let mut refused = Rule::new(status(StatusCode::BAD_REQUEST, None)).on(Call::Attach);
    refused.subject.invoice_id = Some("rcpt-8".to_owned());
    omnium.add_fault(refused);
    let mut all = env.consume(&["all"]).await;
    for number in 1..=8 {
        env.publish(&receipt(number)).await;
    }
    env.complete(7).await;
    eventually("one is dead", async || (env.records(State::Dead).await == 1).then_some(())).await;
    all.kill();
    let before = omnium.summary();
    let number = |text: &str| serde_json::from_str(text).expect("a number");
    for (id, how) in [
        ("rcpt-2", Tampering::Delete),
        ("rcpt-3", Tampering::Amount(number("3836.51"))),
        ("rcpt-4", Tampering::Currency("SEK".to_owned())),
        ("rcpt-5", Tampering::RemoveFiles),
        ("rcpt-6", Tampering::ReplaceFiles("%PDF-1.7 another".into())),
        ("rcpt-7", Tampering::LoseContents),
    ] {
        omnium.tamper(id, how);
    }
    let (code, printed, error) = exit_output(&env.run(&["sync", "verify", "--rate", "100/s", "--json"]));
    assert_eq!((code, &*error), (1, "error: 7 difference(s) between Omnium and the records\n"), "{printed}");
    let findings: Value = serde_json::from_str(&printed).expect("JSON");
    let told_of: Vec<_> = findings["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|found| (found["receipt"].as_str().expect("a uid"), found["told"].as_str().expect("words")))
        .collect();
    assert_eq!(
        told_of,
        [
            ("rcpt-2", "complete here, and Omnium has no such invoice"),
            ("rcpt-3", "the receipt comes to 3836.50, the invoice in Omnium to 3836.51"),
            ("rcpt-4", "the receipt is in NOK, the invoice in Omnium in SEK"),
            ("rcpt-5", "the invoice in Omnium is without its file 5.pdf"),
            ("rcpt-6", "6.pdf in Omnium is not the file that was attached"),
            ("rcpt-7", "the invoice in Omnium lists its file 7.pdf, and there is none at its address"),
            ("rcpt-8", "dead here, and Omnium has the invoice without its file"),
        ]
    );
    assert_eq!(findings["lookedAt"], 8);
    assert_eq!(findings["toTheEnd"], true);
    assert_eq!(findings["notCompared"], json!([]));

    let (_, printed, _) = exit_output(&env.run(&["sync", "verify", "--rate", "100/s"]));
    assert!(printed.starts_with("7/rcpt-2 (voucher 2): complete here, and Omnium has no such invoice\n    find out in Omnium who deleted it"), "{printed}");
    let after = omnium.summary();
    for call in [Call::Upsert, Call::Attach] {
        assert_eq!(after.calls.get(&call), before.calls.get(&call), "{call:?}: nothing is written");
    }
    assert_eq!(env.records(State::Dead).await, 1, "no record is changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_differences_after_the_clock_was_set_back() {
    let env = complete(1).await;
    env.sandbox.omnium.tamper("rcpt-1", Tampering::RemoveFiles);
    env.sqlite("update external_order_receipt_sync set updated_at = updated_at + 3600000");
    let (code, output) = env.ends(&["sync", "verify"]).await;
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("the invoice in Omnium is without its file"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn matching_period_exits_0_and_honours_a_429() {
    let env = complete(3).await;
    // Longer than a call waits by itself.
    let held = Rule::new(status(StatusCode::TOO_MANY_REQUESTS, Some(11))).on(Call::Get).times(1);
    env.sandbox.omnium.add_fault(held);
    env.sandbox
        .omnium
        .add_fault(Rule::new(status(StatusCode::SERVICE_UNAVAILABLE, None)).on(Call::Get).times(1));
    let whole = ["sync", "verify", "--rate", "50/s", "--from", "2026-11-02", "--to", "2026-11-02"];
    assert_eq!(env.ok(&whole), "3 receipt(s) compared with Omnium: 0 difference(s)\n");
    let before = ["sync", "verify", "--to", "2026-11-01"];
    assert_eq!(env.ok(&before), "0 receipt(s) compared with Omnium: 0 difference(s)\n");
    let after = ["sync", "verify", "--rate", "50/s", "--after", "7/rcpt-2"];
    assert_eq!(env.ok(&after), "1 receipt(s) compared with Omnium: 0 difference(s)\n");
    let (code, _, error) = exit_output(&env.run(&["sync", "verify", "--after", "7/rcpt-9"]));
    assert!(code == 2 && error.starts_with("error: --after: no receipt 7/rcpt-9 in sqlite://"), "{error}");
    let (code, _, error) = exit_output(&env.run(&["sync", "verify", "--rate", "0/s"]));
    assert_eq!((code, &*error), (2, "error: invalid value '0/s' for '--rate <N/s>': use 1/s to 100/s\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_invoice_does_not_stop_the_comparison() {
    let env = complete(3).await;
    let mut poisoned = Rule::new(status(StatusCode::INTERNAL_SERVER_ERROR, None)).on(Call::Get);
    poisoned.subject.invoice_id = Some("rcpt-2".to_owned());
    env.sandbox.omnium.add_fault(poisoned);
    let (code, printed, error) = exit_output(&env.run(&["sync", "verify", "--rate", "50/s", "--json"]));
    assert_eq!((code, error.contains("error: 1 receipt(s) could not be compared")), (3, true), "{error}");
    let findings: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((&findings["lookedAt"], &findings["differences"]), (&json!(3), &json!([])));
    assert_eq!(findings["notCompared"][0]["receipt"], "rcpt-2");
    assert_eq!(findings["notCompared"][0]["notCompared"], "no_answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_midway_says_how_to_continue() {
    let mut env = complete(6).await;
    let bilag = env.start(&["sync", "verify", "--rate", "4", "--json"]);
    eventually("some are compared", async || (lookups(&env) >= 3).then_some(())).await;
    env.sandbox.stop_listening().await;
    let (code, log) = ends(bilag).await;
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("once Omnium answers again: Omnium "), "{log}");
    let (_, rest) = log.split_once("error: aborted; continue with --after ").expect("how to continue");
    let (after, _) = rest.split_once(' ').expect("a receipt");
    let done: u32 = after.strip_prefix("7/rcpt-").expect("a receipt").parse().expect("a number");
    env.sandbox.listen_again().await.expect("the port is free");
    let printed = env.ok(&["sync", "verify", "--rate", "50/s", "--after", after]);
    assert_eq!(printed, format!("{} receipt(s) compared with Omnium: 0 difference(s)\n", 6 - done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_reports_what_was_found_so_far() {
    let env = complete(6).await;
    env.sandbox.omnium.tamper("rcpt-1", Tampering::Delete);
    let bilag = env.start(&["sync", "verify", "--rate", "2"]);
    let after_the_first = async || {
        let ledger = env.sandbox.omnium.ledger();
        let second = |entry: &sandbox::omnium::Entry| {
            entry.call == Call::Get && entry.about.subject.invoice_id.as_deref() == Some("rcpt-2")
        };
        ledger.iter().any(second).then_some(())
    };
    eventually("the first is compared", after_the_first).await;
    bilag.signal("-INT");
    let (code, log) = ends(bilag).await;
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("7/rcpt-1 (voucher 1): complete here, and Omnium has no such invoice"), "{log}");
    assert!(log.contains("receipt(s) compared with Omnium: 1 difference(s)\n"), "{log}");
    assert!(log.contains("error: interrupted; continue with --after 7/rcpt-"), "{log}");
}
