//! An invoice that does not come: it is asked for once more by itself, and then a person decides.

use std::time::Duration;

use bilag_tests::{World, package, told};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::Value;

/// The ids of the packages that `packages list --waiting` shows.
fn waiting(world: &World) -> Vec<u64> {
    let list: Value =
        serde_json::from_str(&world.ok(&["packages", "list", "--waiting", "--json"])).expect("JSON");
    let packages = list["packages"].as_array().expect("packages").iter();
    packages.map(|package| package["package"].as_u64().expect("an id")).collect()
}

/// How often the service was asked for a package, which was under its one key.
fn asked(world: &World, id: u64) -> u64 {
    let asked = world.sandbox.invoice_service.summary();
    let keys = &asked.packages[&id].keys;
    assert_eq!(keys.keys().collect::<Vec<_>>(), [&format!("akinon/{id}/1")]);
    keys.values().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_receipt_is_requested_once_more_then_manually() {
    let mut world = World::with_packages_later(Duration::ZERO).await;
    world.set("INVOICE_SERVICE_PATIENCE", "1s");
    world.set("BILAG_RECONCILE_EVERY", "200ms");
    world.sandbox.invoice_service.add_fault(Rule::new(Fault::Lose));
    // Two who could each ask once more.
    let _all = world.consume(&["all"]).await;
    let _other = world.consume(&["packed"]).await;
    world.publish_package(&package(1)).await;
    world.standing(1, "waiting").await;
    assert_eq!(asked(&world, 1), 2);
    assert_eq!(waiting(&world), [1]);
    let shown = world.ok(&["packages", "show", "1"]);
    assert!(shown.contains("waiting") && shown.contains("bilag packages ask 1"), "{shown}");

    // As long again, many times over for the cycle: the first is left to a person.
    world.publish_package(&package(2)).await;
    world.standing(2, "waiting").await;
    assert_eq!((asked(&world, 1), asked(&world, 2)), (2, 2));

    world.sandbox.invoice_service.clear_faults();
    world.ok(&["packages", "ask", "1"]);
    world.completed(1).await;
    assert_eq!(asked(&world, 1), 3);
    world.assert_one_invoice(1);
    assert_eq!(waiting(&world), [2]);
    let (code, _, error) = told(&world.run(&["packages", "ask", "1"]));
    assert_eq!(code, 1);
    assert!(error.contains("akinon/1") && error.contains("it has a receipt"), "{error}");
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_request_yields_one_receipt_for_two_answers() {
    let mut world = World::with_packages_later(Duration::from_secs(3)).await;
    world.set("INVOICE_SERVICE_PATIENCE", "1s");
    world.set("BILAG_RECONCILE_EVERY", "200ms");
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    world.standing(1, "waiting").await;
    world.completed(1).await;
    bilag_tests::eventually("both answers were published", async || {
        let asked = world.sandbox.invoice_service.summary();
        (asked.packages[&1].receipts[0].published == 2).then_some(())
    })
    .await;
    bilag_tests::eventually("the second was heard", async || {
        (world.vhost.ready("bilag.receipt").await == Some(0)).then_some(())
    })
    .await;
    assert_eq!(asked(&world, 1), 2);
    world.assert_one_invoice(1);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}
