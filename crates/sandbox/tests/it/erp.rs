//! The ERP takes each invoice once under each key.

use reqwest::{RequestBuilder, StatusCode};
use sandbox::{Call, Fault, Rule, ViolationKind};
use serde_json::{Value, json};

use crate::common::{Trial, send, status};

/// SHA-256 of the four bytes "%PDF".
const SHA256: &str = "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027";

fn event(number: &str) -> Value {
    let invoice = include_str!("../../../../tests/samples/receipt-standard.invoice.json");
    let mut invoice: Value = serde_json::from_str(invoice).expect("JSON");
    invoice["invoiceNumber"] = json!(number);
    json!({
        "id": "evt-1",
        "type": "invoice.rendered.v1",
        "occurredAt": "2026-11-02T09:15:42Z",
        "target": "omnium",
        "tenant": "31",
        "orderType": "SALE",
        "invoice": invoice,
        "pdf": { "fileName": "1001.pdf", "sha256": SHA256, "content": "JVBERg==" },
        "package": { "id": 73, "number": "000000073" },
    })
}

fn request(trial: &Trial, key: &str, event: &Value) -> RequestBuilder {
    trial.http.post(trial.sandbox.erp_url()).header("idempotency-key", key).json(event)
}

async fn tell(trial: &Trial, key: &str, event: &Value) -> u16 {
    send(request(trial, key, event)).await.status().as_u16()
}

fn violations(trial: &Trial) -> Vec<ViolationKind> {
    trial.sandbox.erp.summary().violations.into_iter().map(|violation| violation.what).collect()
}

#[tokio::test]
async fn creates_each_invoice_once() {
    let trial = Trial::new().await;
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 201);
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 200);
    let mut sent_anew = event("1001");
    sent_anew["id"] = json!("evt-2");
    sent_anew["occurredAt"] = json!("2026-11-02T10:00:00Z");
    assert_eq!(tell(&trial, "k-1", &sent_anew).await, 200);
    assert_eq!(tell(&trial, "k-2", &event("1002")).await, 201);

    let summary = trial.sandbox.erp.summary();
    let facts = &summary.invoices["k-1"];
    assert_eq!((&*facts.invoice_number, &*facts.sha256, facts.times), ("1001", SHA256, 3));
    assert_eq!((facts.package_id, summary.invoices.len()), (Some(73), 2));
    assert_eq!(violations(&trial), []);
}

#[tokio::test]
async fn other_content_under_the_same_key_is_422() {
    let trial = Trial::new().await;
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 201);
    assert_eq!(tell(&trial, "k-1", &event("1002")).await, 422);
    assert_eq!(violations(&trial), [ViolationKind::OtherContent]);
    assert_eq!(trial.sandbox.erp.summary().invoices["k-1"].invoice_number, "1001");
}

#[tokio::test]
async fn rejects_a_malformed_request() {
    let trial = Trial::new().await;
    let with = |path: &str, value: Value| {
        let mut event = event("1001");
        *event.pointer_mut(path).expect("a member") = value;
        event
    };
    for (place, body) in [
        ("type", with("/type", json!("invoice.ready.v1"))),
        ("invoice.amount", with("/invoice/amount", json!("38.5"))),
        ("pdf.content", with("/pdf/content", json!("AAAA"))),
        ("pdf.sha256", with("/pdf/sha256", json!("0000"))),
    ] {
        let answer = send(request(&trial, "k-1", &body)).await;
        assert_eq!(answer.status(), 400, "{place}");
        let what = answer.text().await.expect("a body");
        assert!(what.contains(place), "{place}: {what}");
    }
    let post = || trial.http.post(trial.sandbox.erp_url());
    let body = event("1001").to_string();
    assert_eq!(send(post().json(&event("1001"))).await.status(), 400);
    assert_eq!(send(post().header("idempotency-key", "k-1").body(body)).await.status(), 400);
    assert_eq!(violations(&trial), [ViolationKind::Malformed; 6]);
    assert_eq!(trial.sandbox.erp.summary().invoices.len(), 0);
}

#[tokio::test]
async fn faults_match_invoice_or_package() {
    let trial = Trial::new().await;
    let erp = &trial.sandbox.erp;
    let mut poisoned = Rule::new(status(StatusCode::INTERNAL_SERVER_ERROR));
    poisoned.subject.invoice_number = Some("1001".to_owned());
    erp.add_fault(poisoned);
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 500);
    assert_eq!(tell(&trial, "k-2", &event("1002")).await, 201);
    erp.clear_faults();

    erp.add_fault(Rule::new(Fault::Reset).of_package(73).times(1));
    let error = request(&trial, "k-1", &event("1001")).send().await.expect_err("a reset");
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 201);

    let url = format!("{}/_ledger/summary", trial.sandbox.erp_url());
    let summary: Value = send(trial.http.get(url)).await.json().await.expect("the summary");
    assert_eq!(summary, json!(erp.summary()));
    let calls = &erp.summary().calls[&Call::Deliver];
    assert_eq!((calls["500"], calls["none"], calls["201"]), (1, 1, 2));
}

#[tokio::test]
async fn stand_ins_keep_their_state_while_not_listening() {
    let mut trial = Trial::new().await;
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 201);
    trial.sandbox.stop_listening().await;
    assert!(request(&trial, "k-1", &event("1001")).send().await.expect_err("refused").is_connect());
    trial.sandbox.listen_again().await.expect("the same port");
    assert_eq!(tell(&trial, "k-1", &event("1001")).await, 200);
}
