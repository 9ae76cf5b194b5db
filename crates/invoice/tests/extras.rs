//! What invoices say beyond Flow's page: exactly what is asked for, and nothing unasked.

use std::path::Path;

use events::ReceiptSettled;
use invoice::{Extra, Mapping};
use serde_json::{Value, json};

/// A sale or return of the samples, with these members of the event merged in.
fn receipt(sample: &str, change: impl FnOnce(&mut Value)) -> ReceiptSettled {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/samples/receipt-{sample}.json"));
    let mut event: Value = serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON");
    change(&mut event);
    let event: ReceiptSettled = events::decode(event.to_string().as_bytes()).expect("a receipt");
    event.check().expect("it adds up");
    event
}

fn mapped(event: &ReceiptSettled, extras: &[Extra]) -> Value {
    let extras = extras.iter().copied().collect();
    let mapping = Mapping { extras, ..Mapping::default() };
    serde_json::to_value(invoice::map(event, &mapping)).expect("an invoice becomes JSON")
}

/// Asserts that the extra adds just these members; without it, the invoice has none of any extra.
#[track_caller]
fn assert_adds(event: &ReceiptSettled, extra: Extra, members: Value) {
    let without = mapped(event, &[]);
    for name in Extra::names().split(", ") {
        assert!(without.get(name).is_none(), "{name} is there unasked");
    }
    let mut expected = without;
    let Value::Object(members) = members else { panic!("members are an object") };
    expected.as_object_mut().expect("an invoice").extend(members);
    assert_eq!(mapped(event, &[extra]), expected, "{extra:?}: left is mapped");
}

#[test]
fn only_returns_are_credit_notes() {
    let unchanged = |_: &mut Value| {};
    for (sample, is_credit_note) in [("standard", false), ("return", true), ("payment", false)] {
        let event = receipt(sample, unchanged);
        assert_adds(&event, Extra::IsCreditNote, json!({ "isCreditNote": is_credit_note }));
    }
}

#[test]
fn kid_is_a_norwegian_reference() {
    for (country, currency, expected) in [
        (json!("NO"), "NOK", json!({ "kid": "10017" })),
        (json!("NO"), "EUR", json!({ "kid": "10017" })),
        (Value::Null, "NOK", json!({ "kid": "10017" })),
        (json!("SE"), "SEK", json!({})),
        (json!("SE"), "NOK", json!({})),
        (Value::Null, "SEK", json!({})),
    ] {
        let event = receipt("standard", |event| {
            event["tenant"]["country"] = json!({ "code": country, "currency": currency });
            event["orderReceipt"]["paymentAccount"] = json!({ "reference": "10017" });
        });
        assert_adds(&event, Extra::Kid, expected);
    }
    assert_adds(&receipt("standard", |_| {}), Extra::Kid, json!({}));
}

#[test]
fn reference_is_the_last_property() {
    let referring = |event: &mut Value| event["orderReceipt"]["referencedVoucherNumber"] = json!("1001");
    let event = receipt("return", referring);
    let mut properties = mapped(&event, &[])["properties"].clone();
    properties.as_array_mut().expect("properties").push(json!({
        "key": "flow.receipt.referenced_voucher_number", "value": "1001", "keyGroup": "flow.Invoice",
    }));
    assert_adds(&event, Extra::ReferencedVoucherNumber, json!({ "properties": properties }));
    let alone = receipt("return", |event| event["orderReceipt"]["referencedVoucherNumber"] = Value::Null);
    assert_adds(&alone, Extra::ReferencedVoucherNumber, json!({}));
}

#[test]
fn invoices_are_outgoing() {
    assert_adds(&receipt("standard", |_| {}), Extra::InvoiceType, json!({ "invoiceType": "Outgoing" }));
}

#[test]
fn roundoff_is_the_total_less_its_lines() {
    let rounded = |event: &mut Value| {
        let total = &mut event["orderReceipt"]["orderTotals"]["grandTotal"];
        *total = json!(total.as_i64().expect("an amount") - 50);
    };
    assert_adds(&receipt("standard", rounded), Extra::AmountRoundoff, json!({ "amountRoundoff": -0.5 }));
    assert_adds(&receipt("standard", |_| {}), Extra::AmountRoundoff, json!({}));
    assert_adds(&receipt("payment", |_| {}), Extra::AmountRoundoff, json!({}));
}

#[test]
fn sender_is_the_issuer_by_law() {
    let issued = |event: &mut Value| {
        event["orderReceipt"]["issuer"] = json!({
            "legalName": "Nordlys Sport AS", "legalId": "912 345 678", "vatId": "NO912345678MVA",
            "address": { "address": "Storgata 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO" },
        });
    };
    let expected = json!({ "invoiceSenderAddress": {
        "name": "Nordlys Sport AS", "organization": "Nordlys Sport AS", "organizationalNumber": "912 345 678",
        "line1": "Storgata 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO",
    } });
    assert_adds(&receipt("standard", issued), Extra::InvoiceSenderAddress, expected);
    assert_adds(&receipt("standard", |_| {}), Extra::InvoiceSenderAddress, json!({}));
}

#[test]
fn external_id_is_the_package() {
    let id = receipt("package", |_| {}).package.expect("a package").id;
    let expected = json!({ "externalIds": [{ "id": id.to_string(), "providerName": "Akinon" }] });
    assert_adds(&receipt("package", |_| {}), Extra::ExternalIds, expected);
    assert_adds(&receipt("standard", |_| {}), Extra::ExternalIds, json!({}));
}
