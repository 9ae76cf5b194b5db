//! Packed packages are invoiced: in Omnium, on the package, and in the ERP.

use std::time::Duration;

use bilag_tests::{TestEnv, eventually, package, receipt, sample};
use serde_json::{Value, json};
use sync_store::State;

#[tokio::test]
async fn packed_package_is_invoiced_and_written_back() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&sample("package-packed.json")).await;
    let round = env.wait_for_standing(73, "written back").await;
    let voucher = round["voucherNumber"].as_str().expect("a voucher").to_owned();
    eventually("Omnium has it", async || (env.records(State::Complete).await == 2).then_some(())).await;

    let asked = env.sandbox.invoice_service.summary();
    assert_eq!(asked.packages[&73].keys.keys().collect::<Vec<_>>(), ["akinon/73/1"]);
    assert_eq!(asked.packages[&73].receipts.len(), 1);
    assert!(asked.violations.is_empty(), "{:?}", asked.violations);
    let written = env.sandbox.oms.summary();
    let on_the_package = &written.packages[&73];
    assert_eq!((&on_the_package.number, on_the_package.written.len()), (&voucher, 1));
    assert!(written.violations.is_empty(), "{:?}", written.violations);
    let omnium = env.sandbox.omnium.summary();
    let invoice = &omnium.invoices[round["receipt"].as_str().expect("a receipt")];
    assert_eq!(invoice.number.as_ref(), Some(&voucher));
    assert_eq!(invoice.files[0].sha256, on_the_package.sha256, "the same document at both");
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn receipt_arriving_later_is_matched_to_its_package() {
    let env = TestEnv::with_packages_later(Duration::from_secs(1)).await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let asked = env.wait_for_standing(1, "asked").await;
    assert_eq!((&asked["round"], &asked["receipt"]), (&json!(1), &Value::Null));
    env.wait_for_standing(1, "written back").await;
    assert_eq!(env.sandbox.invoice_service.summary().packages[&1].keys["akinon/1/1"], 1);
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn repeated_events_request_one_invoice_and_other_states_none() {
    let mut env = TestEnv::with_packages().await;
    let health = bilag_tests::Health::of(&mut env);
    let _packed = env.consume(&["packed"]).await;
    let _rest = {
        env.unset("BILAG_HEALTH_ADDR");
        env.consume(&["receipt", "render", "upload", "writeback", "dead"]).await
    };
    for time in 0..5 {
        let mut event = package(1);
        event["event"]["uuid"] = json!(format!("webhook-{time}"));
        if time % 2 == 1 {
            event["event"]["type"] = json!("package.status.transitioned");
        }
        event["payload"]["state"]["modified_date"] = json!(format!("2026-11-02T09:10:{time:02}Z"));
        env.publish_package(&event).await;
    }
    for state in ["400", "550", "920"] {
        let mut event = package(2);
        event["event"]["type"] = json!("package.status.transitioned");
        event["payload"]["state"]["enum_value"] = json!(state);
        env.publish_package(&event).await;
    }
    env.wait_for_standing(1, "written back").await;
    eventually("all are handled", async || {
        let (_, page) = health.get("/readyz").await?;
        let page: Value = serde_json::from_str(&page).ok()?;
        (page["stages"][0]["handled"] == 8 && page["stages"][0]["passedOver"] == 3).then_some(())
    })
    .await;
    let asked = env.sandbox.invoice_service.summary();
    assert_eq!(asked.packages.len(), 1, "{:?}", asked.packages);
    assert_eq!(asked.packages[&1].receipts.len(), 1);
    assert_eq!(env.sandbox.oms.summary().packages[&1].times, 1);
    assert_eq!(env.rounds(1).len(), 1);
    assert!(env.rounds(2).is_empty());
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn repacked_with_other_contents_is_invoiced_under_a_new_key() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let first = env.wait_for_standing(1, "written back").await;
    let mut changed = package(1);
    changed["event"]["uuid"] = json!("packed-again");
    changed["payload"]["packageitem_set"][1]["quantity"] = json!(1);
    env.publish_package(&changed).await;
    eventually("the second round is written back", async || {
        let rounds = env.rounds(1);
        (rounds.len() == 2 && rounds[0]["standing"] == "written back").then_some(())
    })
    .await;
    // A late duplicate of the first event opens no third round.
    env.publish_package(&package(1)).await;
    env.publish_package(&package(2)).await;
    env.wait_for_standing(2, "written back").await;

    let rounds = env.rounds(1);
    assert_eq!(rounds.len(), 2);
    assert_eq!(rounds[1]["receipt"], first["receipt"]);
    let asked = env.sandbox.invoice_service.summary();
    assert_eq!(asked.packages[&1].keys.keys().collect::<Vec<_>>(), ["akinon/1/1", "akinon/1/2"]);
    assert!(asked.violations.is_empty(), "{:?}", asked.violations);
    let on_the_package = &env.sandbox.oms.summary().packages[&1];
    assert_eq!(json!(on_the_package.number), rounds[0]["voucherNumber"]);
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn receipt_of_an_unknown_package_completes_without_a_request() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    env.publish(&sample("receipt-package.json")).await;
    let round = env.wait_for_standing(73, "written back").await;
    assert_eq!((&round["round"], &round["receipt"]), (&json!(0), &json!("rcpt-3001")));
    env.publish_package(&sample("package-packed.json")).await;
    env.publish_package(&package(2)).await;
    env.wait_for_standing(2, "written back").await;
    assert_eq!(env.sandbox.invoice_service.summary().packages.keys().collect::<Vec<_>>(), [&2]);
    assert_eq!(env.sandbox.oms.summary().packages[&73].number, "3001");
    assert!(env.dead_letters().is_empty());
}

/// A till's receipt for a package.
fn receipt_of(number: u32, id: u64, package_number: &str) -> Value {
    let mut event = receipt(number);
    event["package"] = json!({ "id": id, "number": package_number });
    event
}

#[tokio::test]
async fn second_receipt_of_a_package_dies_unsent() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let round = env.wait_for_standing(1, "written back").await;
    env.publish(&receipt_of(5, 1, "000000001")).await;
    let letters = env.wait_for_dead_letters(1).await;
    assert_eq!((&letters[0]["reason"], &letters[0]["receipt"]), (&json!("second_receipt"), &json!("rcpt-5")));
    let error = letters[0]["error"].as_str().expect("an error");
    assert!(
        error.contains("akinon/1") && error.contains(round["receipt"].as_str().expect("a receipt")),
        "{error}"
    );
    let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", "rcpt-5", "--json"])).expect("JSON");
    assert_eq!(shown[0]["state"], "dead");
    assert!(!env.sandbox.omnium.summary().invoices.contains_key("rcpt-5"));
    assert_eq!(env.sandbox.oms.summary().packages[&1].written.len(), 1);
}

