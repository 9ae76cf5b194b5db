//! The invoice service makes one invoice for each key, and says what is wrong with a request.

use std::time::Duration;

use events::ReceiptSettled;
use reqwest::StatusCode;
use sandbox::invoice_service::Options;
use sandbox::{Call, Fault, Rule, Secret, ViolationKind};
use serde_json::{Value, json};

use crate::common::{Trial, package, send, status, until};

/// A wait that no test outlasts.
const FOREVER: u64 = 60_000;

async fn ask(trial: &Trial, key: &str, package: &Value) -> u16 {
    send(trial.invoice_request(key, package)).await.status().as_u16()
}

fn violations(trial: &Trial) -> Vec<ViolationKind> {
    let violations = trial.sandbox.invoice_service.summary().violations;
    violations.into_iter().map(|violation| violation.what).collect()
}

async fn with(options: Options) -> Trial {
    Trial::of(sandbox::Options { invoice_service: options, ..Default::default() }).await
}

#[tokio::test]
async fn makes_a_valid_receipt_of_a_package() {
    let trial = Trial::new().await;

    let answer = send(trial.invoice_request("k-1", &package(73))).await;

    assert_eq!(answer.status(), 200);
    let body = answer.bytes().await.expect("a body");
    let event: ReceiptSettled = events::decode(&body).expect("a receipt");
    event.check().expect("it adds up");
    assert_eq!(event.package, None);
    assert_eq!((&*event.tenant.uid, event.tenant.name.as_deref()), ("31", Some("Ege Spor A.Ş.")));
    assert_eq!(&*event.tenant.country.currency, "TRY");
    let receipt = &event.order_receipt;
    assert_eq!((&*receipt.uid, &*receipt.voucher_number), ("inv-73-1", "90001"));
    assert_eq!((&*receipt.order.order_number, &*receipt.order.store.uid), ("order-73", "369"));
    let items: Vec<_> = receipt.items.iter().map(|item| (&*item.sku, item.quantity.get())).collect();
    assert_eq!(items, [("AYK-42", 100), ("CRP-3", 200)]);
    assert!(receipt.items.iter().all(|item| item.vat_rate.get() == 2_000 && item.total.get() > 0));

    let summary = trial.sandbox.invoice_service.summary();
    let facts = &summary.packages[&73];
    assert_eq!(facts.keys.get("k-1"), Some(&1));
    assert_eq!((&*facts.receipts[0].uid, facts.receipts[0].amount), ("inv-73-1", receipt.amount()));
    assert_eq!((summary.count(Call::RequestInvoice, 200), summary.violations.len()), (1, 0));
}

#[tokio::test]
async fn makes_a_credit_note_of_a_refunded_package() {
    let trial = Trial::new().await;
    let asked = |kind: &str| {
        let key = "k-1";
        let mut body =
            json!({ "type": "invoice.request.v1", "id": key, "oms": "akinon", "package": package(73) });
        body["orderType"] = json!(kind);
        let request = trial.http.post(trial.sandbox.invoice_service_url()).basic_auth("me", Some("hush"));
        request.header("idempotency-key", key).json(&body)
    };
    assert_eq!(send(asked("SALE")).await.status(), 400);
    let body = send(asked("RETURN")).await.bytes().await.expect("a body");
    let event: ReceiptSettled = events::decode(&body).expect("a receipt");
    event.check().expect("it adds up");
    let receipt = &event.order_receipt;
    assert_eq!(receipt.order.kind, events::OrderType::Return);
    assert!(receipt.items.iter().all(|item| item.total.get() < 0 && item.quantity.get() < 0));
}

#[tokio::test]
async fn prices_depend_on_the_article_alone() {
    let trial = Trial::new().await;
    let mut prices = Vec::new();
    for (key, id) in [("k-1", 73), ("k-2", 74)] {
        let receipt: Value =
            send(trial.invoice_request(key, &package(id))).await.json().await.expect("a receipt");
        prices.push(receipt["orderReceipt"]["items"][0]["unitPrice"].clone());
    }
    assert!(prices[0].is_u64() && prices[0] == prices[1], "{prices:?}");
}

#[tokio::test]
async fn same_key_gives_the_same_invoice() {
    let trial = Trial::new().await;
    let first = send(trial.invoice_request("k-1", &package(73))).await.text().await.expect("a body");
    let again = send(trial.invoice_request("k-1", &package(73))).await;
    assert_eq!(again.status(), 200);
    assert_eq!(again.text().await.expect("a body"), first);
    let facts = &trial.sandbox.invoice_service.summary().packages[&73];
    assert_eq!((facts.keys["k-1"], facts.receipts.len()), (2, 1));
    assert_eq!(violations(&trial), []);
}

