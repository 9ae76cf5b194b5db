//! Which receipts contradict themselves, and how much they may differ before they do.

mod support;

use serde_json::{Value, json};
use support::{receipt, sample, with};

/// The path that is refused; `None` where the receipt is consistent.
fn contradiction(json: &Value) -> Option<String> {
    receipt(json).check().err().map(|contradiction| contradiction.path)
}

/// A sample, what is changed in it, and the path that is refused then.
type Case<'a> = (&'a str, &'a [(&'a str, Value)], Option<&'a str>);

fn assert_all(cases: &[Case<'_>]) {
    for (name, changes, expected) in cases {
        let changed = changes.iter().fold(sample(name), |json, (pointer, value)| {
            with(json, &format!("/orderReceipt{pointer}"), value.clone())
        });
        let expected = expected.map(|path| format!("orderReceipt.{path}"));
        assert_eq!(contradiction(&changed), expected, "{name} with {changes:?}");
    }
}

#[test]
fn samples_are_consistent() {
    for path in support::samples() {
        let json = serde_json::from_slice(&support::read(&path)).expect("JSON");
        assert_eq!(contradiction(&json), None, "{}", path.display());
    }
}

#[test]
fn members_that_depend_on_others_are_asked_for() {
    assert_all(&[
        ("standard", &[("/items", json!([]))], Some("items")),
        ("return", &[("/items", json!([]))], Some("items")),
        ("payment", &[("/settlementTotal", json!(null))], Some("settlementTotal")),
        ("payment", &[("/referencedVoucherNumber", json!(""))], Some("referencedVoucherNumber")),
        ("standard", &[("/settlements/0/settledAt", json!(null))], Some("settlements[0].settledAt")),
        (
            "standard",
            &[("/settlements/0/settledAt", json!(null)), ("/settlements/0/state", json!("PENDING"))],
            None,
        ),
        ("standard", &[("/settlementTotal", json!(1))], None),
    ]);
}

#[test]
fn a_line_is_quantity_by_price_less_discount_to_the_hundredth() {
    let line = |quantity: i64, price: i64, discount: i64, total: i64| {
        [
            ("/items/0/quantity", json!(quantity)),
            ("/items/0/unitPrice", json!(price)),
            ("/items/0/discountAmount", json!(discount)),
            ("/items/0/total", json!(total)),
            ("/items/0/vatAmount", json!(0)),
            ("/items/1/total", json!(0)),
            ("/items/1/quantity", json!(0)),
            ("/items/2/total", json!(0)),
            ("/items/2/quantity", json!(0)),
            ("/orderTotals/grandTotal", json!(total)),
            ("/orderTotals/vatTotal", json!(6209)),
            ("/orderTotals/vat", json!([])),
        ]
    };
    let refused = Some("items[0].total");
    assert_all(&[
        ("standard", &line(150, 1001, 0, 1501), None), // 15.015, rounded down
        ("standard", &line(150, 1001, 0, 1502), None), // and up
        ("standard", &line(150, 1001, 0, 1500), refused),
        ("standard", &line(150, 1001, 0, 1503), refused),
        ("standard", &line(100, 1001, 1, 1000), None),
        ("standard", &line(100, 1001, 1, 1001), refused),
        ("standard", &line(-100, 1001, 0, -1001), None),
        ("standard", &line(10_000_000_000_000, 10_000_000_000_000, 0, 1), refused),
    ]);
}

#[test]
fn vat_rates_are_between_0_and_100_percent() {
    let rate = |rate: i64| [("/items/1/vatRate", json!(rate))];
    assert_all(&[
        ("standard", &rate(-1), Some("items[1].vatRate")),
        ("standard", &rate(0), None),
        ("standard", &rate(10_000), None),
        ("standard", &rate(10_001), Some("items[1].vatRate")),
    ]);
}

#[test]
fn nothing_is_positive_on_a_return() {
    let gift = [
        ("/items/0/quantity", json!(0)),
        ("/items/0/total", json!(0)),
        ("/items/0/vatAmount", json!(0)),
        ("/orderTotals", json!({ "grandTotal": 0, "vatTotal": 0 })),
    ];
    let positive = |quantity: i64, discount: i64, total: i64| {
        [
            ("/items/0/quantity", json!(quantity)),
            ("/items/0/unitPrice", json!(100)),
            ("/items/0/discountAmount", json!(discount)),
            ("/items/0/total", json!(total)),
        ]
    };
    assert_all(&[
        ("return", &gift, None),
        ("return", &positive(1, 0, 1), Some("items[0].quantity")),
        ("return", &positive(-1, 1, -2), Some("items[0].discountAmount")),
        ("return", &positive(-1, -2, 1), Some("items[0].total")),
        ("return", &positive(1, 0, 1)[..2], Some("items[0].total")),
    ]);
}

#[test]
fn totals_add_up_within_what_tills_round() {
    let total = |total: i64| [("/orderTotals/grandTotal", json!(total))];
    let vat = |vat: i64| [("/orderTotals/vatTotal", json!(vat)), ("/orderTotals/vat", json!(null))];
    let table = |vat: i64| [("/orderTotals/vat", json!([{ "rate": 2500, "net": 0, "vat": vat }]))];
    assert_all(&[
        ("standard", &total(383_650 + 100), None),
        ("standard", &total(383_650 - 100), None),
        ("standard", &total(383_650 + 101), Some("orderTotals.grandTotal")),
        ("standard", &total(383_650 - 101), Some("orderTotals.grandTotal")),
        ("standard", &vat(76_189 + 3), None), // three lines
        ("standard", &vat(76_189 - 3), None),
        ("standard", &vat(76_189 + 4), Some("orderTotals.vatTotal")),
        ("standard", &vat(76_189 - 4), Some("orderTotals.vatTotal")),
        ("standard", &table(76_189 + 3), None),
        ("standard", &table(76_189 + 4), Some("orderTotals.vat")),
        ("standard", &[("/orderTotals/vat", json!([]))], None),
    ]);
}

#[test]
fn a_payment_comes_to_its_counted_settlements() {
    let further = |amount: i64, member: &str, value: &str| {
        let mut settlement = sample("payment")["orderReceipt"]["settlements"][0].clone();
        settlement["amount"] = json!(amount);
        settlement[member] = json!(value);
        let first = &sample("payment")["orderReceipt"]["settlements"][0];
        [("/settlements", json!([first, settlement]))]
    };
    assert_all(&[
        ("payment", &[("/settlementTotal", json!(499_999))], Some("settlementTotal")),
        ("payment", &further(1, "state", "FAILED"), None),
        ("payment", &further(1, "kind", "PRE_PAYMENT"), None),
        ("payment", &further(1, "prePaymentUid", "pp-1"), None),
        ("payment", &further(1, "kind", "OTHER"), Some("settlementTotal")),
    ]);
}

#[test]
fn sums_of_the_largest_amounts_do_not_overflow() {
    // As many as fit into 1 MiB, and no receipt is larger.
    let item = json!({
        "uid": "i", "sku": "s", "name": "n", "quantity": 100, "unitPrice": 10_000_000_000_000_i64,
        "discountAmount": 0, "total": 10_000_000_000_000_i64, "vatRate": 0, "vatAmount": 10_000_000_000_000_i64
    });
    let row = json!({ "rate": 0, "net": 0, "vat": 10_000_000_000_000_i64 });
    let settlement = json!({
        "uid": "s", "code": "c", "name": "n", "kind": "CASH", "amount": -10_000_000_000_000_i64, "state": "X"
    });
    let many = |json: &Value| Value::Array(vec![json.clone(); (1 << 20) / json.to_string().len()]);
    assert_all(&[
        ("standard", &[("/items", many(&item))], Some("orderTotals.grandTotal")),
        ("standard", &[("/orderTotals/vat", many(&row))], Some("orderTotals.vat")),
        ("standard", &[("/settlements", many(&settlement))], Some("settlements")),
    ]);
}

#[test]
fn a_contradiction_names_no_value() {
    let json = with(sample("standard"), "/orderReceipt/orderTotals/grandTotal", json!(987_654_321));
    let told = receipt(&json).check().expect_err("it does not add up").to_string();
    assert!(!told.contains("987") && !told.contains("654"), "{told}");
}
