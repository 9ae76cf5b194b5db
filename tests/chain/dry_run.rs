//! A dry run goes the whole way, writes nothing, and what it passed is sent once it is over.

use std::time::Duration;

use bilag_tests::{TIMEOUT, World, eventually, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::Value;
use sync_store::State;

/// What was written to Omnium.
fn written(world: &World) -> usize {
    let writes = |call| matches!(call, Call::Upsert | Call::Attach);
    world.sandbox.omnium.ledger().iter().filter(|entry| writes(entry.call)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_nothing_to_omnium_and_shows_what_it_would() {
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
async fn completes_an_invoice_created_before_it() {
    let mut world = World::new().await;
    // Omnium takes the invoice, and its answer is lost.
    let lost = Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: true };
    world.sandbox.omnium.add_fault(Rule::new(lost).on(Call::Upsert));
    let mut all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    eventually("the invoice is begun", async || (written(&world) > 0).then_some(())).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;
    world.sandbox.omnium.clear_faults();

    world.set("BILAG_DRY_RUN", "true");
    let mut all = world.consume(&["all"]).await;
    let found = |call| world.sandbox.omnium.ledger().iter().filter(|entry| entry.call == call).count();
    eventually("the dry run looks at it", async || (found(Call::Get) > 0).then_some(())).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;
    assert_eq!((world.records(State::Pending).await, found(Call::Attach)), (1, 0), "{}", all.log());

    // It waits in a retry queue; published again, it need not be waited for.
    world.set("BILAG_DRY_RUN", "false");
    let _all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    world.complete_within(TIMEOUT, 1).await;
    world.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_nothing_to_other_targets_or_the_invoice_service() {
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
