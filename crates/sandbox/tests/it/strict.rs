//! As strict as Omnium may be, where no document says how strict it is.

use std::time::Duration;

use sandbox::omnium::{Limits, Options};
use sandbox::{Call, Fault, ViolationKind};
use serde_json::{Value, json};

use crate::common::{Trial, invoice, send};

fn violations(trial: &Trial) -> Vec<ViolationKind> {
    trial.omnium().summary().violations.into_iter().map(|violation| violation.what).collect()
}

#[tokio::test]
async fn rejects_a_malformed_invoice() {
    let trial = Trial::new().await;
    let with = |member: &str, value: Value| {
        let mut invoice = invoice("r-1");
        invoice[member] = value;
        invoice
    };
    for (what, body) in [
        ("no object", json!([])),
        ("no id", json!({ "invoiceNumber": "1" })),
        ("an empty id", with("id", json!(""))),
        ("an unknown member", with("uid", json!("r-1"))),
        ("a number as text", with("amount", json!("38.5"))),
        ("text as a number", with("invoiceNumber", json!(1001))),
        ("a list as an object", with("customerAddress", json!([]))),
        ("an object as a list", with("payments", json!({}))),
        ("a line without its id", with("lineItems", json!([{ "code": "A" }]))),
        ("an unknown member of a line", with("lineItems", json!([{ "lineItemId": "1", "sku": "A" }]))),
        ("an unknown member of an address", with("customerAddress", json!({ "zip": "0155" }))),
        ("an unknown member of a payment", with("payments", json!([{ "kind": "CARD" }]))),
        ("an unknown member of a property", with("properties", json!([{ "name": "a" }]))),
    ] {
        assert_eq!(send(trial.upsert(&body)).await.status(), 400, "{what}");
    }
    let not_json = trial.upsert(&Value::Null).body("{");
    assert_eq!(send(not_json).await.status(), 400);
    assert_eq!(trial.omnium().summary().invoices.len(), 0);
    assert_eq!(violations(&trial), [ViolationKind::Malformed; 14]);
}

#[tokio::test]
async fn rejects_wrong_content_type_and_large_body() {
    let trial = Trial::with(Options { max_body: 1_000, ..Options::default() }).await;
    let other_type = trial.http.put(trial.url("/api/Invoices/UpdateInvoice")).bearer_auth(&trial.token);
    assert_eq!(send(other_type.body("{}")).await.status(), 415);
    let other_type = trial.http.post(trial.url("/api/Invoices/r-1/AddFileToInvoice?fileName=1.pdf"));
    assert_eq!(send(other_type.bearer_auth(&trial.token).body("%PDF")).await.status(), 415);
    let large = trial.attach("r-1", "").body("a".repeat(1_001));
    assert_eq!(send(large).await.status(), 413);
}

#[tokio::test]
async fn attach_requires_name_and_content() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    assert_eq!(send(trial.attach("r-1", "")).await.status(), 400);
    let nameless = trial
        .http
        .post(trial.url("/api/Invoices/r-1/AddFileToInvoice"))
        .bearer_auth(&trial.token)
        .header("content-type", "application/octet-stream");
    assert_eq!(send(nameless.body("%PDF")).await.status(), 400);
}

#[tokio::test]
async fn repeated_attach_adds_a_second_file() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    assert_eq!(trial.status(Call::Attach, "r-1").await, 200);
    assert_eq!(trial.files("r-1").await, 2);
    assert_eq!(violations(&trial), [ViolationKind::SecondFile]);
}

#[tokio::test]
async fn add_asset_replaces_by_id() {
    let trial = Trial::new().await;
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 200);
    for content in ["%PDF one", "%PDF two"] {
        assert_eq!(send(trial.add_asset("r-1", "&assetId=ours", content)).await.status(), 200);
    }
    assert_eq!(trial.files("r-1").await, 1);
    let invoice: serde_json::Value = send(trial.get("r-1")).await.json().await.expect("JSON");
    assert_eq!(invoice["assets"][0]["assetId"], "ours");
    assert!(violations(&trial).is_empty());
    assert_eq!(trial.status(Call::AddAsset, "r-1").await, 200);
    assert_eq!(trial.files("r-1").await, 2);
    assert_eq!(violations(&trial), [ViolationKind::SecondFile]);
    assert_eq!(trial.status(Call::AddAsset, "nobody").await, 404);
}

#[tokio::test]
async fn update_without_assets_drops_files() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 200);
    assert_eq!(trial.files("r-1").await, 0);
    assert_eq!(violations(&trial), [ViolationKind::FilesDropped]);
}

#[tokio::test]
async fn attach_before_invoice_is_a_violation() {
    let trial = Trial::new().await;
    assert_eq!(trial.status(Call::Attach, "r-1").await, 404);
    assert_eq!(violations(&trial), [ViolationKind::AttachBeforeInvoice]);
}

#[tokio::test]
async fn answers_429_above_the_concurrency_limit() {
    let limits = Limits { concurrent: 2, ..Limits::default() };
    let trial = Trial::with(Options { limits, ..Options::default() }).await;
    trial.fault(Call::Upsert, Fault::Delay { ms: 60_000 });
    let held = ["r-1", "r-2"].map(|id| tokio::spawn(trial.upsert(&invoice(id)).send()));
    trial.until("two calls", |omnium| omnium.ledger().len() == 3).await;

    let refused = send(trial.upsert(&invoice("r-3"))).await;

    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().expect("1"))
    );
    assert_eq!(violations(&trial), [ViolationKind::TooManyAtOnce]);
    held.iter().for_each(|call| call.abort());
}

#[tokio::test]
async fn empty_bucket_answers_429_until_refilled() {
    let period = Duration::from_secs(1);
    let limits = Limits { capacity: 3, refill: 2, period, ..Limits::default() };
    let trial = Trial::with(Options { limits, ..Options::default() }).await;
    // The token took the first.
    assert_eq!(trial.status(Call::Get, "r-1").await, 404);
    assert_eq!(trial.status(Call::Get, "r-1").await, 404);
    let refused = send(trial.get("r-1")).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().expect("1"))
    );
    assert_eq!(violations(&trial), [ViolationKind::BucketEmpty]);

    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while trial.status(Call::Get, "r-1").await == 429 {
        assert!(tokio::time::Instant::now() < deadline, "the bucket was never refilled");
    }
}
