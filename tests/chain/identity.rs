//! One receipt, however often and by however many consumers it is received, is one invoice with one file.

use bilag_tests::{TestEnv, eventually, receipt};
use serde_json::{Value, json};
use sync_store::State;

/// A receipt's record, from `bilag sync show`.
fn record(env: &TestEnv, receipt: &str) -> Value {
    let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", receipt, "--json"])).expect("JSON");
    assert_eq!(shown.as_array().map(Vec::len), Some(1), "one record: {shown:#}");
    shown[0].clone()
}

async fn until(env: &TestEnv, state: State, count: u64) {
    eventually(&format!("{count} {state}"), async || (env.records(state).await == count).then_some(())).await;
}

fn again(event: &Value, envelope: u32) -> Value {
    let mut event = event.clone();
    event["id"] = json!(format!("delivery-{envelope}"));
    event["occurredAt"] = json!(format!("2026-11-02T10:00:{envelope:02}+01:00"));
    event
}

fn with_other_content(event: &Value) -> Value {
    let mut event = event.clone();
    event["orderReceipt"]["seller"] = json!({ "code": "another" });
    event
}

#[tokio::test]
async fn receipt_delivered_five_times_is_invoiced_once() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    for envelope in 0..5 {
        env.publish(&again(&receipt(1), envelope)).await;
    }
    eventually("it is received five times and complete", async || {
        (env.records(State::Complete).await == 1 && record(&env, "rcpt-1")["heardCount"] == 5).then_some(())
    })
    .await;
    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices["rcpt-1"].files.len(), 1);
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn duplicate_consumers_invoice_each_receipt_once() {
    const RECEIPTS: u32 = 40;
    let env = TestEnv::new().await;
    let _one = env.consume(&["all"]).await;
    let _other = env.consume(&["all"]).await;
    for number in 0..RECEIPTS {
        for envelope in 0..3 {
            env.publish(&again(&receipt(number), envelope)).await;
        }
    }
    until(&env, State::Complete, RECEIPTS.into()).await;
    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices.len(), RECEIPTS as usize);
    assert!(summary.invoices.values().all(|invoice| invoice.files.len() == 1));
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn copy_of_a_receipt_is_a_duplicate() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    until(&env, State::Complete, 1).await;
    let mut copy = receipt(1);
    copy["orderReceipt"]["isCopy"] = json!(true);
    env.publish(&copy).await;
    eventually("it was received again", async || {
        (record(&env, "rcpt-1")["heardCount"] == json!(2)).then_some(())
    })
    .await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=1);
}

#[tokio::test]
async fn conflicting_content_dies_and_the_first_completes() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let _first = env.consume(&["receipt", "dead"]).await;
    env.publish(&receipt(1)).await;
    until(&env, State::Pending, 1).await;
    env.publish(&with_other_content(&receipt(1))).await;
    let letters = eventually("the conflict is indexed", async || {
        Some(env.dead_letters()).filter(|letters| !letters.is_empty())
    })
    .await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["reason"], "conflicting_receipt");
    assert_eq!((&letters[0]["tenant"], &letters[0]["receipt"]), (&json!("7"), &json!("rcpt-1")));
    assert_eq!(record(&env, "rcpt-1")["state"], "pending");

    let _rest = env.consume(&["render", "upload"]).await;
    until(&env, State::Complete, 1).await;
    env.publish(&with_other_content(&receipt(1))).await;
    eventually("it is in conflict still", async || (env.dead_letters().len() == 2).then_some(())).await;
    let record = record(&env, "rcpt-1");
    assert_eq!(
        (&record["state"], &record["heardCount"], &record["death"]),
        (&json!("complete"), &json!(1), &Value::Null)
    );
    assert!(env.sandbox.omnium.summary().violations.is_empty());
}

#[tokio::test]
async fn same_uid_in_two_tenants_is_two_receipts() {
    let mut env = TestEnv::new().await;
    env.unset("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM");
    let _receipt = env.consume(&["receipt", "dead"]).await;
    let mut other = with_other_content(&receipt(1));
    other["tenant"]["uid"] = json!("8");
    env.publish(&receipt(1)).await;
    env.publish(&other).await;
    until(&env, State::Skipped, 2).await;
    let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", "rcpt-1", "--json"])).expect("JSON");
    let mut tenants: Vec<_> =
        shown.as_array().expect("records").iter().map(|record| &record["tenant"]).collect();
    tenants.sort_by_key(|tenant| tenant.to_string());
    assert_eq!(tenants, ["7", "8"]);
    let one = env.ok(&["sync", "show", "rcpt-1", "--tenant", "8", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&one).expect("JSON")[0]["tenant"], "8");
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn invalid_event_does_not_close_a_valid_ones_record() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let _first = env.consume(&["receipt", "dead"]).await;
    env.publish(&receipt(1)).await;
    until(&env, State::Pending, 1).await;
    let mut broken = receipt(1);
    broken["orderReceipt"]["orderTotals"] = json!(null);
    env.publish(&broken).await;
    eventually("the invalid one is indexed", async || (env.dead_letters().len() == 1).then_some(())).await;
    assert_eq!(record(&env, "rcpt-1")["state"], "pending");

    let _rest = env.consume(&["render", "upload"]).await;
    until(&env, State::Complete, 1).await;
}

#[tokio::test]
async fn receipt_fixed_after_an_invalid_event_completes() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    let mut broken = receipt(1);
    broken["orderReceipt"]["orderTotals"] = json!(null);
    env.publish(&broken).await;
    until(&env, State::Dead, 1).await;
    assert_eq!(record(&env, "rcpt-1")["death"]["reason"], "invalid_event");

    env.publish(&receipt(1)).await;
    until(&env, State::Complete, 1).await;
    let record = record(&env, "rcpt-1");
    assert_eq!((&record["heardCount"], &record["death"]), (&json!(1), &Value::Null));
}

#[tokio::test]
async fn sends_nothing_until_enabled_and_then_republished_receipts() {
    let mut env = TestEnv::new().await;
    env.unset("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM");
    let off = env.start(&["consume", "all"]);
    eventually("they consume", async || (off.log().matches(" consuming ").count() == 3).then_some(())).await;
    assert!(off.log().contains("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false"), "{}", off.log());
    env.publish(&receipt(1)).await;
    env.publish(&receipt(2)).await;
    until(&env, State::Skipped, 2).await;
    assert!(env.sandbox.omnium.ledger().is_empty());
    assert_eq!(env.vhost.ready("bilag.upload").await, None);
    drop(off);

    env.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "true");
    let _on = env.consume(&["all"]).await;
    env.publish(&again(&receipt(1), 1)).await;
    until(&env, State::Complete, 1).await;
    assert_eq!(record(&env, "rcpt-2")["state"], "skipped");
    assert_eq!(env.sandbox.omnium.summary().invoices.len(), 1);
}
