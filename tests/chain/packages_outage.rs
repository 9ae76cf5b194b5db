//! The invoice service is down, or rejects the credentials: the packed stage pauses and probes, nothing dies,
//! receipts of tills complete meanwhile, and the stage resumes by itself.

use bilag_tests::{Bilag, Health, TestEnv, eventually, package, receipt, second_sandbox};
use sandbox::Sandbox;
use sandbox::invoice_service::{Fault, Rule};
use serde_json::json;
use sync_store::State;

const PACKAGES: u64 = 20;

/// An environment with the invoice service on its own port, and two attempts per message: an
/// outage that spent attempts would kill them.
async fn test_env() -> (TestEnv, Health, Sandbox) {
    let mut env = TestEnv::with_packages().await;
    env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut env);
    let service = second_sandbox().await;
    env.set("INVOICE_SERVICE_URL", &service.invoice_service_url());
    (env, health, service)
}

/// Publishes packages and receipts while the service is down.
async fn publish_during_outage(env: &TestEnv) {
    for number in 1..=PACKAGES {
        env.publish_package(&package(number)).await;
        env.publish(&receipt(u32::try_from(number).expect("not that many"))).await;
    }
}

/// Waits until the packed stage is paused and the tills' receipts are in Omnium; returns the reason.
async fn paused(env: &TestEnv, health: &Health) -> String {
    let why = eventually("/readyz shows since when and why packed is paused", async || {
        let pause = health.stage("packed").await?["pause"].clone();
        pause["since"].as_str()?;
        pause["why"].as_str().map(str::to_owned)
    })
    .await;
    env.wait_for_records("omnium", State::Complete, PACKAGES).await;
    assert!(health.stage("packed").await.expect("it runs")["pause"]["since"].is_string(), "it still is");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    why
}

/// Every package has exactly one invoice, and nothing died.
async fn back(env: &TestEnv, all: &Bilag, service: &Sandbox) {
    env.wait_for_records("package", State::Complete, PACKAGES).await;
    env.wait_for_records("omnium", State::Complete, 2 * PACKAGES).await;
    for id in 1..=PACKAGES {
        env.assert_one_invoice_with([service, &env.sandbox, &env.sandbox], id);
    }
    for reported in ["paused: different messages fail", "resumed: a probe succeeded"] {
        assert_eq!(all.log().matches(reported).count(), 1, "{reported}:\n{}", all.log());
    }
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

/// Waits for more probes than there are attempts, each of another package.
async fn probes(service: &Sandbox, from: usize) {
    eventually("more probes than there are attempts", async || {
        let ledger = service.invoice_service.ledger();
        let mut packages: Vec<_> =
            ledger.iter().skip(from).filter_map(|entry| entry.about.subject.package_id).collect();
        packages.dedup();
        (packages.len() >= 4).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoice_service_outage_loses_nothing() {
    let (env, health, mut service) = test_env().await;
    service.stop_listening().await;
    let all = env.consume(&["all"]).await;
    publish_during_outage(&env).await;
    let why = paused(&env, &health).await;
    assert!(why.contains("the invoice service cannot be reached; check INVOICE_SERVICE_URL"), "{why}");

    let status = 503.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    service.listen_again().await.expect("the port is free");
    probes(&service, 0).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    service.invoice_service.clear_faults();
    back(&env, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_credentials_pause_until_accepted() {
    let (env, health, service) = test_env().await;
    let status = 401.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let all = env.consume(&["all"]).await;
    publish_during_outage(&env).await;
    let why = paused(&env, &health).await;
    assert!(why.contains("check INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD"), "{why}");
    probes(&service, service.invoice_service.ledger().len()).await;
    service.invoice_service.clear_faults();
    back(&env, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn html_page_instead_of_the_service_pauses_the_stage() {
    let (env, health, service) = test_env().await;
    let (status, body) =
        (200.try_into().expect("a status"), "<!doctype html><title>Sign in</title>".to_owned());
    service.invoice_service.add_fault(Rule::new(Fault::Body { status, body }));
    let all = env.consume(&["all"]).await;
    publish_during_outage(&env).await;
    let why = paused(&env, &health).await;
    assert!(why.contains("what answered is not the invoice service"), "{why}");
    assert!(!why.contains("Sign in"), "{why}");
    probes(&service, service.invoice_service.ledger().len()).await;
    service.invoice_service.clear_faults();
    back(&env, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_missing_for_all_pauses_the_stage() {
    let (env, health, service) = test_env().await;
    let status = 403.try_into().expect("a status");
    service.invoice_service.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let all = env.consume(&["all"]).await;
    publish_during_outage(&env).await;
    let why = paused(&env, &health).await;
    assert!(why.contains("the invoice service forbids this"), "{why}");
    service.invoice_service.clear_faults();
    back(&env, &all, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repacking_during_an_outage_requests_only_the_latest() {
    let (env, _health, mut service) = test_env().await;
    service.stop_listening().await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "asking").await;
    let mut again = package(1);
    again["event"]["uuid"] = json!("packed-again");
    again["payload"]["packageitem_set"][1]["quantity"] = json!(1);
    env.publish_package(&again).await;
    eventually("the first packing is superseded", async || {
        (env.rounds(1).last()?["standing"] == "superseded").then_some(())
    })
    .await;
    service.listen_again().await.expect("the port is free");
    let newest = env.wait_until_invoiced(1).await;
    assert_eq!(newest["round"], 2, "the receipt belongs to the requested packing");
    let asked = service.invoice_service.summary();
    assert_eq!(asked.packages[&1].keys.keys().collect::<Vec<_>>(), ["akinon/1/2"]);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}
