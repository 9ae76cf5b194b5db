//! Processes are killed between a call and what follows from it, or are two of a kind: still one key,
//! one receipt and one invoice.

use bilag_tests::{TIMEOUT, World, eventually, eventually_within, package, transitioned};
use serde_json::json;
use sync_store::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_request_repeats_the_same_key() {
    use sandbox::invoice_service::{Fault, Rule};
    let world = World::with_packages().await;
    world.sandbox.invoice_service.add_fault(Rule::new(Fault::SlowAnswer { ms: 900 }).times(1));
    world.ok(&["topology", "apply"]);
    let _rest = world.consume(&["receipt", "render", "upload", "writeback", "dead"]).await;
    let mut packed = world.consume(&["packed"]).await;
    world.publish_package(&package(1)).await;
    eventually("the service is asked and has made the invoice", async || {
        let asked = world.sandbox.invoice_service.summary();
        (!asked.packages.get(&1)?.receipts.is_empty()).then_some(())
    })
    .await;
    packed.kill();
    assert_eq!(world.rounds(1)[0]["state"], "asking");
    assert!(world.sandbox.omnium.ledger().is_empty(), "nothing followed");

    let _again = world.consume(&["packed"]).await;
    world.completed(1).await;
    world.assert_one_invoice(1);
    assert_eq!(world.sandbox.invoice_service.summary().packages[&1].keys["akinon/1/1"], 2);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_write_back_repeats_it_unchanged() {
    use sandbox::oms::{Fault, Rule};
    let world = World::with_packages().await;
    world.sandbox.oms.add_fault(Rule::new(Fault::SlowAnswer { ms: 900 }).times(1));
    world.ok(&["topology", "apply"]);
    let _rest = world.consume(&["packed", "receipt", "render", "upload", "dead"]).await;
    let mut writeback = world.consume(&["writeback"]).await;
    world.publish_package(&package(1)).await;
    eventually("the package is written", async || {
        world.sandbox.oms.summary().packages.contains_key(&1).then_some(())
    })
    .await;
    writeback.kill();
    assert_eq!(world.rounds(1)[0]["writtenBack"], "attaching");

    let _again = world.consume(&["writeback"]).await;
    world.completed(1).await;
    world.assert_one_invoice(1);
    assert_eq!(world.sandbox.oms.summary().packages[&1].times, 2);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicate_consumers_and_events_invoice_each_package_once() {
    const PACKAGES: u64 = 20;
    let mut world = World::with_packages().await;
    world.deliver_to_erp();
    let _one = world.consume(&["all"]).await;
    let _other = world.consume(&["all"]).await;
    for id in 1..=PACKAGES {
        for time in 0..3 {
            for mut event in [package(id), transitioned(id)] {
                let uuid = event["event"]["uuid"].as_str().expect("a uuid").to_owned();
                event["event"]["uuid"] = json!(format!("{uuid}-{time}"));
                world.publish_package(&event).await;
            }
        }
    }
    for target in ["omnium", "package", "erp"] {
        world.records_at(target, State::Complete, PACKAGES).await;
    }
    eventually_within(TIMEOUT, "every queue is empty", async || {
        let queues = world.vhost.get("queues/{vhost}").await;
        let queues = queues.as_array().cloned().unwrap_or_default();
        (!queues.is_empty() && queues.iter().all(|queue| queue["messages"] == 0)).then_some(())
    })
    .await;
    for id in 1..=PACKAGES {
        world.assert_one_invoice(id);
        assert_eq!(world.rounds(id).len(), 1);
    }
    let erp = world.sandbox.erp.summary();
    assert!(erp.violations.is_empty(), "{:?}", erp.violations);
    assert_eq!(erp.invoices.len() as u64, PACKAGES);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}
