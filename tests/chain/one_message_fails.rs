//! Messages that fail while the others pass: they die alone, and stop nobody.

use std::collections::BTreeMap;

use bilag_tests::{TIMEOUT, World, eventually_within, receipt};
use sandbox::omnium::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn always(status: u16) -> Rule {
    let status = status.try_into().expect("a status");
    Rule::new(Fault::Status { status, retry_after: None, done: false })
}

async fn dead(world: &World, count: u64) {
    eventually_within(TIMEOUT, &format!("{count} are dead"), async || {
        (world.records(State::Dead).await == count).then_some(())
    })
    .await;
}

/// The reasons of the dead letters, by how many have each.
fn reasons(world: &World) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for letter in world.dead_letters() {
        assert_eq!(letter["stage"], "upload", "{letter}");
        *reasons.entry(letter["reason"].as_str().expect("a reason").to_owned()).or_default() += 1;
    }
    reasons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoice_that_always_gets_500_dies_alone() {
    let world = World::new().await;
    world.sandbox.omnium.add_fault(Rule { invoice_id: Some("rcpt-50".to_owned()), ..always(500) });
    let all = world.consume(&["all"]).await;
    for number in 1..=101 {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, 100).await;
    dead(&world, 1).await;

    assert_eq!(reasons(&world), BTreeMap::from([("retries_exhausted".to_owned(), 1)]));
    assert!(world.dead_letters()[0].to_string().contains("rcpt-50"));
    assert!(!all.log().contains("paused:"), "{}", all.log());
    world.assert_exactly_once((1..=101).filter(|number| *number != 50));
}

fn of_store(store: &str, number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["order"]["store"]["uid"] = json!(store);
    event
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forbidden_store_affects_only_its_own_receipts() {
    const FORBIDDEN: u32 = 30;
    let world = World::new().await;
    world.sandbox.omnium.add_fault(Rule { store_id: Some("closed".to_owned()), ..always(403) });
    let _all = world.consume(&["all"]).await;
    for number in 1..=FORBIDDEN {
        world.publish(&of_store("open", 100 + number)).await;
        world.publish(&of_store("closed", number)).await;
    }
    // The open store goes on selling meanwhile.
    let mut last = 100 + FORBIDDEN;
    eventually_within(TIMEOUT, "the forbidden ones are dead", async || {
        last += 1;
        world.publish(&of_store("open", last)).await;
        (world.records(State::Dead).await == u64::from(FORBIDDEN)).then_some(())
    })
    .await;
    world.complete_within(TIMEOUT, u64::from(last - 100)).await;

    assert_eq!(reasons(&world), BTreeMap::from([("omnium_forbidden".to_owned(), 30)]));
    world.assert_exactly_once(101..=last);
}
