//! The receipts that the hook knows: invented, and the same whenever the ids are the same.

use events::ReceiptSettledType;
use serde_json::{Value, json};

/// When all of them were settled.
const SETTLED_AT: &str = "2026-11-02T12:30:00+01:00";

/// The event of a receipt.
pub(super) fn of(tenant: &str, uid: &str) -> Value {
    json!({
        "id": format!("hydrated-{tenant}-{uid}"),
        "type": ReceiptSettledType::NAME,
        "occurredAt": SETTLED_AT,
        "tenant": { "uid": tenant, "country": { "currency": "NOK" } },
        "orderReceipt": {
            "uid": uid,
            "voucherNumber": uid,
            "createdAt": SETTLED_AT,
            "settledAt": SETTLED_AT,
            "order": {
                "uid": format!("ord-{uid}"),
                "orderNumber": uid,
                "type": "SALE",
                "origin": "STORE",
                "store": { "uid": "70" }
            },
            "orderTotals": { "grandTotal": 12_500, "vatTotal": 2_500 },
            "items": [{
                "uid": "i1", "sku": "KOPP-01", "name": "Emaljekopp", "quantity": 100, "unitPrice": 12_500,
                "discountAmount": 0, "total": 12_500, "vatRate": 2_500, "vatAmount": 2_500
            }],
            "settlements": [{
                "uid": "s1", "code": "Card", "name": "Kort", "kind": "CARD", "amount": 12_500,
                "state": "COMPLETED", "settledAt": SETTLED_AT
            }]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_of_the_hook_holds_together() {
        let body = of("7", "rcpt-1").to_string();
        let event: events::ReceiptSettled = events::decode(body.as_bytes()).expect("a receipt");
        event.check().expect("it adds up");
    }
}
