//! Omnium is away, or lets nobody in: the upload stage pauses and probes, nothing dies, and work goes
//! on by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use bilag_tests::{Bilag, Health, TIMEOUT, World, eventually, eventually_within, receipt};
use sandbox::omnium::{Call, Fault, Rule};

/// The promise: so soon after Omnium is back, work goes on.
const PROMISED: Duration = Duration::from_secs(10);

fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after, done: false }
}

/// A world whose messages have two attempts: an outage that spent any would leave nothing alive.
async fn world_with_two_attempts() -> (World, Health) {
    let mut world = World::new().await;
    world.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut world);
    (world, health)
}

async fn publish(world: &World, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        world.publish(&receipt(number)).await;
    }
}

/// Why the upload stage is paused, once it is.
async fn paused(health: &Health) -> String {
    eventually("/readyz says since when and why upload is paused", async || {
        let pause = health.stage("upload").await?["pause"].clone();
        pause["since"].as_str()?;
        pause["why"].as_str().map(str::to_owned)
    })
    .await
}

/// The invoices that calls of a kind were about, in the order of the calls, from the `from`th on.
fn asked(world: &World, call: Call, from: usize) -> Vec<String> {
    let ledger = world.sandbox.omnium.ledger();
    let calls = ledger.into_iter().skip(from).filter(|entry| entry.call == call);
    calls.filter_map(|entry| entry.about.invoice_id).collect()
}

fn assert_paused_once(all: &Bilag) {
    for told in ["paused: different messages fail", "resumed: a probe succeeded"] {
        assert_eq!(all.log().matches(told).count(), 1, "{told}:\n{}", all.log());
    }
}

fn assert_nothing_died(world: &World) {
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_pauses_and_kills_no_message() {
    let (mut world, health) = world_with_two_attempts().await;
    let all = world.consume(&["all"]).await;
    publish(&world, 1..=20).await;
    // All of them: a call that is cut off may have happened, and spends an attempt.
    world.complete_within(TIMEOUT, 20).await;

    world.sandbox.stop_listening().await;
    publish(&world, 21..=60).await;
    let why = paused(&health).await;
    assert!(why.contains("Omnium cannot be reached"), "{why}");
    assert_eq!(health.ready().await.expect("it answers").0, 200, "a pause is shown, not unready");
    eventually("what was in flight is put aside", async || {
        (health.stage("upload").await?["inHand"] == 0).then_some(())
    })
    .await;
    let parked = eventually("messages are in the retry queue or back from it", async || {
        let peeked = world.vhost.peek("bilag.upload", 100).await;
        (peeked.len() >= 3).then_some(peeked)
    })
    .await;
    assert!(parked.iter().all(|message| message.attempt() == 0), "an attempt was spent");

    let before = world.sandbox.omnium.ledger().len();
    world.sandbox.omnium.add_fault(Rule::new(status(503, None)));
    world.sandbox.listen_again().await.expect("the port is free");
    publish(&world, 61..=80).await;
    // The token is still good: each probe is an upsert of another invoice.
    let probes = eventually_within(TIMEOUT, "more probes than there are attempts", async || {
        let probes = asked(&world, Call::Upsert, before);
        (probes.len() >= 5).then_some(probes)
    })
    .await;
    assert_eq!(probes.iter().collect::<BTreeSet<_>>().len(), probes.len(), "{probes:?}");
    assert_nothing_died(&world);

    let in_doubt = asked(&world, Call::Upsert, before).len();
    world.sandbox.omnium.clear_faults();
    let at_once = 80 - u64::try_from(in_doubt).expect("not that many") - 1;
    world.complete_within(PROMISED, at_once).await;
    // Whether the probes that a gateway answered are being executed is not known: those wait for
    // their leases.
    world.complete_within(TIMEOUT, 80).await;
    assert_paused_once(&all);
    assert_nothing_died(&world);
    world.assert_exactly_once(1..=80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_credentials_pause_until_they_work_again() {
    let (world, health) = world_with_two_attempts().await;
    let all = world.consume(&["all"]).await;
    publish(&world, 1..=1).await;
    world.complete_within(TIMEOUT, 1).await;

    world.sandbox.omnium.revoke_tokens();
    world.sandbox.omnium.add_fault(Rule::new(status(401, None)).on(Call::Token));
    publish(&world, 2..=60).await;
    let why = paused(&health).await;
    assert!(why.contains("OMNIUM_CLIENT_SECRET"), "{why}");
    let before = world.sandbox.omnium.ledger().len();
    eventually("more probes than there are attempts", async || {
        let ledger = world.sandbox.omnium.ledger();
        let refused = ledger.iter().skip(before).filter(|entry| entry.call == Call::Token).count();
        (refused >= 5).then_some(())
    })
    .await;
    assert_nothing_died(&world);

    world.sandbox.omnium.clear_faults();
    world.complete_within(PROMISED, 60).await;
    assert_paused_once(&all);
    assert_nothing_died(&world);
    world.assert_exactly_once(1..=60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_missing_for_all_pauses_the_stage() {
    let (world, health) = world_with_two_attempts().await;
    for call in [Call::Upsert, Call::Attach, Call::Get] {
        world.sandbox.omnium.add_fault(Rule::new(status(403, None)).on(call));
    }
    let all = world.consume(&["all"]).await;
    publish(&world, 1..=60).await;
    let why = paused(&health).await;
    assert!(why.contains("forbids"), "{why}");
    let before = world.sandbox.omnium.ledger().len();
    let probes = eventually("more probes than there are attempts", async || {
        let probes = asked(&world, Call::Upsert, before);
        (probes.len() >= 5).then_some(probes)
    })
    .await;
    assert_eq!(probes.iter().collect::<BTreeSet<_>>().len(), probes.len(), "{probes:?}");
    assert_nothing_died(&world);

    world.sandbox.omnium.clear_faults();
    world.complete_within(PROMISED, 60).await;
    assert_paused_once(&all);
    assert_nothing_died(&world);
    world.assert_exactly_once(1..=60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_honours_a_429() {
    const SECONDS: u64 = 3;
    let mut world = World::new().await;
    world.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    // One request at a time, so that none is on its way while another is answered.
    world.set("OMNIUM_MAX_CONCURRENT_REQUESTS", "1");
    let throttled = || Rule::new(status(429, Some(SECONDS))).times(1);
    world.sandbox.omnium.add_fault(throttled().on(Call::Upsert));
    world.sandbox.omnium.add_fault(throttled().on(Call::Attach));
    world.sandbox.omnium.add_fault(throttled().on(Call::Token));
    let all = world.consume(&["all"]).await;
    publish(&world, 1..=20).await;
    world.complete_within(TIMEOUT, 20).await;

    let ledger = world.sandbox.omnium.ledger();
    let mut obeyed = 0;
    for (entry, next) in ledger.iter().zip(ledger.iter().skip(1)) {
        if entry.status == Some(429) {
            assert!(next.at_ms - entry.at_ms >= SECONDS * 1_000, "{entry:?} then {next:?}");
            obeyed += 1;
        }
    }
    assert_eq!(obeyed, 3);
    assert!(!all.log().contains("paused:"), "{}", all.log());
    assert_nothing_died(&world);
    world.assert_exactly_once(1..=20);
}
