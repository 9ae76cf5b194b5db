//! Omnium, the package and the ERP each get the invoice independently: a target that is down, disabled or
//! rejects it delays no other.

use bilag_tests::{TestEnv, package, sample, second_sandbox};
use sandbox::Sandbox;
use sandbox::erp::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

const PACKAGES: u64 = 6;

async fn publish(env: &TestEnv) {
    for id in 1..=PACKAGES {
        env.publish_package(&package(id)).await;
    }
}

/// The state at each target of a package's receipt.
async fn states(env: &TestEnv, id: u64) -> Vec<(String, String)> {
    let asked = env.sandbox.invoice_service.summary();
    env.record_states(&asked.packages[&id].receipts[0].uid).into_iter().collect()
}

fn pairs<const N: usize>(expected: [(&str, &str); N]) -> Vec<(String, String)> {
    expected.map(|(target, state)| (target.to_owned(), state.to_owned())).into()
}

/// While one of two targets is down the other is served; once it is up again, so is it.
async fn outage_of_one_target(
    env: TestEnv,
    mut away: Sandbox,
    [here, gone]: [&str; 2],
) -> (TestEnv, Sandbox) {
    away.stop_listening().await;
    let all = env.consume(&["all"]).await;
    publish(&env).await;
    env.wait_for_records(here, State::Complete, PACKAGES).await;
    env.wait_for_records(gone, State::Complete, 0).await;
    bilag_tests::eventually("the stage of the other is paused", async || {
        all.log().contains("paused: different messages fail").then_some(())
    })
    .await;
    away.listen_again().await.expect("the port is free");
    env.wait_for_records(gone, State::Complete, PACKAGES).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    (env, away)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oms_outage_delays_only_the_write_back() {
    let (mut env, oms) = (TestEnv::with_packages().await, second_sandbox().await);
    env.set("OMS_BASE_URL", &oms.oms_url());
    let (env, oms) = outage_of_one_target(env, oms, ["omnium", "package"]).await;
    for id in 1..=PACKAGES {
        env.assert_one_invoice_with([&env.sandbox, &env.sandbox, &oms], id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_delays_only_the_upload() {
    let (mut env, omnium) = (TestEnv::with_packages().await, second_sandbox().await);
    env.set("OMNIUM_BASE_URL", &omnium.base_url());
    let (env, omnium) = outage_of_one_target(env, omnium, ["package", "omnium"]).await;
    for id in 1..=PACKAGES {
        env.assert_one_invoice_with([&env.sandbox, &omnium, &env.sandbox], id);
    }
}

#[tokio::test]
async fn disabled_omnium_is_skipped_and_the_package_written_back() {
    let mut env = TestEnv::with_packages().await;
    env.unset("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM");
    let _all = env.consume(&["packed", "receipt", "render", "writeback", "dead"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "written back").await;
    assert_eq!(states(&env, 1).await, pairs([("omnium", "skipped"), ("package", "complete")]));
    assert!(env.sandbox.omnium.ledger().is_empty());
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn unset_oms_is_skipped_and_the_invoice_uploaded() {
    let mut env = TestEnv::with_packages().await;
    env.unset("OMS_BASE_URL");
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    env.wait_for_standing(1, "issued").await;
    env.wait_for_records("omnium", State::Complete, 1).await;
    assert_eq!(states(&env, 1).await, pairs([("omnium", "complete"), ("package", "skipped")]));
    assert_eq!(env.vhost.ready("bilag.writeback").await, None, "no queue without a consumer");
    assert!(env.sandbox.oms.ledger().is_empty());
    assert!(env.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erp_outage_delays_only_the_erp() {
    let (mut env, mut erp) = (TestEnv::with_packages().await, second_sandbox().await);
    env.enable_erp();
    env.set("ERP_INVOICE_URL", &erp.erp_url());
    erp.stop_listening().await;
    let _all = env.consume(&["all"]).await;
    publish(&env).await;
    for target in ["omnium", "package"] {
        env.wait_for_records(target, State::Complete, PACKAGES).await;
    }
    erp.listen_again().await.expect("the port is free");
    env.wait_for_records("erp", State::Complete, PACKAGES).await;
    let (reported, oms) = (erp.erp.summary(), env.sandbox.oms.summary());
    assert!(reported.violations.is_empty(), "{:?}", reported.violations);
    assert_eq!(reported.invoices.len() as u64, PACKAGES);
    for invoice in reported.invoices.values() {
        let id = invoice.package_id.expect("it names its package");
        assert_eq!(invoice.sha256, oms.packages[&id].sha256);
    }
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test]
async fn erp_rejection_closes_only_its_own_record() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let status = 422.try_into().expect("a status");
    let body = r#"{"detail":"no such fiscal period"}"#.to_owned();
    env.sandbox.erp.add_fault(Rule::new(Fault::Body { status, body }).of_package(1));
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    assert_eq!((&letter["stage"], &letter["reason"]), (&json!("erp"), &json!("erp_rejected")));
    assert!(
        letter["error"].as_str().is_some_and(|error| error.contains("no such fiscal period")),
        "{letter}"
    );
    for target in ["omnium", "package"] {
        env.wait_for_records(target, State::Complete, 1).await;
    }
    let expected = pairs([("erp", "dead"), ("omnium", "complete"), ("package", "complete")]);
    assert_eq!(states(&env, 1).await, expected);
    env.assert_one_invoice(1);

    env.sandbox.erp.clear_faults();
    env.move_back("erp").await;
    env.wait_until_invoiced(1).await;
    assert_eq!(env.sandbox.erp.summary().invoices.len(), 1);
}

/// The ERP gets the e-invoice in the PDF if asked for, and Omnium takes what an invoice says beyond Flow's page.
#[tokio::test]
async fn targets_get_what_is_asked_for_beyond_the_default() {
    let mut env = TestEnv::new().await;
    env.enable_erp();
    env.set("ERP_EN16931", "cii");
    let extras = "isCreditNote,kid,referencedVoucherNumber,invoiceType,amountRoundoff,invoiceSenderAddress,externalIds";
    env.set("OMNIUM_INVOICE_EXTRAS", extras);
    let mut receipt = sample("receipt-b2b.json");
    receipt["package"] = json!({ "id": 73, "number": "P-73" });
    receipt["orderReceipt"]["issuer"] = json!({
        "legalName": "Fjällräv Handel AB", "legalId": "556000-1111", "vatId": "SE556000111101",
        "address": { "address": "Sveavägen 44", "postalCode": "111 34", "city": "Stockholm", "countryCode": "SE" },
    });
    receipt["orderReceipt"]["dueDate"] = json!("2026-12-02");
    let file = env.file("receipt.json", receipt.to_string()).display().to_string();
    let mapped: Value = serde_json::from_str(&env.ok(&["map", &file])).expect("JSON");
    assert_eq!(mapped["externalIds"], json!([{ "id": "73", "providerName": "Akinon" }]), "{mapped}");
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt).await;
    for target in ["erp", "omnium"] {
        env.wait_for_records(target, State::Complete, 1).await;
    }
    let (omnium, erp) = (env.sandbox.omnium.summary(), env.sandbox.erp.summary());
    assert!(omnium.violations.is_empty() && erp.violations.is_empty(), "{omnium:?} {erp:?}");
    let delivered = erp.invoices.values().next().expect("an invoice");
    let e_invoice = delivered.e_invoice.as_ref().expect("an e-invoice");
    assert_eq!(e_invoice.content, env.ok(&["map", "--en16931", &file]), "what `bilag map` prints");
}