#[tokio::test]
async fn receipt_with_another_packages_number_dies() {
    let env = TestEnv::with_packages_later(Duration::from_secs(3600)).await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "asked").await;
    env.publish(&receipt_of(5, 1, "000000002")).await;
    let letters = env.wait_for_dead_letters(1).await;
    assert_eq!(letters[0]["reason"], "other_package");
    assert!(env.sandbox.omnium.summary().invoices.is_empty());
    // The correct receipt is still matched.
    env.publish(&receipt_of(6, 1, "000000001")).await;
    env.wait_for_standing(1, "written back").await;
}

#[tokio::test]
async fn erp_gets_only_invoices_of_packages() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.publish_package(&package(2)).await;
    eventually("all are complete", async || (env.records(State::Complete).await == 4).then_some(())).await;
    let delivered = env.sandbox.erp.summary();
    let round = env.wait_for_standing(2, "written back").await;
    let key = format!("31/{}/erp", round["receipt"].as_str().expect("a receipt"));
    assert_eq!(delivered.invoices.keys().collect::<Vec<_>>(), [&key]);
    assert!(delivered.violations.is_empty(), "{:?}", delivered.violations);
    assert_eq!(delivered.invoices[&key].sha256, env.sandbox.oms.summary().packages[&2].sha256);
}
