//! Each reason not to get an e-invoice names the term and what helps.

use en16931::{Invoice, Problem};
use events::ReceiptSettled;
use serde_json::{Value, json};

use crate::receipts;

/// The reasons for the business sample, changed.
fn reasons(change: impl FnOnce(&mut Value)) -> Vec<(Problem, String)> {
    let mut json = receipts::completed(receipts::sample("b2b"));
    change(&mut json);
    match Invoice::of(&receipts::event(&json), None) {
        Ok(_) => Vec::new(),
        Err(missing) => missing.iter().map(|missing| (missing.problem, missing.to_string())).collect(),
    }
}

/// One reason, of this kind, which says this.
fn assert_reason(problem: Problem, text: &str, change: impl FnOnce(&mut Value)) {
    let reasons = reasons(change);
    let [(found, reason)] = reasons.as_slice() else { panic!("not one reason: {reasons:#?}") };
    assert_eq!(*found, problem, "{reason}");
    assert!(reason.contains(text), "{reason}");
}

/// A line at 0 % beside the others.
fn add_zero_line(json: &mut Value, members: Value) {
    let mut line = json!({
        "uid": "i9", "sku": "BOOK", "name": "Bok", "quantity": 100, "unitPrice": 10000, "discountAmount": 0,
        "total": 10000, "vatRate": 0, "vatAmount": 0
    });
    for (name, value) in members.as_object().expect("an object") {
        line[name] = value.clone();
    }
    let receipt = &mut json["orderReceipt"];
    receipt["items"].as_array_mut().expect("items").push(line);
    receipt["orderTotals"] = json!({ "grandTotal": 1_818_100, "vatTotal": 361_620, "vat": [
        { "rate": 2500, "net": 1_446_480, "vat": 361_620 }, { "rate": 0, "net": 10_000, "vat": 0 }
    ] });
}

#[test]
fn complete_receipt_has_none() {
    assert_eq!(reasons(|_| {}), []);
}

#[test]
fn payments_are_no_invoices() {
    let event = receipts::event(&receipts::sample("payment"));
    let missing = Invoice::of(&event, None).expect_err("no invoice");
    assert_eq!(missing.iter().map(|missing| missing.problem).collect::<Vec<_>>(), [Problem::NotAnInvoice]);
    assert_eq!(missing[0].to_string(), "a receipt of type PAYMENT is no invoice: it pays one; nothing to do");
}

#[test]
fn seller_and_buyer_must_be_known() {
    assert_reason(Problem::Absent, "BT-27: the seller's name is missing; set", |json| {
        json["tenant"]["name"] = json!("");
        json["orderReceipt"]["issuer"]["legalName"] = json!(null);
    });
    assert_reason(
        Problem::Absent,
        "BT-31: the seller's VAT identifier is missing; set orderReceipt.issuer.vatId",
        |json| {
            json["orderReceipt"]["issuer"]["vatId"] = json!("");
            json["orderReceipt"]["order"]["store"]["organizationNumber"] = json!("556000-1111");
        },
    );
    assert_reason(Problem::Invalid, "BT-31: the seller's VAT identifier is not one", |json| {
        json["orderReceipt"]["issuer"]["vatId"] = json!("Org.nr. 912 345 678");
    });
    assert_reason(Problem::Invalid, "BT-40: the seller's country is not a known one", |json| {
        json["orderReceipt"]["issuer"]["address"]["countryCode"] = json!("Norway");
    });
    assert_reason(Problem::Absent, "BT-44: the buyer's name is missing", |json| {
        let receipt = &mut json["orderReceipt"];
        receipt["invoiceAddress"] = json!({ "vatNumber": "SE559000222201", "countryCode": "SE" });
        receipt["order"]["address"] = json!(null);
        receipt["contactPerson"] = json!(null);
        receipt["customer"] = json!(null);
    });
    assert_reason(Problem::Absent, "BT-55: the buyer's country is missing", |json| {
        let receipt = &mut json["orderReceipt"];
        receipt["invoiceAddress"] = json!(null);
        receipt["order"]["address"] = json!(null);
    });
}

#[test]
fn what_is_not_paid_needs_a_due_date() {
    assert_reason(
        Problem::Absent,
        "BT-9: the due date of what is not paid is missing; set orderReceipt.dueDate",
        |json| {
            json["orderReceipt"]["dueDate"] = json!("");
        },
    );
}

#[test]
fn zero_rate_needs_category_or_reason() {
    assert_reason(Problem::Absent, "orderReceipt.items[2].taxCategory", |json| {
        add_zero_line(json, json!({}))
    });
    assert_reason(Problem::Absent, "BT-120", |json| add_zero_line(json, json!({ "taxCategory": "E" })));
    assert_reason(Problem::Invalid, "BT-151", |json| add_zero_line(json, json!({ "taxCategory": "S" })));
    assert_reason(Problem::Invalid, "BT-151", |json| {
        json["orderReceipt"]["items"][0]["taxCategory"] = json!("Z");
    });
    assert_reason(Problem::Unrepresentable, "BT-118", |json| {
        add_zero_line(json, json!({ "taxCategory": "O" }))
    });
    for members in
        [json!({ "taxCategory": "Z" }), json!({ "exemptionReason": "§ 6-3" }), json!({ "taxCategory": "K" })]
    {
        assert_eq!(reasons(|json| add_zero_line(json, members)), []);
    }
}

#[test]
fn reverse_charge_needs_the_buyers_vat_identifier() {
    assert_reason(Problem::Absent, "BT-48", |json| {
        add_zero_line(json, json!({ "taxCategory": "AE" }));
        json["orderReceipt"]["invoiceAddress"]["vatNumber"] = json!("");
    });
}

#[test]
fn codes_must_be_known() {
    assert_reason(Problem::Invalid, "BT-130: the unit of line 1", |json| {
        json["orderReceipt"]["items"][0]["unitCode"] = json!("stk");
    });
    // The check of receipts refuses it before.
    let mut json = receipts::completed(receipts::sample("b2b"));
    json["tenant"]["country"]["currency"] = json!("kr");
    let event: ReceiptSettled = events::decode(json.to_string().as_bytes()).expect("a receipt");
    assert!(event.check().is_err());
    let missing = Invoice::of(&event, None).expect_err("no e-invoice");
    assert_eq!(missing.iter().map(|missing| missing.term).collect::<Vec<_>>(), ["BT-5"]);
}

#[test]
fn return_needs_the_voucher_returned() {
    let mut json = receipts::completed(receipts::sample("return"));
    json["orderReceipt"]["referencedVoucherNumber"] = json!("");
    let missing = Invoice::of(&receipts::event(&json), None).expect_err("no credit note");
    assert_eq!(missing.iter().map(|missing| missing.term).collect::<Vec<_>>(), ["BT-25"]);
}

#[test]
fn vat_table_must_come_to_the_total() {
    assert_reason(
        Problem::Unrepresentable,
        "BT-110: the VAT table and orderTotals.vatTotal are 0.01 apart",
        |json| {
            json["orderReceipt"]["orderTotals"]["vatTotal"] = json!(361_621);
        },
    );
}

#[test]
fn single_rate_without_a_table_takes_the_vat_total() {
    assert_eq!(
        reasons(|json| {
            json["orderReceipt"]["orderTotals"] = json!({ "grandTotal": 1_808_100, "vatTotal": 361_621 });
        }),
        []
    );
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    assert_reason(Problem::Unrepresentable, "more decimals than its currency", |json| {
        json["tenant"]["country"]["currency"] = json!("JPY");
    });
}
