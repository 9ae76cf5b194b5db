//! Omnium's limits hold over all processes that share a store, whatever becomes of the processes.

use bilag_tests::{Bilag, TIMEOUT, World, eventually_within, receipt};
use sandbox::omnium::{Fault, Rule};

/// More than four processes of 16 requests each may have: Omnium answers each a little late.
async fn under_load(receipts: u32) -> (World, Bilag, Vec<Bilag>) {
    let mut world = World::new().await;
    world.set("OMNIUM_TIMEOUT", "3s");
    world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 150 }));
    let before = world.consume(&["receipt", "render", "dead"]).await;
    let mut uploads = Vec::new();
    for _ in 0..4 {
        uploads.push(world.consume(&["upload"]).await);
    }
    for number in 1..=receipts {
        world.publish(&receipt(number)).await;
    }
    (world, before, uploads)
}

/// Never more than Omnium allows, and more than one process would have by itself.
fn assert_within_limits(world: &World) {
    let summary = world.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert!((17..=20).contains(&summary.max_in_flight), "{} at once", summary.max_in_flight);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_twenty_requests_during_a_rollout() {
    let (world, _before, mut uploads) = under_load(300).await;
    for (replaced, complete) in [20, 60, 100, 140].into_iter().enumerate() {
        world.complete_within(TIMEOUT, complete).await;
        let mut old = std::mem::replace(&mut uploads[replaced], world.consume(&["upload"]).await);
        old.terminate();
        let ended = eventually_within(TIMEOUT, "it has ended", async || old.has_ended()).await;
        assert_eq!(ended.code(), Some(0), "{}", old.log());
    }
    world.complete_within(TIMEOUT, 300).await;
    assert_within_limits(&world);
    world.assert_exactly_once(1..=300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_of_a_killed_process_stay_reserved_until_timeout() {
    let (world, _before, mut uploads) = under_load(200).await;
    world.complete_within(TIMEOUT, 20).await;
    uploads[0].kill();
    uploads.push(world.consume(&["upload"]).await);
    world.complete_within(TIMEOUT, 200).await;
    assert_within_limits(&world);
    world.assert_exactly_once(1..=200);
}
