//! Dead letters, receipts and packages that the tests begin with.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use sync_store::{Closes, DeadLetter, Key, NewDeadLetter, NewReceipt, SyncStore, fingerprint};

/// The standard receipt, of a customer.
pub const RECEIPT: &str = include_str!("../../../../tests/samples/receipt-b2b.json");
const INVOICE: &str = include_str!("../../../../tests/samples/receipt-standard.invoice.json");

/// What of the standard receipt is personal.
pub const PERSONAL: [&str; 8] = [
    "Åsa",
    "Lindqvist",
    "asabygg.example",
    "+46700000000",
    "Verkstadsgatan",
    "Lagergatan",
    "c-77",
    "Kari Holm",
];

/// The standard receipt with another uid and voucher.
pub fn receipt(number: u32) -> Value {
    let mut event: Value = serde_json::from_str(RECEIPT).expect("JSON");
    event["orderReceipt"]["uid"] = json!(format!("rcpt-{number}"));
    event["orderReceipt"]["voucherNumber"] = json!(number.to_string());
    event
}

/// The event with its document, as the upload stage hears it.
pub fn rendered(number: u32) -> Value {
    let mut invoice: Value = serde_json::from_str(INVOICE).expect("JSON");
    invoice["id"] = json!(format!("rcpt-{number}"));
    invoice["invoiceNumber"] = json!(number.to_string());
    json!({
        "id": format!("9/rcpt-{number}/omnium"), "type": "invoice.rendered.v1", "occurredAt": "2026-11-02T09:15:43Z",
        "target": "omnium", "tenant": "9", "orderType": "SALE", "invoice": invoice,
        "pdf": { "fileName": format!("{number}.pdf"), "sha256": "00", "content": BASE64_STANDARD.encode("%PDF-1.7\n%%EOF\n") },
    })
}

/// A dead letter's own words.
pub fn letter(id: &str, stage: &str, reason: &str, error: &str) -> DeadLetter {
    let now = Utc::now();
    DeadLetter {
        id: id.to_owned(),
        stage: stage.to_owned(),
        reason: reason.to_owned(),
        error: error.to_owned(),
        key: None,
        package: None,
        message_id: Some(format!("message-{id}")),
        attempts: 5,
        first_failed_at: Some(now - TimeDelta::hours(2)),
        last_failed_at: Some(now - TimeDelta::hours(1)),
        redriven: 0,
    }
}

/// Notes a dead letter with its body.
pub async fn noted(store: &dyn SyncStore, letter: &DeadLetter, headers: &Value, body: &[u8]) {
    let closes = Closes::Every { at_least: "omnium" };
    let new = NewDeadLetter { letter, headers: &headers.to_string(), body, closes };
    store.note_dead(&new).await.expect("noted");
}

/// A dead letter of the upload stage about a receipt that was heard.
pub async fn rejected(store: &dyn SyncStore, number: u32) -> String {
    heard(store, number).await;
    let id = format!("{number:016x}");
    let error =
        format!("Omnium does not take this: Omnium answered 400: store {number} of Åsa Lindqvist is unknown");
    let mut letter = letter(&id, "upload", "omnium_rejected", &error);
    letter.key = Some(Key::new("9", format!("rcpt-{number}")));
    let headers =
        json!({ "x-bilag-reason": "omnium_rejected", "x-bilag-error": error, "x-customer": "Åsa Lindqvist" });
    noted(store, &letter, &headers, rendered(number).to_string().as_bytes()).await;
    id
}

/// Opens the record of a receipt.
pub async fn heard(store: &dyn SyncStore, number: u32) -> Key {
    let key = Key::new("9", format!("rcpt-{number}"));
    let event = receipt(number);
    open(store, &key, &event, &number.to_string()).await;
    key
}

/// Opens the record of any receipt.
pub async fn open(store: &dyn SyncStore, key: &Key, event: &Value, voucher: &str) {
    let body = event.to_string();
    let decoded = events::decode(body.as_bytes()).expect("a receipt");
    let particulars = report::particulars(&decoded, None);
    let new = NewReceipt {
        key,
        voucher_number: voucher,
        order_number: "602",
        store_uid: "12",
        currency: "SEK",
        amount: 1_808_100,
        fingerprint: &fingerprint(body.as_bytes()),
        body: body.as_bytes(),
        traceparent: None,
        particulars: Some(&particulars),
    };
    let _ = store.open(&new, "omnium", true).await.expect("opened");
}
