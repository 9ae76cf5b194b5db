//! Sample events.

use std::path::PathBuf;

use serde_json::{Value, json};

/// The path of a sample.
pub fn sample_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// A sample event.
pub fn sample(name: &str) -> Value {
    let text = std::fs::read(sample_path(name)).expect("the sample is there");
    serde_json::from_slice(&text).expect("the sample is JSON")
}

/// The sample package with this id and number.
pub fn package(id: u64) -> Value {
    let mut event = sample("package-packed.json");
    event["event"]["uuid"] = json!(format!("packed-{id}"));
    event["payload"]["id"] = json!(id);
    event["payload"]["number"] = json!(format!("{id:09}"));
    event["payload"]["order_number"] = json!(format!("order-{id}"));
    event
}

/// The same packing as a `package.status.transitioned` event.
pub fn transitioned(id: u64) -> Value {
    let mut event = package(id);
    event["event"] = json!({ "type": "package.status.transitioned", "uuid": format!("transitioned-{id}") });
    event
}

/// The standard receipt with this uid and voucher number.
pub fn receipt(number: u32) -> Value {
    let mut event = sample("receipt-standard.json");
    event["id"] = json!(format!("evt-{number}"));
    event["orderReceipt"]["uid"] = json!(format!("rcpt-{number}"));
    event["orderReceipt"]["voucherNumber"] = json!(number.to_string());
    event["orderReceipt"]["order"]["uid"] = json!(format!("ord-{number}"));
    event
}

/// Flow's webhook of a settled order, which holds ids only.
pub fn flow_ids(number: u32) -> Value {
    json!({
        "action": "ORDER_SETTLED",
        "tenant": { "Id": 7, "Uid": "7" },
        "store": { "Id": 1, "Uid": "70" },
        "order": { "Id": 7123, "Uid": format!("ord-{number}") }
    })
}

/// A receipt as Flow's search answers it, settled just now.
pub fn flow_receipt(number: u32) -> Value {
    let now = chrono::Utc::now();
    json!({
        "storeUid": "70", "orderUid": format!("ord-{number}"), "orderReceiptUid": format!("rcpt-{number}"),
        "settleState": "COMPLETED", "voucherNumber": number.to_string(), "orderNumber": format!("6{number}"),
        "orderType": "SALE", "origin": "POS", "createdAt": now, "settledAt": now,
        "orderTotals": { "grandTotal": 12_500, "vatTotal": 2_500 },
        "items": [{
            "uid": "i1", "sku": "KOPP", "name": "Kopp", "quantity": 100, "itemPrice": 12_500,
            "itemDiscountAmount": 0, "itemTotal": 12_500, "vatRate": 2_500, "itemVatAmount": 2_500
        }],
        "settlements": [{
            "uid": "s1", "code": "Card", "name": "Visa", "kind": "CARD", "amount": 12_500, "state": "COMPLETED",
            "settledAt": now
        }]
    })
}