#[tokio::test]
async fn second_invoice_is_a_violation() {
    let trial = Trial::new().await;
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);
    let mut in_another_order = package(73);
    in_another_order["packageitem_set"].as_array_mut().expect("items").reverse();
    assert_eq!(ask(&trial, "k-2", &in_another_order).await, 200);
    let receipts = &trial.sandbox.invoice_service.summary().packages[&73].receipts;
    let uids: Vec<_> = receipts.iter().map(|facts| (&*facts.uid, &*facts.voucher_number)).collect();
    assert_eq!(uids, [("inv-73-1", "90001"), ("inv-73-2", "90002")]);
    assert_eq!(violations(&trial), [ViolationKind::SecondInvoice]);
}

#[tokio::test]
async fn other_key_for_other_items_is_allowed() {
    let trial = Trial::new().await;
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);
    let mut changed = package(73);
    changed["packageitem_set"][0]["quantity"] = json!(2);
    assert_eq!(ask(&trial, "k-2", &changed).await, 200);
    assert_eq!(violations(&trial), []);
}

#[tokio::test]
async fn same_key_with_another_package_is_422() {
    let trial = Trial::new().await;
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);
    let mut changed = package(73);
    changed["state"]["enum_value"] = json!("600");
    assert_eq!(ask(&trial, "k-1", &changed).await, 422);
    assert_eq!(ask(&trial, "k-1", &package(74)).await, 422);
    assert_eq!(trial.sandbox.invoice_service.summary().packages[&73].receipts.len(), 1);
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);
}

#[tokio::test]
async fn conflicts_while_a_key_is_in_progress() {
    for fault in [Fault::Delay { ms: FOREVER }, Fault::SlowAnswer { ms: FOREVER }] {
        let trial = Trial::new().await;
        let service = &trial.sandbox.invoice_service;
        service.add_fault(Rule::new(fault).of_package(73));
        let first = tokio::spawn(trial.invoice_request("k-1", &package(73)).send());
        until("the first", || service.ledger().len() == 1).await;

        assert_eq!(ask(&trial, "k-1", &package(73)).await, 409);
        assert_eq!(ask(&trial, "k-2", &package(74)).await, 200);
        assert_eq!(service.summary().packages[&73].keys["k-1"], 2);
        first.abort();
    }
}

#[tokio::test]
async fn key_can_be_reused_after_a_fault() {
    let trial = Trial::new().await;
    let service = &trial.sandbox.invoice_service;
    service.add_fault(Rule::new(status(StatusCode::SERVICE_UNAVAILABLE)).times(1));
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 503);
    assert_eq!(service.summary().packages[&73].receipts, []);

    service.add_fault(Rule::new(Fault::AnswerLost).times(1));
    trial.invoice_request("k-1", &package(73)).send().await.expect_err("no answer");
    until("the end of the call", || service.ledger().iter().any(|entry| entry.done)).await;
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);
    assert_eq!(service.summary().packages[&73].receipts.len(), 1);
    let printed: Vec<_> = service.ledger().iter().map(|entry| (entry.status, entry.done)).collect();
    assert_eq!(printed, [(Some(503), false), (None, true), (Some(200), true)]);
}

#[tokio::test]
async fn executes_after_the_client_gave_up() {
    let trial = Trial::new().await;
    let service = &trial.sandbox.invoice_service;
    service.add_fault(Rule::new(Fault::Delay { ms: 500 }));
    let request = trial.invoice_request("k-1", &package(73)).timeout(Duration::from_millis(50));
    assert!(request.send().await.expect_err("no answer in time").is_timeout());
    until("the invoice", || {
        service.summary().packages.get(&73).is_some_and(|facts| facts.receipts.len() == 1)
    })
    .await;
}

#[tokio::test]
async fn requires_the_right_login() {
    let credentials = |password: &str| Some(("bilag".to_owned(), Secret::new(password)));
    for (password, code) in [("hush", 200), ("other", 401)] {
        let trial = with(Options { credentials: credentials(password), ..Options::default() }).await;
        assert_eq!(ask(&trial, "k-1", &package(73)).await, code, "{password}");
    }

    let any = Trial::new().await;
    let url = any.sandbox.invoice_service_url();
    assert_eq!(send(any.http.post(&url)).await.status(), 401);
    assert_eq!(send(any.http.post(&url).basic_auth("bilag", Some(""))).await.status(), 401);
    assert_eq!(send(any.http.post(&url).bearer_auth("bilag:hush")).await.status(), 401);
    assert_eq!(any.sandbox.invoice_service.summary().packages.len(), 0);
    assert_eq!(violations(&any), []);
}

