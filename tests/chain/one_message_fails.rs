//! Messages that fail while others succeed: they die alone and block no other.

use std::collections::BTreeMap;

use bilag_tests::{TIMEOUT, TestEnv, eventually_within, receipt};
use sandbox::omnium::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn always(status: u16) -> Rule {
    let status = status.try_into().expect("a status");
    Rule::new(Fault::Status { status, retry_after: None, done: false })
}

async fn dead(env: &TestEnv, count: u64) {
    eventually_within(TIMEOUT, &format!("{count} are dead"), async || {
        (env.records(State::Dead).await == count).then_some(())
    })
    .await;
}

/// The number of dead letters by reason.
fn reasons(env: &TestEnv) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for letter in env.dead_letters() {
        assert_eq!(letter["stage"], "upload", "{letter}");
        *reasons.entry(letter["reason"].as_str().expect("a reason").to_owned()).or_default() += 1;
    }
    reasons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoice_that_always_gets_500_dies_alone() {
    let env = TestEnv::new().await;
    let mut poisoned = always(500);
    poisoned.subject.invoice_id = Some("rcpt-50".to_owned());
    env.sandbox.omnium.add_fault(poisoned);
    let all = env.consume(&["all"]).await;
    for number in 1..=101 {
        env.publish(&receipt(number)).await;
    }
    env.complete_within(TIMEOUT, 100).await;
    dead(&env, 1).await;

    assert_eq!(reasons(&env), BTreeMap::from([("retries_exhausted".to_owned(), 1)]));
    assert!(env.dead_letters()[0].to_string().contains("rcpt-50"));
    assert!(!all.log().contains("paused:"), "{}", all.log());
    env.assert_exactly_once((1..=101).filter(|number| *number != 50));
}

fn of_store(store: &str, number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["order"]["store"]["uid"] = json!(store);
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forbidden_store_affects_only_its_own_receipts() {
    const FORBIDDEN: u32 = 30;
    let env = TestEnv::new().await;
    let mut forbidden = always(403);
    forbidden.subject.store_id = Some("closed".to_owned());
    env.sandbox.omnium.add_fault(forbidden);
    let _all = env.consume(&["all"]).await;
    for number in 1..=FORBIDDEN {
        env.publish(&of_store("open", 100 + number)).await;
        env.publish(&of_store("closed", number)).await;
    }
    // The other store keeps selling meanwhile.
    let mut last = 100 + FORBIDDEN;
    eventually_within(TIMEOUT, "the forbidden ones are dead letters", async || {
        last += 1;
        env.publish(&of_store("open", last)).await;
        (env.records(State::Dead).await == u64::from(FORBIDDEN)).then_some(())
    })
    .await;
    env.complete_within(TIMEOUT, u64::from(last - 100)).await;

    assert_eq!(reasons(&env), BTreeMap::from([("omnium_forbidden".to_owned(), 30)]));
    env.assert_exactly_once(101..=last);
}
