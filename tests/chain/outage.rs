//! Omnium is down, or rejects the credentials: the upload stage pauses and probes, nothing dies, and it
//! resumes by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use bilag_tests::{
    Bilag, Health, TIMEOUT, TestEnv, delays_after_429, eventually, eventually_within, receipt,
};
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::json;

/// Maximum time from Omnium's recovery to the end of the pause.
const PROMISED: Duration = Duration::from_secs(10);

fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after, done: false }
}

/// An environment with two attempts per message: an outage that spent attempts would kill them.
async fn env_with_two_attempts() -> (TestEnv, Health) {
    let mut env = TestEnv::new().await;
    env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut env);
    (env, health)
}

async fn publish(env: &TestEnv, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        env.publish(&receipt(number)).await;
    }
}

/// Waits until the upload stage is paused; returns the reason.
async fn paused(health: &Health) -> String {
    eventually("/readyz shows since when and why upload is paused", async || {
        let pause = health.stage("upload").await?["pause"].clone();
        pause["since"].as_str()?;
        pause["why"].as_str().map(str::to_owned)
    })
    .await
}

/// The invoices of one kind of call, in the order of the calls, starting at index `from`.
fn asked(env: &TestEnv, call: Call, from: usize) -> Vec<String> {
    let ledger = env.sandbox.omnium.ledger();
    let calls = ledger.into_iter().skip(from).filter(|entry| entry.call == call);
    calls.filter_map(|entry| entry.about.subject.invoice_id).collect()
}

fn assert_paused_once(all: &Bilag) {
    for reported in ["paused: different messages fail", "resumed: a probe succeeded"] {
        assert_eq!(all.log().matches(reported).count(), 1, "{reported}:\n{}", all.log());
    }
}

fn assert_nothing_died(env: &TestEnv) {
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_pauses_and_kills_no_message() {
    let (mut env, health) = env_with_two_attempts().await;
    let all = env.consume(&["all"]).await;
    publish(&env, 1..=20).await;
    // With all in flight: an interrupted call may have happened, and spends an attempt.
    env.complete(20).await;

    env.sandbox.stop_listening().await;
    publish(&env, 21..=60).await;
    let why = paused(&health).await;
    assert!(why.contains("Omnium cannot be reached"), "{why}");
    assert_eq!(health.ready().await.expect("it answers").0, 200, "a pause is shown, not unready");
    eventually("in-flight messages are in a retry queue", async || {
        (health.stage("upload").await?["inHand"] == 0).then_some(())
    })
    .await;
    let parked = eventually("messages are in the retry queue or back from it", async || {
        let peeked = env.vhost.peek("bilag.upload", 100).await;
        (peeked.len() >= 3).then_some(peeked)
    })
    .await;
    assert!(parked.iter().all(|message| message.attempt() == 0), "an attempt was spent");

    let before = env.sandbox.omnium.ledger().len();
    env.sandbox.omnium.add_fault(Rule::new(status(503, None)));
    env.sandbox.listen_again().await.expect("the port is free");
    publish(&env, 61..=80).await;
    // The token is still valid: each probe is an upsert of another invoice.
    let probes = eventually_within(TIMEOUT, "more probes than there are attempts", async || {
        let probes = asked(&env, Call::Upsert, before);
        (probes.len() >= 5).then_some(probes)
    })
    .await;
    assert_eq!(probes.iter().collect::<BTreeSet<_>>().len(), probes.len(), "{probes:?}");
    assert_nothing_died(&env);

    let in_doubt = asked(&env, Call::Upsert, before).len();
    env.sandbox.omnium.clear_faults();
    let at_once = 80 - u64::try_from(in_doubt).expect("not that many") - 1;
    env.complete_within(PROMISED, at_once).await;
    // Whether the probes answered by a gateway are being executed is unknown: those wait for
    // their leases.
    env.complete(80).await;
    assert_paused_once(&all);
    assert_nothing_died(&env);
    env.assert_exactly_once(1..=80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_credentials_pause_until_they_work_again() {
    let (env, health) = env_with_two_attempts().await;
    let all = env.consume(&["all"]).await;
    publish(&env, 1..=1).await;
    env.complete(1).await;

    env.sandbox.omnium.revoke_tokens();
    env.sandbox.omnium.add_fault(Rule::new(status(401, None)).on(Call::Token));
    publish(&env, 2..=60).await;
    let why = paused(&health).await;
    assert!(why.contains("OMNIUM_CLIENT_SECRET"), "{why}");
    let before = env.sandbox.omnium.ledger().len();
    eventually("more probes than there are attempts", async || {
        let ledger = env.sandbox.omnium.ledger();
        let refused = ledger.iter().skip(before).filter(|entry| entry.call == Call::Token).count();
        (refused >= 5).then_some(())
    })
    .await;
    assert_nothing_died(&env);

    env.sandbox.omnium.clear_faults();
    env.complete_within(PROMISED, 60).await;
    assert_paused_once(&all);
    assert_nothing_died(&env);
    env.assert_exactly_once(1..=60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_missing_for_all_pauses_the_stage() {
    let (env, health) = env_with_two_attempts().await;
    for call in [Call::Upsert, Call::Attach, Call::Get] {
        env.sandbox.omnium.add_fault(Rule::new(status(403, None)).on(call));
    }
    let all = env.consume(&["all"]).await;
    // Of different stores: one alone may lack the right.
    for number in 1..=60 {
        let mut event = receipt(number);
        event["orderReceipt"]["order"]["store"]["uid"] = json!(number.to_string());
        env.publish(&event).await;
    }
    let why = paused(&health).await;
    assert!(why.contains("forbids"), "{why}");
    let before = env.sandbox.omnium.ledger().len();
    let probes = eventually("more probes than there are attempts", async || {
        let probes = asked(&env, Call::Upsert, before);
        (probes.len() >= 5).then_some(probes)
    })
    .await;
    assert_eq!(probes.iter().collect::<BTreeSet<_>>().len(), probes.len(), "{probes:?}");
    assert_nothing_died(&env);

    env.sandbox.omnium.clear_faults();
    env.complete_within(PROMISED, 60).await;
    assert_paused_once(&all);
    assert_nothing_died(&env);
    env.assert_exactly_once(1..=60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_honours_a_429() {
    const SECONDS: u64 = 3;
    let mut env = TestEnv::new().await;
    env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    // One request at a time, so that none is in flight while another is answered.
    env.set("OMNIUM_MAX_CONCURRENT_REQUESTS", "1");
    let throttled = || Rule::new(status(429, Some(SECONDS))).times(1);
    env.sandbox.omnium.add_fault(throttled().on(Call::Upsert));
    env.sandbox.omnium.add_fault(throttled().on(Call::Attach));
    env.sandbox.omnium.add_fault(throttled().on(Call::Token));
    let all = env.consume(&["all"]).await;
    publish(&env, 1..=20).await;
    env.complete(20).await;

    let ledger = env.sandbox.omnium.ledger();
    assert_eq!(delays_after_429(&ledger, SECONDS), 3);
    assert!(!all.log().contains("paused:"), "{}", all.log());
    assert_nothing_died(&env);
    env.assert_exactly_once(1..=20);
}