#[tokio::test]
async fn rejects_a_malformed_request() {
    let trial = Trial::new().await;
    let request = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({ "type": "invoice.request.v1", "id": "k-1", "oms": "akinon" });
        body["package"] = package(73);
        change(&mut body);
        body
    };
    let without = |body: &mut Value, path: &str, member: &str| {
        body.pointer_mut(path).and_then(Value::as_object_mut).expect("an object").remove(member);
    };
    let cases: [(&str, Value); 13] = [
        ("type", request(&|body| body["type"] = json!("invoice.request.v2"))),
        ("id", request(&|body| body["id"] = json!("k-2"))),
        ("oms", request(&|body| body["oms"] = json!("another"))),
        ("no member but type, id, oms, orderType, package", request(&|body| body["tenant"] = json!("31"))),
        ("package", request(&|body| without(body, "", "package"))),
        ("package.id", request(&|body| body["package"]["id"] = json!("73"))),
        ("package.number", request(&|body| without(body, "/package", "number"))),
        ("package.order_number", request(&|body| without(body, "/package", "order_number"))),
        ("package.stock_location", request(&|body| body["package"]["stock_location"] = json!(null))),
        (
            "package.stock_location.erp_code",
            request(&|body| without(body, "/package/stock_location", "erp_code")),
        ),
        ("package.packageitem_set", request(&|body| body["package"]["packageitem_set"] = json!([]))),
        (
            "package.packageitem_set[0].sku",
            request(&|body| without(body, "/package/packageitem_set/0", "sku")),
        ),
        (
            "package.packageitem_set[1].quantity",
            request(&|body| body["package"]["packageitem_set"][1]["quantity"] = json!(0)),
        ),
    ];
    for (place, body) in &cases {
        let answer = send(trial.invoice_request("k-1", &Value::Null).json(body)).await;
        assert_eq!(answer.status(), 400, "{place}");
        let what = answer.text().await.expect("a body");
        assert!(what.contains(place), "{place}: {what}");
    }
    let url = trial.sandbox.invoice_service_url();
    let post = || trial.http.post(&url).basic_auth("bilag", Some("hush"));
    let right = request(&|_| {});
    for (what, wrong) in [
        ("no key", post().json(&right)),
        ("an empty key", post().header("idempotency-key", "").json(&right)),
        ("no content type", post().header("idempotency-key", "k-1").body(right.to_string())),
        ("no JSON", trial.invoice_request("k-1", &package(73)).body("{")),
    ] {
        assert_eq!(send(wrong).await.status(), 400, "{what}");
    }
    assert_eq!(trial.sandbox.invoice_service.summary().packages.len(), 0);
    assert_eq!(violations(&trial), [ViolationKind::Malformed; 17]);
}

#[tokio::test]
async fn serves_ledger_and_faults_over_http() {
    let trial = Trial::new().await;
    let url = trial.sandbox.invoice_service_url();
    let rule = json!([{ "packageId": 73, "times": 1, "fault": { "kind": "status", "status": 500 } }]);
    let faults = format!("{url}/_faults");
    assert_eq!(send(trial.http.post(&faults).json(&rule)).await.status(), 204);
    let listed: Vec<Rule> = send(trial.http.get(&faults)).await.json().await.expect("rules");
    assert_eq!(listed, [Rule::new(status(StatusCode::INTERNAL_SERVER_ERROR)).of_package(73).times(1)]);
    let wrong = json!({ "storeId": "70", "fault": { "kind": "reset" } });
    assert_eq!(send(trial.http.post(&faults).json(&wrong)).await.status(), 400);

    assert_eq!(ask(&trial, "k-0", &package(72)).await, 200);
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 500);
    assert_eq!(ask(&trial, "k-1", &package(73)).await, 200);

    let ledger: Value =
        send(trial.http.get(format!("{url}/_ledger"))).await.json().await.expect("the ledger");
    assert_eq!((&ledger[1]["key"], &ledger[1]["packageId"]), (&json!("k-1"), &json!(73)));
    assert_eq!((&ledger[1]["status"], &ledger[1]["done"]), (&json!(500), &json!(false)));
    let summary: Value =
        send(trial.http.get(format!("{url}/_ledger/summary"))).await.json().await.expect("the summary");
    assert_eq!(summary, json!(trial.sandbox.invoice_service.summary()));
    assert_eq!(send(trial.http.delete(&faults)).await.status(), 204);
    // Omnium's own ledger knows of its token alone.
    assert_eq!(trial.omnium().ledger().len(), 1);
}

#[tokio::test]
async fn debug_hides_secrets() {
    let mode = sandbox::invoice_service::Mode::over_the_bus(
        "amqp://user:secret-one@localhost/%2f",
        "events",
        Duration::ZERO,
    );
    let credentials = Some(("user".to_owned(), Secret::new("secret-two")));
    let invoice_service = Options { credentials, mode, ..Options::default() };
    let oms = sandbox::oms::Options { token: Some(Secret::new("secret-three")), ..Default::default() };
    let printed = format!("{:?}", sandbox::Options { invoice_service, oms, ..Default::default() });
    assert!(printed.contains("events") && !printed.contains("secret-"), "{printed}");
}
