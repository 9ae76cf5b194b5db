//! Omnium's limits apply to all processes that share a store, whatever happens to the processes.

use bilag_tests::{Bilag, TIMEOUT, TestEnv, eventually_within, receipt};
use sandbox::omnium::{Fault, Rule};

/// Load for four processes of 16 requests each; Omnium answers with a short delay.
async fn under_load(receipts: u32) -> (TestEnv, Bilag, Vec<Bilag>) {
    let mut env = TestEnv::new().await;
    env.set("OMNIUM_TIMEOUT", "3s");
    env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 150 }));
    let before = env.consume(&["receipt", "render", "dead"]).await;
    let mut uploads = Vec::new();
    for _ in 0..4 {
        uploads.push(env.consume(&["upload"]).await);
    }
    for number in 1..=receipts {
        env.publish(&receipt(number)).await;
    }
    (env, before, uploads)
}

/// Never more than Omnium allows, and more than a single process would send.
fn assert_within_limits(env: &TestEnv) {
    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert!((17..=20).contains(&summary.max_in_flight), "{} at once", summary.max_in_flight);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_twenty_requests_during_a_rollout() {
    let (env, _before, mut uploads) = under_load(300).await;
    for (replaced, complete) in [20, 60, 100, 140].into_iter().enumerate() {
        env.complete(complete).await;
        let mut old = std::mem::replace(&mut uploads[replaced], env.consume(&["upload"]).await);
        old.terminate();
        let ended = eventually_within(TIMEOUT, "it has ended", async || old.has_ended()).await;
        assert_eq!(ended.code(), Some(0), "{}", old.log());
    }
    env.complete(300).await;
    assert_within_limits(&env);
    env.assert_exactly_once(1..=300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_of_a_killed_process_stay_reserved_until_timeout() {
    let (env, _before, mut uploads) = under_load(200).await;
    env.complete(20).await;
    uploads[0].kill();
    uploads.push(env.consume(&["upload"]).await);
    env.complete(200).await;
    assert_within_limits(&env);
    env.assert_exactly_once(1..=200);
}
