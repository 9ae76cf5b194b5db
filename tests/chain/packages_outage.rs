//! The invoice service is away, or lets nobody in: the packed stage pauses and probes, nothing dies,
//! receipts of tills go their way meanwhile, and work goes on by itself.

use bilag_tests::{Bilag, Health, World, another_sandbox, eventually, package, receipt};
use sandbox::Sandbox;
use sandbox::invoice_service::{Fault, Rule};
use serde_json::json;
use sync_store::State;

const PACKAGES: u64 = 20;

/// A world whose invoice service is on a port of its own, and whose messages have two attempts: an
/// outage that spent any would leave nothing alive.
async fn world() -> (World, Health, Sandbox) {
    let mut world = World::with_packages().await;
    world.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut world);
    let service = another_sandbox().await;
    world.set("INVOICE_SERVICE_URL", &service.invoice_service_url());
    (world, health, service)
}

/// Packages and receipts are published while the service is away.
async fn meanwhile(world: &World) {
    for number in 1..=PACKAGES {
        world.publish_package(&package(number)).await;
        world.publish(&receipt(u32::try_from(number).expect("not that many"))).await;
    }
}

/// Why the packed stage is paused, once it is; and the tills' receipts are in Omnium all the same.
async fn paused(world: &World, health: &Health) -> String {
    let why = eventually("/readyz says since when and why packed is paused", async || {
        let pause = health.stage("packed").await?["pause"].clone();
        pause["since"].as_str()?;
        pause["why"].as_str().map(str::to_owned)
    })
    .await;
    world.records_at("omnium", State::Complete, PACKAGES).await;
    assert!(health.stage("packed").await.expect("it runs")["pause"]["since"].is_string(), "it still is");
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    why
}

/// Every package has its one invoice, and nothing died.
async fn back(world: &World, all: &Bilag, service: &Sandbox) {
    world.records_at("package", State::Complete, PACKAGES).await;
    world.records_at("omnium", State::Complete, 2 * PACKAGES).await;
    for id in 1..=PACKAGES {
        world.assert_one_invoice_with([service, &world.sandbox, &world.sandbox], id);
    }
    for told in ["paused: different messages fail", "resumed: a probe succeeded"] {
        assert_eq!(all.log().matches(told).count(), 1, "{told}:\n{}", all.log());
    }
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

/// More probes than there are attempts, each by another package.
async fn probes(service: &Sandbox, from: usize) {
    eventually("more probes than there are attempts", async || {
        let ledger = service.invoice_service.ledger();
        let mut packages: Vec<_> =
            ledger.iter().skip(from).filter_map(|entry| entry.about.package_id).collect();
        packages.dedup();
        (packages.len() >= 4).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoice_service_outage_loses_nothing() {
    let (world, health, mut service) = world().await;
    service.stop_listening().await;
    let all = world.consume(&["all"]).await;
    meanwhile(&world).await;
    let why = paused(&world, &health).await;
    assert!(why.contains("the invoice service cannot be reached; check INVOICE_SERVICE_URL"), "{why}");

    let status = 503.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    service.listen_again().await.expect("the port is free");
    probes(&service, 0).await;
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    service.invoice_service.clear_faults();
    back(&world, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_credentials_pause_until_accepted() {
    let (world, health, service) = world().await;
    let status = 401.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let all = world.consume(&["all"]).await;
    meanwhile(&world).await;
    let why = paused(&world, &health).await;
    assert!(why.contains("check INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD"), "{why}");
    probes(&service, service.invoice_service.ledger().len()).await;
    service.invoice_service.clear_faults();
    back(&world, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_page_instead_of_the_service_pauses_the_stage() {
    let (world, health, service) = world().await;
    let (status, body) =
        (200.try_into().expect("a status"), "<!doctype html><title>Sign in</title>".to_owned());
    service.invoice_service.add_fault(Rule::new(Fault::Body { status, body }));
    let all = world.consume(&["all"]).await;
    meanwhile(&world).await;
    let why = paused(&world, &health).await;
    assert!(why.contains("what answered is not the invoice service"), "{why}");
    assert!(!why.contains("Sign in"), "{why}");
    probes(&service, service.invoice_service.ledger().len()).await;
    service.invoice_service.clear_faults();
    back(&world, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_missing_for_all_pauses_the_stage() {
    let (world, health, service) = world().await;
    let status = 403.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let all = world.consume(&["all"]).await;
    meanwhile(&world).await;
    let why = paused(&world, &health).await;
    assert!(why.contains("the invoice service forbids this"), "{why}");
    service.invoice_service.clear_faults();
    back(&world, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repacking_during_an_outage_requests_only_the_latest() {
    let (world, _health, mut service) = world().await;
    service.stop_listening().await;
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    world.standing(1, "asking").await;
    let mut again = package(1);
    again["event"]["uuid"] = json!("packed-again");
    again["payload"]["packageitem_set"][1]["quantity"] = json!(1);
    world.publish_package(&again).await;
    eventually("the first packing is superseded", async || {
        (world.rounds(1).last()?["standing"] == "superseded").then_some(())
    })
    .await;
    service.listen_again().await.expect("the port is free");
    let newest = world.completed(1).await;
    assert_eq!(newest["round"], 2, "the receipt is that of the packing that was asked for");
    let asked = service.invoice_service.summary();
    assert_eq!(asked.packages[&1].keys.keys().collect::<Vec<_>>(), ["akinon/1/2"]);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}
