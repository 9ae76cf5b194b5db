//! Messages that fail while others succeed: they die alone and block no other.

use std::collections::BTreeMap;
use std::time::Duration;

use bilag_tests::{Health, TIMEOUT, TestEnv, eventually, eventually_within, receipt};
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
    env.complete(100).await;
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
    const FORBIDDEN: u32 = 100;
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let mut forbidden = always(403);
    forbidden.subject.store_id = Some("closed".to_owned());
    env.sandbox.omnium.add_fault(forbidden);
    let _all = env.consume(&["all"]).await;
    // Nothing succeeded before.
    for number in 1..=FORBIDDEN {
        env.publish(&of_store("closed", number)).await;
    }
    for number in 101..=110 {
        env.publish(&of_store("open", number)).await;
    }
    env.complete_within(Duration::from_secs(10), 10).await;

    let closed = "store closed of tenant 7";
    let upload = eventually("the pause names the store", async || {
        let upload = health.stage("upload").await?;
        upload["scopes"][closed].is_object().then_some(upload)
    })
    .await;
    assert!(upload["pause"].is_null(), "{upload}");
    eventually("stages names it too", async || {
        let stages = env.ok(&["stages"]);
        let is_named = stages.contains(&format!("{closed} paused automatically"));
        (is_named && stages.contains("running, but for 1 store(s)")).then_some(())
    })
    .await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());

    env.sandbox.omnium.clear_faults();
    env.complete(110).await;
    eventually("nothing is paused", async || {
        health.stage("upload").await.filter(|upload| upload["scopes"] == json!({}))
    })
    .await;
    env.assert_exactly_once(1..=110);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_forbidden_receipts_of_a_store_die_alone() {
    let env = TestEnv::new().await;
    for number in 1..=4 {
        let mut forbidden = always(403);
        forbidden.subject.invoice_id = Some(format!("rcpt-{number}"));
        env.sandbox.omnium.add_fault(forbidden);
    }
    let _all = env.consume(&["all"]).await;
    for number in 1..=10 {
        env.publish(&receipt(number)).await;
    }
    env.complete(6).await;
    dead(&env, 4).await;
    assert_eq!(reasons(&env), BTreeMap::from([("omnium_forbidden".to_owned(), 4)]));
    env.assert_exactly_once(5..=10);
}
