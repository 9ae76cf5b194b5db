//! Akinon's OMS requests the invoices of packages at Bilag itself, and refunded packages get credit notes.

use bilag_tests::{Ingress, TestEnv, eventually, package};
use reqwest::StatusCode;
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};

const PASSWORD: &str = "oms-password-of-tests";

/// Requests the invoice of a package as the OMS does; the status and the answer.
async fn request(ingress: &Ingress, password: &str, package: &Value) -> (StatusCode, Value) {
    let request = ingress.request("/webhooks/akinon/invoice").basic_auth("oms", Some(password));
    let answer = request.json(&package["payload"]).send().await.expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("a body");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn requested() -> (TestEnv, Ingress) {
    let mut env = TestEnv::with_packages().await;
    env.ok(&["topology", "apply"]);
    env.set("BILAG_INGRESS_OMS_USERNAME", "oms");
    let password = env.file("oms.password", PASSWORD).display().to_string();
    env.set("BILAG_INGRESS_OMS_PASSWORD_FILE", &password);
    env.set("BILAG_INGRESS_OMS_WAIT", "30s");
    let ingress = env.ingress().await;
    (env, ingress)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_request_gets_the_same_invoice_at_once() {
    let (env, ingress) = requested().await;
    let _all = env.consume(&["all"]).await;
    assert_eq!(request(&ingress, "a-wrong-password-of-tests", &package(73)).await.0, 401);
    let (status, invoice) = request(&ingress, PASSWORD, &package(73)).await;
    assert_eq!((status.as_u16(), &invoice["invoice_number"]), (200, &json!("90001")), "{invoice}");
    assert!(invoice["invoice_date"].is_string() && invoice["currency"] == "TRY", "{invoice}");
    let packed = package(73);
    let requests = [(); 3].map(|()| request(&ingress, PASSWORD, &packed));
    for answer in futures_util::future::join_all(requests).await {
        assert_eq!(answer, (StatusCode::OK, invoice.clone()));
    }
    // The webhook of the same packing adds nothing.
    assert_eq!(ingress.akinon(&package(73)).await.expect("an answer"), 202);
    env.wait_until_invoiced(73).await;
    env.assert_one_invoice(73);
    assert!(env.dead_letters().is_empty());
    let log = ingress.process.log();
    assert!(log.contains("without the secret") && !log.contains(PASSWORD), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_is_accepted_while_the_invoice_service_fails() {
    let (mut env, ingress) = requested().await;
    drop(ingress);
    env.set("BILAG_INGRESS_OMS_WAIT", "200ms");
    let ingress = env.ingress().await;
    let status = StatusCode::SERVICE_UNAVAILABLE;
    env.sandbox.invoice_service.add_fault(Rule::new(Fault::Status {
        status,
        retry_after: None,
        done: false,
    }));
    let _all = env.consume(&["all"]).await;
    for _ in 0..3 {
        assert_eq!(request(&ingress, PASSWORD, &package(1)).await.0, 202);
    }
    env.sandbox.invoice_service.clear_faults();
    env.wait_until_invoiced(1).await;
    env.assert_one_invoice(1);
    assert_eq!(request(&ingress, PASSWORD, &package(1)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_is_accepted_without_the_store() {
    const STORE: &str = "BILAG_DATABASE_URL";
    let (mut env, ingress) = requested().await;
    drop(ingress);
    let (_, store) = env.settings.iter().rfind(|(name, _)| name == STORE).expect("a store").clone();
    env.set(STORE, "sqlite:///nowhere/bilag.db");
    let ingress = env.ingress().await;
    env.set(STORE, &store);
    let _all = env.consume(&["all"]).await;
    assert_eq!(request(&ingress, PASSWORD, &package(1)).await.0, 202);
    assert!(ingress.process.log().contains("the store is unavailable"), "{}", ingress.process.log());
    env.wait_until_invoiced(1).await;
    env.assert_one_invoice(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunded_package_gets_its_credit_note() {
    let (env, ingress) = requested().await;
    let _all = env.consume(&["all"]).await;
    let mut refunded = package(2);
    refunded["event"] = json!({ "type": "package.status.packed_for_refund", "uuid": "refund-2" });
    refunded["payload"]["state"]["enum_value"] = json!("1100");
    assert_eq!(ingress.akinon(&refunded).await.expect("an answer"), 202);
    let (status, invoice) = request(&ingress, PASSWORD, &refunded).await;
    assert_eq!(status, 200);
    let round = env.wait_until_invoiced(2).await;
    assert_eq!(round["voucherNumber"], invoice["invoice_number"]);
    let receipt = round["receipt"].as_str().expect("a receipt").to_owned();
    let credited =
        eventually("Omnium has it", async || env.sandbox.omnium.summary().invoices.get(&receipt).cloned())
            .await;
    assert_eq!(credited.files.len(), 1);
    let of_package = &env.sandbox.invoice_service.summary().packages[&2];
    assert_eq!(of_package.keys.keys().collect::<Vec<_>>(), ["akinon/2/1"]);
    assert!(of_package.receipts[0].amount.get() < 0, "{of_package:?}");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_checks_the_command_of_the_oms() {
    let mut env = TestEnv::with_packages().await;
    env.ok(&["topology", "apply"]);
    env.ok(&["sync", "migrate"]);
    env.set("OMS_CHECK_PACKAGE", "73");
    assert!(env.ok(&["doctor"]).contains("takes the command update_invoice_of_the_package"));
    env.set("OMS_INVOICE_SLUG", "41");
    assert!(env.ok(&["doctor"]).contains("takes the command 41"));
    env.set("OMS_INVOICE_SLUG", "put_invoice");
    let (code, printed, _) = bilag_tests::exit_output(&env.run(&["doctor"]));
    assert_eq!(code, 1);
    assert!(
        printed.contains("takes no command put_invoice") && printed.contains("block_the_package"),
        "{printed}"
    );
}
