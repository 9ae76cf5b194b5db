//! Which receipts contradict themselves, and how much they may differ before they do.

use serde_json::{Value, json};

use crate::support::{self, receipt, sample, with};

/// The paths that are refused; none where the receipt is consistent.
fn contradictions(json: &Value) -> Vec<String> {
    let found = receipt(json).check().err();
    found.iter().flat_map(|found| found.iter()).map(|contradiction| contradiction.path.clone()).collect()
}

/// A sample, what is changed in it, and a path that is refused then.
type Case<'a> = (&'a str, &'a [(&'a str, Value)], Option<&'a str>);

fn assert_all(cases: &[Case<'_>]) {
    for (name, changes, expected) in cases {
        let changed = changes.iter().fold(sample(name), |json, (pointer, value)| {
            with(json, &format!("/orderReceipt{pointer}"), value.clone())
        });
        let found = contradictions(&changed);
        match expected {
            Some(path) => {
                assert!(found.contains(&format!("orderReceipt.{path}")), "{path}: {found:?} for {changes:?}");
            }
            None => assert!(found.is_empty(), "{name} with {changes:?}: {found:?}"),
        }
    }
}

#[test]
fn samples_are_consistent() {
    for path in support::samples() {
        let json = serde_json::from_slice(&support::read(&path)).expect("JSON");
        assert!(contradictions(&json).is_empty(), "{}", path.display());
    }
}

#[test]
fn requires_dependent_members() {
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
fn checks_the_total_of_a_line() {
    let line = |quantity: i64, price: i64, discount: i64, total: i64| {
        [
            ("/items/0/quantity", json!(quantity)),
            ("/items/0/unitPrice", json!(price)),
            ("/items/0/discountAmount", json!(discount)),
            ("/items/0/total", json!(total)),
            ("/items/0/vatRate", json!(0)),
            ("/items/0/vatAmount", json!(0)),
            ("/items/1/total", json!(0)),
            ("/items/1/quantity", json!(0)),
            ("/items/1/vatAmount", json!(0)),
            ("/items/2/total", json!(0)),
            ("/items/2/quantity", json!(0)),
            ("/items/2/vatAmount", json!(0)),
            ("/orderTotals/grandTotal", json!(total)),
            ("/orderTotals/vatTotal", json!(0)),
            ("/orderTotals/vat", json!([])),
            ("/settlements", json!([])),
        ]
    };
    let refused = Some("items[0].total");
    assert_all(&[
        // Weighed more finely than 1.50 says, at 10.01 a kilogram: 1.495 to 1.505.
        ("standard", &line(150, 1001, 0, 1496), None),
        ("standard", &line(150, 1001, 0, 1507), None),
        ("standard", &line(150, 1001, 0, 1495), refused),
        ("standard", &line(150, 1001, 0, 1508), refused),
        ("standard", &line(35, 12_990, 0, 4482), None), // 0.345 kg
        ("standard", &line(300, 333, 0, 999), None),
        ("standard", &line(300, 333, 0, 1000), refused),
        ("standard", &line(100, 1001, 1, 1000), None),
        ("standard", &line(100, 1001, 1, 1001), refused),
        ("standard", &line(-100, 1001, 0, -1001), None),
        ("standard", &line(10_000_000_000_000, 10_000_000_000_000, 0, 1), refused),
    ]);
}

#[test]
fn vat_rates_are_between_0_and_100_percent() {
    let rate = |rate: i64, vat: i64| {
        [
            ("/items/1/vatRate", json!(rate)),
            ("/items/1/vatAmount", json!(vat)),
            ("/orderTotals/vatTotal", json!(69_980 + 1013 + vat)),
            ("/orderTotals/vat", json!(null)),
        ]
    };
    let row = |rate: i64| [("/orderTotals/vat", json!([{ "rate": rate, "net": 0, "vat": 76_189 }]))];
    assert_all(&[
        ("standard", &rate(-1, 0), Some("items[1].vatRate")),
        ("standard", &rate(0, 0), None),
        ("standard", &rate(10_000, 12_990), None),
        ("standard", &rate(10_001, 12_990), Some("items[1].vatRate")),
        ("standard", &row(10_001), Some("orderTotals.vat[0].rate")),
        ("standard", &row(-1), Some("orderTotals.vat[0].rate")),
    ]);
}

#[test]
fn rejects_positive_amounts_on_a_return() {
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
fn totals_add_up_within_rounding() {
    let total = |total: i64| [("/orderTotals/grandTotal", json!(total))];
    let vat = |vat: i64| [("/orderTotals/vatTotal", json!(vat)), ("/orderTotals/vat", json!(null))];
    let table = |vat: i64| {
        let row = |rate: i64, net: i64, vat: i64| json!({ "rate": rate, "net": net, "vat": vat });
        [("/orderTotals/vat", json!([row(1500, 6757, 1013), row(2500, 375_880 - vat, vat)]))]
    };
    assert_all(&[
        ("standard", &total(383_650 + 100), None),
        ("standard", &total(383_650 - 100), None),
        ("standard", &total(383_650 + 101), Some("orderTotals.grandTotal")),
        ("standard", &total(383_650 - 101), Some("orderTotals.grandTotal")),
        ("standard", &vat(76_189 + 3), None), // three lines
        ("standard", &vat(76_189 - 3), None),
        ("standard", &vat(76_189 + 4), Some("orderTotals.vatTotal")),
        ("standard", &vat(76_189 - 4), Some("orderTotals.vatTotal")),
        ("standard", &table(75_176 + 2), None),
        ("standard", &table(75_176 + 4), Some("orderTotals.vat")),
        ("standard", &table(75_176 + 3), Some("orderTotals.vat[1].vat")), // two lines
        ("standard", &[("/orderTotals/vat", json!([]))], None),
    ]);
}

#[test]
fn payment_equals_its_counted_settlements() {
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
fn largest_amounts_do_not_overflow() {
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
fn contradiction_names_both_sums_alone() {
    let json = with(sample("standard"), "/orderReceipt/orderTotals/grandTotal", json!(987_654_321));
    let message = receipt(&json).check().expect_err("it does not add up").to_string();
    assert_eq!(
        message,
        "the receipt contradicts itself at orderReceipt.orderTotals.grandTotal: expected the sum of the items' \
         totals, 3836.50, within 1.00, and it is 9876543.21"
    );
}

#[test]
fn reports_all_contradictions_at_once() {
    let mut json = sample("standard");
    let receipt = &mut json["orderReceipt"];
    receipt["items"][0]["total"] = json!(1);
    receipt["items"][2]["vatAmount"] = json!(-1);
    receipt["settlements"][0]["settledAt"] = json!(null);
    receipt["orderTotals"]["vatTotal"] = json!(1);
    let found = contradictions(&json);
    for path in ["items[0].total", "items[0].vatAmount", "items[2].vatAmount", "settlements[0].settledAt"] {
        assert!(found.contains(&format!("orderReceipt.{path}")), "{path}: {found:?}");
    }
    assert!(found.contains(&"orderReceipt.orderTotals.vatTotal".to_owned()), "{found:?}");
}

#[test]
fn checks_vat_by_its_rate_within_rounding() {
    let vat = |vat: i64| {
        [
            ("/items/2/vatAmount", json!(vat)), // three pieces, 77.70 at 15 %: 10.135
            ("/orderTotals/vatTotal", json!(75_176 + vat)),
            ("/orderTotals/vat", json!(null)),
        ]
    };
    let refused = Some("items[2].vatAmount");
    assert_all(&[
        ("standard", &vat(1013), None),
        ("standard", &vat(1014), None), // 3 × 3.38
        ("standard", &vat(1017), None), // 0.01, and 0.01 a piece
        ("standard", &vat(1018), refused),
        ("standard", &vat(1010), None),
        ("standard", &vat(1009), refused),
        ("standard", &vat(1166), refused), // 15 % of the price with VAT
        ("standard", &vat(0), refused),
        ("standard", &vat(-1013), refused),
        ("standard", &vat(7771), refused),
    ]);
}

#[test]
fn vat_rows_match_their_lines() {
    let rows = |rows: Value| [("/orderTotals/vat", rows)];
    let row = |rate: i64, net: i64, vat: i64| json!({ "rate": rate, "net": net, "vat": vat });
    let (low, high) = (row(1500, 6757, 1013), row(2500, 300_704, 75_176));
    assert_all(&[
        ("standard", &rows(json!([low, high])), None),
        ("standard", &rows(json!([low, high, row(0, 0, 0)])), None),
        ("standard", &rows(json!([low, row(2500, 375_880, 75_176)])), Some("orderTotals.vat[1].net")),
        (
            "standard",
            &rows(json!([row(1500, 6757, 1113), row(2500, 300_804, 75_076)])),
            Some("orderTotals.vat[0].vat"),
        ),
        ("standard", &rows(json!([row(1200, 6757, 1013), high])), Some("orderTotals.vat")),
        ("standard", &rows(json!([row(1200, 6757, 1013), high])), Some("orderTotals.vat[0].vat")),
        ("standard", &rows(json!([high, low, high])), Some("orderTotals.vat[2].rate")),
        ("payment", &rows(json!([row(2500, 10_000, 2500)])), Some("orderTotals.vat")),
        (
            "payment",
            &rows(json!([row(2500, 10_000, 2500), row(1500, -25_000, -2500)])),
            Some("orderTotals.vat[1].vat"),
        ),
    ]);
}

#[test]
fn cash_rounding_may_have_a_vat_row() {
    let rounded = |rows: Value| [("/orderTotals/grandTotal", json!(383_700)), ("/orderTotals/vat", rows)];
    let row = |rate: i64, net: i64, vat: i64| json!({ "rate": rate, "net": net, "vat": vat });
    let low = row(1500, 6757, 1013);
    assert_all(&[
        ("standard", &rounded(json!([low, row(2500, 300_704, 75_176)])), None),
        ("standard", &rounded(json!([low, row(2500, 300_754, 75_176)])), None),
        ("standard", &rounded(json!([low, row(2500, 300_704, 75_176), row(0, 50, 0)])), None),
        (
            "standard",
            &rounded(json!([low, row(2500, 300_704, 75_176), row(0, 51, 0)])),
            Some("orderTotals.vat[2].net"),
        ),
    ]);
}

#[test]
fn settlements_have_the_sign_of_the_grand_total() {
    let paid = |amount: i64| [("/settlements/0/amount", json!(amount))];
    let pending = [("/settlements/0/amount", json!(349_900)), ("/settlements/0/state", json!("PENDING"))];
    assert_all(&[
        ("return", &paid(349_900), Some("settlements")),
        ("return", &paid(-1), None),
        ("return", &paid(0), None),
        ("return", &pending, None),
        ("standard", &paid(-383_650), Some("settlements")),
        ("standard", &paid(1000), None),
        // What was paid in advance is given back in part.
        (
            "standard",
            &[("/settlements/0/amount", json!(-10_000)), ("/settlements/0/prePaymentUid", json!("pre-1"))],
            None,
        ),
    ]);
}

#[test]
fn requires_a_currency_of_iso_4217() {
    for (currency, is_known) in [
        ("NOK", true),
        ("ISK", true),
        ("KWD", true),
        ("nok", false),
        ("kr", false),
        ("XXY", false),
        ("XAU", false),
    ] {
        let json = with(sample("standard"), "/tenant/country/currency", json!(currency));
        let expected: &[&str] = if is_known { &[] } else { &["tenant.country.currency"] };
        assert_eq!(contradictions(&json), expected, "{currency}");
        if !is_known {
            let error = receipt(&json).check().expect_err("it is refused").to_string();
            assert!(
                error.ends_with("expected a currency that ISO 4217 knows, in capitals, as in NOK"),
                "{error}"
            );
        }
    }
}

/// A sale of two lines in a currency; totals, VAT by line and in all, in whole units but for `hundredths`.
fn whole(currency: &str, totals: [i64; 2], vats: [i64; 2], vat_total: i64, unit: i64) -> Value {
    let item = |i: usize| {
        json!({
            "uid": format!("i{i}"), "sku": "A", "name": "A", "quantity": 100, "unitPrice": totals[i] * unit,
            "discountAmount": 0, "total": totals[i] * unit, "vatRate": 2400, "vatAmount": vats[i] * unit,
        })
    };
    let total = (totals[0] + totals[1]) * unit;
    let vat = json!([{ "rate": 2400, "net": total - vat_total * unit, "vat": vat_total * unit }]);
    [
        ("/tenant/country", json!({ "code": "IS", "currency": currency })),
        ("/orderReceipt/items", json!([item(0), item(1)])),
        (
            "/orderReceipt/orderTotals",
            json!({ "grandTotal": total, "vatTotal": vat_total * unit, "vat": vat }),
        ),
        ("/orderReceipt/settlements", json!([])),
        ("/orderReceipt/settlementTotal", json!(null)),
    ]
    .into_iter()
    .fold(sample("standard"), |json, (pointer, value)| with(json, pointer, value))
}

#[test]
fn tolerance_is_the_least_unit_of_the_currency() {
    // 24 % in 1,003 and 2,005 krónur is 194.13 and 388.06; of both together it is 582.19.
    for (vats, vat_total, is_right) in [
        ([194, 388], 582, true),
        ([195, 389], 582, true),
        ([194, 388], 584, true),
        ([194, 388], 585, false),
        ([194, 391], 585, false),
    ] {
        for currency in ["ISK", "JPY"] {
            let found = contradictions(&whole(currency, [1003, 2005], vats, vat_total, 100));
            assert_eq!(found.is_empty(), is_right, "{currency} {vats:?} {vat_total}: {found:?}");
        }
        // Of kroner the same is the tolerance in øre, and far beyond it in whole kroner.
        let found = contradictions(&whole("NOK", [1003, 2005], vats, vat_total, 1));
        assert_eq!(found.is_empty(), is_right, "{vats:?} {vat_total}: {found:?}");
        assert!(!contradictions(&whole("NOK", [1003, 2005], [195, 389], 582, 100)).is_empty());
    }
    let wrong =
        receipt(&whole("ISK", [1003, 2005], [194, 388], 585, 100)).check().expect_err("it is refused");
    assert!(wrong.to_string().contains("within 1 a line"), "{wrong}");
}

#[test]
fn weighed_line_of_whole_units_is_rounded_to_whole_ones() {
    // 0.33 kg at 1,999 is 659.67.
    for (currency, total, is_right) in
        [("ISK", 66_000, true), ("ISK", 65_900, true), ("ISK", 67_200, false), ("NOK", 67_200, false)]
    {
        let json = [
            ("/orderReceipt/items/0/quantity", json!(33)),
            ("/orderReceipt/items/0/unitPrice", json!(199_900)),
            ("/orderReceipt/items/0/total", json!(total)),
        ]
        .into_iter()
        .fold(whole(currency, [660, 2005], [128, 388], 516, 100), |json, (pointer, value)| {
            with(json, pointer, value)
        });
        let found = contradictions(&json);
        assert_eq!(
            found.contains(&"orderReceipt.items[0].total".to_owned()),
            !is_right,
            "{total}: {found:?}"
        );
    }
}
