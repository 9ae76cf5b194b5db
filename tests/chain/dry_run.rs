//! A dry run goes the whole way, writes nothing, and what it passed is sent once it is over.

use std::time::Duration;

use bilag_tests::{World, eventually, receipt};
use sandbox::omnium::Call;
use serde_json::Value;
use sync_store::State;

/// What was written to Omnium.
fn written(world: &World) -> usize {
    let writes = |call| matches!(call, Call::Upsert | Call::Attach);
    world.sandbox.omnium.ledger().iter().filter(|entry| writes(entry.call)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_writes_nothing_to_omnium_and_shows_what_it_would() {
    let mut world = World::new().await;
    world.set("BILAG_DRY_RUN", "true");
    let mut all = world.consume(&["all"]).await;
    for number in 1..=5 {
        world.publish(&receipt(number)).await;
    }
    eventually("all went the whole way", async || {
        (world.records(State::Skipped).await == 5 && all.log().matches("dry run: would create").count() == 5)
            .then_some(())
    })
    .await;
    assert!(all.log().contains("this is a dry run (BILAG_DRY_RUN)"), "{}", all.log());
    assert_eq!((written(&world), world.dead_letters().len()), (0, 0));
    let shown = world.ok(&["sync", "show", "1"]);
    let line = shown.lines().find(|line| line.starts_with("dry run")).expect("it is shown");
    assert!(line.contains("would create invoice rcpt-1 of 3836.50 NOK with 1.pdf ("), "{line}");
    all.kill();

    world.set("BILAG_DRY_RUN", "false");
    let mut all = world.consume(&["all"]).await;
    for number in 1..=5 {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(Duration::from_secs(60), 5).await;
    all.kill();
    assert_eq!(written(&world), 10, "each is created once and has its file once");
    let shown: Value = serde_json::from_str(&world.ok(&["sync", "show", "1", "--json"])).expect("JSON");
    assert!(shown[0]["dryRun"].is_null(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_gives_no_other_target_anything_either_and_asks_for_no_invoice() {
    let mut world = World::with_packages().await;
    world.deliver_to_erp();
    world.set("BILAG_DRY_RUN", "true");
    let all = world.start(&["consume", "all"]);
    eventually("the consumers consume", async || {
        (all.log().matches(" consuming ").count() >= 6).then_some(())
    })
    .await;
    assert!(all.log().contains("packed (BILAG_DRY_RUN"), "{}", all.log());
    let mut with_package = receipt(1);
    with_package["package"] = serde_json::json!({ "id": 73, "number": "000000073" });
    world.publish(&with_package).await;
    eventually("it went the whole way to each target", async || {
        (world.records(State::Skipped).await == 3).then_some(())
    })
    .await;
    assert_eq!(written(&world), 0);
    assert!(world.sandbox.oms.ledger().is_empty() && world.sandbox.erp.ledger().is_empty());
    assert!(world.sandbox.invoice_service.ledger().is_empty());
}
