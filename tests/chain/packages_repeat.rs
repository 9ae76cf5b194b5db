//! An invoice that does not arrive: it is requested once more automatically, then a person decides.

use std::time::Duration;

use bilag_tests::{TestEnv, exit_output, package};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::Value;

/// Package ids from `bilag packages list --waiting`.
fn waiting(env: &TestEnv) -> Vec<u64> {
    let list: Value =
        serde_json::from_str(&env.ok(&["packages", "list", "--waiting", "--json"])).expect("JSON");
    let packages = list["packages"].as_array().expect("packages").iter();
    packages.map(|package| package["package"].as_u64().expect("an id")).collect()
}

/// The number of requests for a package, all under its one key.
fn asked(env: &TestEnv, id: u64) -> u64 {
    let asked = env.sandbox.invoice_service.summary();
    let keys = &asked.packages[&id].keys;
    assert_eq!(keys.keys().collect::<Vec<_>>(), [&format!("akinon/{id}/1")]);
    keys.values().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_receipt_is_requested_once_more_then_manually() {
    let mut env = TestEnv::with_packages_later(Duration::ZERO).await;
    env.set("INVOICE_SERVICE_PATIENCE", "1s");
    env.set("BILAG_RECONCILE_EVERY", "200ms");
    env.sandbox.invoice_service.add_fault(Rule::new(Fault::Lose));
    // Two processes that could each repeat the request.
    let _all = env.consume(&["all"]).await;
    let _other = env.consume(&["packed"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "waiting").await;
    assert_eq!(asked(&env, 1), 2);
    assert_eq!(waiting(&env), [1]);
    let shown = env.ok(&["packages", "show", "1"]);
    assert!(shown.contains("waiting") && shown.contains("bilag packages ask 1"), "{shown}");

    // Much longer than the interval of the cycle: the first is left to a person.
    env.publish_package(&package(2)).await;
    env.wait_for_standing(2, "waiting").await;
    assert_eq!((asked(&env, 1), asked(&env, 2)), (2, 2));

    env.sandbox.invoice_service.clear_faults();
    env.ok(&["packages", "ask", "1"]);
    env.wait_until_invoiced(1).await;
    assert_eq!(asked(&env, 1), 3);
    env.assert_one_invoice(1);
    assert_eq!(waiting(&env), [2]);
    let (code, _, error) = exit_output(&env.run(&["packages", "ask", "1"]));
    assert_eq!(code, 1);
    assert!(error.contains("akinon/1") && error.contains("it has a receipt"), "{error}");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_request_yields_one_receipt_for_two_answers() {
    let mut env = TestEnv::with_packages_later(Duration::from_secs(3)).await;
    env.set("INVOICE_SERVICE_PATIENCE", "1s");
    env.set("BILAG_RECONCILE_EVERY", "200ms");
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "waiting").await;
    env.wait_until_invoiced(1).await;
    bilag_tests::eventually("both answers were published", async || {
        let asked = env.sandbox.invoice_service.summary();
        (asked.packages[&1].receipts[0].published == 2).then_some(())
    })
    .await;
    bilag_tests::eventually("the second was received", async || {
        (env.vhost.ready("bilag.receipt").await == Some(0)).then_some(())
    })
    .await;
    assert_eq!(asked(&env, 1), 2);
    env.assert_one_invoice(1);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}
