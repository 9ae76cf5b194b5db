//! Omnium, the package and the ERP each get the invoice by themselves: what is down, off, or refuses
//! it holds up no other.

use bilag_tests::{World, another_sandbox, package};
use sandbox::Sandbox;
use sandbox::erp::{Fault, Rule};
use serde_json::json;
use sync_store::State;

const PACKAGES: u64 = 6;

async fn publish(world: &World) {
    for id in 1..=PACKAGES {
        world.publish_package(&package(id)).await;
    }
}

/// How far each target has come with the receipt of a package.
async fn states(world: &World, id: u64) -> Vec<(String, String)> {
    let asked = world.sandbox.invoice_service.summary();
    world.record_states(&asked.packages[&id].receipts[0].uid).into_iter().collect()
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.map(|(target, state)| (target.to_owned(), state.to_owned())).into()
}

/// With one of the two away the other is served; back again, it is served as well.
async fn one_is_away(world: World, mut away: Sandbox, [here, gone]: [&str; 2]) -> (World, Sandbox) {
    away.stop_listening().await;
    let all = world.consume(&["all"]).await;
    publish(&world).await;
    world.records_at(here, State::Complete, PACKAGES).await;
    world.records_at(gone, State::Complete, 0).await;
    bilag_tests::eventually("the stage of the other is paused", async || {
        all.log().contains("paused: different messages fail").then_some(())
    })
    .await;
    away.listen_again().await.expect("the port is free");
    world.records_at(gone, State::Complete, PACKAGES).await;
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    (world, away)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oms_outage_delays_only_the_write_back() {
    let (mut world, oms) = (World::with_packages().await, another_sandbox().await);
    world.set("OMS_BASE_URL", &oms.oms_url());
    let (world, oms) = one_is_away(world, oms, ["omnium", "package"]).await;
    for id in 1..=PACKAGES {
        world.assert_one_invoice_with([&world.sandbox, &world.sandbox, &oms], id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_delays_only_the_upload() {
    let (mut world, omnium) = (World::with_packages().await, another_sandbox().await);
    world.set("OMNIUM_BASE_URL", &omnium.base_url());
    let (world, omnium) = one_is_away(world, omnium, ["package", "omnium"]).await;
    for id in 1..=PACKAGES {
        world.assert_one_invoice_with([&world.sandbox, &omnium, &world.sandbox], id);
    }
}

#[tokio::test]
async fn disabled_omnium_is_skipped_and_the_package_written_back() {
    let mut world = World::with_packages().await;
    world.unset("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM");
    let _all = world.consume(&["packed", "receipt", "render", "writeback", "dead"]).await;
    world.publish_package(&package(1)).await;
    world.standing(1, "written back").await;
    assert_eq!(states(&world, 1).await, pairs([("omnium", "skipped"), ("package", "complete")]));
    assert!(world.sandbox.omnium.ledger().is_empty());
    assert!(world.dead_letters().is_empty());
}

#[tokio::test]
async fn unset_oms_is_skipped_and_the_invoice_uploaded() {
    let mut world = World::with_packages().await;
    world.unset("OMS_BASE_URL");
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    world.standing(1, "issued").await;
    world.records_at("omnium", State::Complete, 1).await;
    assert_eq!(states(&world, 1).await, pairs([("omnium", "complete"), ("package", "skipped")]));
    assert_eq!(world.vhost.ready("bilag.writeback").await, None, "no queue that nobody empties");
    assert!(world.sandbox.oms.ledger().is_empty());
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erp_outage_delays_only_the_erp() {
    let (mut world, mut erp) = (World::with_packages().await, another_sandbox().await);
    world.deliver_to_erp();
    world.set("ERP_INVOICE_URL", &erp.erp_url());
    erp.stop_listening().await;
    let _all = world.consume(&["all"]).await;
    publish(&world).await;
    for target in ["omnium", "package"] {
        world.records_at(target, State::Complete, PACKAGES).await;
    }
    erp.listen_again().await.expect("the port is free");
    world.records_at("erp", State::Complete, PACKAGES).await;
    let (told, oms) = (erp.erp.summary(), world.sandbox.oms.summary());
    assert!(told.violations.is_empty(), "{:?}", told.violations);
    assert_eq!(told.invoices.len() as u64, PACKAGES);
    for invoice in told.invoices.values() {
        let id = invoice.package_id.expect("it names its package");
        assert_eq!(invoice.sha256, oms.packages[&id].sha256);
    }
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test]
async fn erp_rejection_closes_only_its_own_record() {
    let mut world = World::with_packages().await;
    world.deliver_to_erp();
    let status = 422.try_into().expect("a status");
    let body = r#"{"detail":"no such fiscal period"}"#.to_owned();
    world.sandbox.erp.add_fault(Rule::new(Fault::Body { status, body }).of_package(1));
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    let letter = world.letters(1).await.remove(0);
    assert_eq!((&letter["stage"], &letter["reason"]), (&json!("erp"), &json!("erp_rejected")));
    assert!(
        letter["error"].as_str().is_some_and(|error| error.contains("no such fiscal period")),
        "{letter}"
    );
    for target in ["omnium", "package"] {
        world.records_at(target, State::Complete, 1).await;
    }
    let expected = pairs([("erp", "dead"), ("omnium", "complete"), ("package", "complete")]);
    assert_eq!(states(&world, 1).await, expected);
    world.assert_one_invoice(1);

    world.sandbox.erp.clear_faults();
    world.move_back("erp").await;
    world.completed(1).await;
    assert_eq!(world.sandbox.erp.summary().invoices.len(), 1);
}
