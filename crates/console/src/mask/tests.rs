//! Viewers see structure and amounts, and nobody.

use serde_json::json;

use super::*;

fn masked(body: Value) -> Value {
    super::body(body.to_string().as_bytes()).expect("it is an object")
}

#[test]
fn of_a_receipt_what_is_personal_is_withheld_and_the_rest_is_shown() {
    let person = json!({
        "displayName": "Kari Nordmann", "firstname": "Kari", "lastname": "Nordmann",
        "address": "Storgata 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO",
        "email": "kari@nordmann.example", "mobile": "+4790000000", "vatNumber": "NO1", "companyName": null
    });
    let hidden = json!({
        "displayName": "•••", "firstname": "•••", "lastname": "•••",
        "address": "•••", "postalCode": "•••", "city": "•••", "countryCode": "NO",
        "email": "•••", "mobile": "•••", "vatNumber": "•••", "companyName": null
    });
    for (open, expected) in [
        (
            json!({ "id": "evt-1", "type": "receipt.settled.v1" }),
            json!({ "id": "evt-1", "type": "receipt.settled.v1" }),
        ),
        (
            json!({ "tenant": { "uid": "7", "name": "Nordlys", "country": { "code": "NO", "currency": "NOK" } } }),
            json!({ "tenant": { "uid": "7", "name": "Nordlys", "country": { "code": "NO", "currency": "NOK" } } }),
        ),
        (
            json!({ "orderReceipt": { "items": [{ "name": "Ski", "total": 34900 }, { "name": "Wax", "engraving": "To Kari" }] } }),
            json!({ "orderReceipt": { "items": [{ "name": "Ski", "total": 34900 }, { "name": "Wax", "(other members)": "1 withheld" }] } }),
        ),
        (
            json!({ "orderReceipt": { "invoiceAddress": person, "order": { "address": person, "comment": "call Kari" } } }),
            json!({ "orderReceipt": { "invoiceAddress": hidden, "order": { "address": hidden, "(other members)": "1 withheld" } } }),
        ),
        (
            json!({ "orderReceipt": { "customer": { "uid": "c-1", "type": "PERSON", "loyaltyId": 77, "displayName": "Kari" },
                                      "seller": { "code": "E1", "name": "Ola" } } }),
            json!({ "orderReceipt": { "customer": { "uid": "•••", "type": "PERSON", "loyaltyId": "•••", "displayName": "•••" },
                                      "seller": "•••" } }),
        ),
        (
            json!({ "orderReceipt": { "settlements": [{ "amount": 100, "kind": "CARD", "transactionId": "4111" }] } }),
            json!({ "orderReceipt": { "settlements": [{ "amount": 100, "kind": "CARD", "transactionId": "•••" }] } }),
        ),
        (
            json!({ "receipt": { "orderReceipt": { "contactPerson": { "email": "kari@x.example" } } } }),
            json!({ "receipt": { "orderReceipt": { "contactPerson": { "email": "•••" } } } }),
        ),
    ] {
        assert_eq!(masked(open.clone()), expected, "{open}");
    }
}

#[test]
fn of_an_invoice_and_of_a_package_what_is_personal_is_withheld() {
    for (open, expected) in [
        (
            json!({ "invoice": { "amount": 25.5, "customerName": "Kari", "customerId": "c-1", "customerEmail": "k@x.example",
                "customerAddress": { "line1": "Storgata 1", "phone": "1", "countryCode": "NO" },
                "properties": [{ "key": "flow.customer.loyalty_id", "value": "77", "keyGroup": "flow.Invoice" }] } }),
            json!({ "invoice": { "amount": 25.5, "customerName": "•••", "customerId": "•••", "customerEmail": "•••",
                "customerAddress": { "line1": "•••", "phone": "•••", "countryCode": "NO" },
                "properties": [{ "key": "flow.customer.loyalty_id", "value": "•••", "keyGroup": "flow.Invoice" }] } }),
        ),
        (
            json!({ "pdf": { "fileName": "1.pdf", "sha256": "ab", "content": "JVBERi0=" }, "tenant": "7" }),
            json!({ "pdf": { "fileName": "1.pdf", "sha256": "ab", "content": "•••" }, "tenant": "•••" }),
        ),
        (
            json!({ "event": { "type": "package.status.packed", "uuid": "1" },
                "payload": { "id": 73, "number": "73", "city": "İstanbul", "customer": { "name": "A" },
                             "packageitem_set": [{ "sku": "S", "quantity": 2, "note": "x" }] } }),
            json!({ "event": { "type": "package.status.packed", "uuid": "1" },
                "payload": { "id": 73, "number": "73", "(other members)": "2 withheld",
                             "packageitem_set": [{ "sku": "S", "quantity": 2, "(other members)": "1 withheld" }] } }),
        ),
    ] {
        assert_eq!(masked(open.clone()), expected, "{open}");
    }
}

#[test]
fn what_stands_where_something_else_was_expected_is_withheld() {
    for (open, expected) in [
        (json!({ "id": { "name": "Kari" } }), json!({ "id": "•••" })),
        (json!({ "orderReceipt": "Kari Nordmann" }), json!({ "orderReceipt": "•••" })),
        (json!({ "targets": ["omnium", { "to": "Kari" }] }), json!({ "targets": ["omnium", "•••"] })),
        (json!({ "kari@x.example": 1, "+4790000000": 2 }), json!({ "(other members)": "2 withheld" })),
        (
            json!({ "orderReceipt": { "items": [["Kari", { "name": "Ski" }]] } }),
            json!({ "orderReceipt": { "items": [["•••", { "name": "Ski" }]] } }),
        ),
    ] {
        assert_eq!(masked(open.clone()), expected, "{open}");
    }
}

#[test]
fn in_an_envelope_the_same_is_withheld() {
    let event = json!({ "type": "receipt.settled.v1", "orderReceipt": { "contactPerson": { "email": "kari@x.example" } } });
    let envelope = json!({ "specversion": "1.0", "id": "1", "source": "/kari", "type": "t", "data": event });
    assert_eq!(masked(envelope), masked(event));
}

#[test]
fn what_is_no_json_object_is_withheld_whole() {
    for open in
        [&b"<receipt><name>Kari</name></receipt>"[..], b"\"Kari\"", b"[\"Kari\"]", b"{\"id\":", b"\xff", b""]
    {
        assert_eq!(super::body(open), None, "{open:?}");
    }
}

#[test]
fn of_headers_and_errors_what_may_be_personal_is_withheld() {
    assert_eq!(header("x-bilag-receipt", "rcpt-1"), "rcpt-1");
    assert_eq!(header("x-customer", "Kari"), WITHHELD);
    for (open, shown) in [
        (
            "Omnium does not take this: Omnium answered 400: Kari Nordmann has no e-mail",
            "Omnium does not take this: Omnium answered 400 (•••)",
        ),
        (
            "at orderReceipt.items[0].total: expected an integer",
            "at orderReceipt.items[#].total: expected an integer",
        ),
        ("the name \"Kari\" is too long", "the name \"…\" is too long"),
    ] {
        assert_eq!(error(open), shown);
        assert_eq!(header("x-bilag-error", open), shown);
    }
}
