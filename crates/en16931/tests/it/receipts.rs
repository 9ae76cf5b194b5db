//! Receipts that carry all that an e-invoice needs: the samples, and generated ones of every shape.

use std::path::{Path, PathBuf};

use events::ReceiptSettled;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A sample as JSON: `standard`, `return`, `payment` …
pub(crate) fn sample(name: &str) -> Value {
    let path = root().join(format!("tests/samples/receipt-{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the samples are JSON")
}

/// The samples that can be invoices.
pub(crate) const SAMPLES: [&str; 6] = ["b2b", "long", "package", "return", "split-payment", "standard"];

/// The same with what a till leaves out: who issues it, when it is due, what is returned.
pub(crate) fn completed(mut json: Value) -> Value {
    let receipt = &mut json["orderReceipt"];
    receipt["issuer"] = issuer();
    receipt["dueDate"] = json!("2026-12-02");
    if receipt["order"]["type"] == "RETURN" {
        receipt["referencedVoucherNumber"] = json!("1001");
    }
    if receipt["invoiceAddress"].is_null() && receipt["order"]["address"].is_null() {
        receipt["invoiceAddress"] = buyer();
    }
    json
}

pub(crate) fn event(json: &Value) -> ReceiptSettled {
    let event: ReceiptSettled =
        events::decode(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {json:#}"));
    event.check().unwrap_or_else(|error| panic!("{error}: {json:#}"));
    event
}

fn issuer() -> Value {
    json!({
        "legalName": "Fjord Sport AS", "legalId": "987 654 325", "vatId": "NO 987 654 325 MVA",
        "registerNote": "Foretaksregisteret",
        "address": { "address": "Kongens gate 4", "postalCode": "0153", "city": "Oslo", "countryCode": "NO" }
    })
}

fn buyer() -> Value {
    json!({
        "companyName": "Åsa Bygg AB", "vatNumber": "SE559000222201", "address": "Verkstadsgatan 3",
        "postalCode": "417 55", "city": "Göteborg", "countryCode": "SE"
    })
}

/// How a till rounds the VAT of a line.
#[derive(Clone, Copy, Debug)]
enum Rounding {
    Nearest,
    Down,
    ByPiece,
}

/// What the VAT table says.
#[derive(Clone, Copy, Debug)]
enum Table {
    None,
    /// The VAT total is rounded by rate.
    TotalByRate,
    ByLine,
    ByRate,
    WithRounding,
    RoundingApart,
}

/// How it was paid.
#[derive(Clone, Copy, Debug)]
enum Paid {
    Card,
    Cash,
    GiftCard,
    Invoice,
    PrePaidAndInvoice,
    PrePaidAndLinked,
    PartlyByCard,
}

/// A sale, an exchange or a return of any lines, rates, rounding and payments.
pub(crate) fn any() -> impl Strategy<Value = ReceiptSettled> {
    let kind = select(vec!["SALE", "SALE", "EXCHANGE", "RETURN"]);
    let rounding = select(vec![Rounding::Nearest, Rounding::Nearest, Rounding::Down, Rounding::ByPiece]);
    let tables = [
        Table::None,
        Table::TotalByRate,
        Table::ByLine,
        Table::ByRate,
        Table::WithRounding,
        Table::RoundingApart,
    ];
    let paid = [
        Paid::Card,
        Paid::Cash,
        Paid::GiftCard,
        Paid::Invoice,
        Paid::PrePaidAndInvoice,
        Paid::PrePaidAndLinked,
        Paid::PartlyByCard,
    ];
    let amounts = (kind, rounding, select(tables.to_vec()), select(paid.to_vec()), proptest::bool::ANY);
    let zero = select(vec!["Z", "E", "AE", "K", "G", "O"]);
    (amounts, zero, prop::collection::vec(item(), 1..12), facts(), currency()).prop_filter_map(
        "a receipt that passes its check",
        |((kind, rounding, table, paid, rounds_cash), zero, items, facts, (currency, unit))| {
            let items = lines(items, kind, zero, rounding, unit);
            let json = receipt(kind, items, table, paid, rounds_cash, facts, currency, unit);
            let event: ReceiptSettled = events::decode(json.to_string().as_bytes()).ok()?;
            event.check().is_ok().then_some(event)
        },
    )
}

/// Code, and the hundredths that its smallest amount has.
fn currency() -> impl Strategy<Value = (&'static str, i64)> {
    select(vec![("NOK", 1), ("SEK", 1), ("EUR", 1), ("TRY", 1), ("KWD", 1), ("ISK", 100), ("JPY", 100)])
}

/// Quantity, price, discount in percent, rate.
fn item() -> impl Strategy<Value = (i64, i64, i64, i64)> {
    let quantity = prop_oneof![
        Just(100),
        (1_i64..=20).prop_map(|pieces| 100 * pieces),
        1_i64..=500,
        Just(0),
        Just(70_000),
        Just(700_000_700)
    ];
    let price = prop_oneof![0_i64..=500, 0_i64..=500_000, Just(99_900), Just(1), Just(5_000_000_000)];
    let rate = prop_oneof![
        select(vec![2_500_i64, 2_500, 1_500, 1_200, 600, 0]),
        select(vec![2_000_i64, 1_000, 1_111, 2_550, 10_000, 50])
    ];
    (quantity, price, prop_oneof![Just(0), 0_i64..=100], rate).prop_map(
        |(quantity, price, discount, rate)| {
            // Together at most what a receipt may have.
            (quantity, if quantity > 70_000 { price % 100 } else { price }, discount, rate)
        },
    )
}

fn lines(
    items: Vec<(i64, i64, i64, i64)>,
    kind: &str,
    zero: &str,
    rounding: Rounding,
    unit: i64,
) -> Vec<Value> {
    let is_outside = zero == "O";
    let whole = |amount: i64| (amount as f64 / unit as f64).round() as i64 * unit;
    let line = |(i, (quantity, price, discount, rate)): (usize, (i64, i64, i64, i64))| {
        let sign = match kind {
            "RETURN" => -1,
            "EXCHANGE" if i % 2 == 1 => -1,
            _ => 1,
        };
        // Of whole units, the check takes VAT that is exact only.
        let (price, rate) =
            if unit > 1 { (price / 5 * 5 * unit, if rate > 0 { 2_500 } else { 0 }) } else { (price, rate) };
        let quantity = if unit > 1 { quantity.div_euclid(100) * 100 } else { quantity };
        let before = quantity * price / 100;
        let exact = if unit > 1 { 5 * unit } else { 1 };
        let discount = before * discount / 100 / exact * exact;
        let total = before - discount;
        let rate = if is_outside { 0 } else { rate };
        let vat = |total: i64| total as f64 * rate as f64 / (10_000 + rate) as f64;
        let vat = match rounding {
            Rounding::Nearest => whole(vat(total).round() as i64),
            Rounding::Down => vat(total).floor() as i64 / unit * unit,
            Rounding::ByPiece if quantity % 100 == 0 && quantity > 0 && unit == 1 => {
                let pieces = quantity / 100;
                ((vat(total) / pieces as f64).round() as i64 * pieces).min(total)
            }
            Rounding::ByPiece => whole(vat(total).round() as i64),
        };
        let mut json = json!({
            "uid": format!("i{i}"), "sku": format!("SKU-{i}"), "name": "Skrue <M8> & «mutter»\u{1}\n 8\" ≤ 😀",
            "quantity": sign * quantity, "unitPrice": price, "discountAmount": sign * discount,
            "total": sign * total, "vatRate": rate, "vatAmount": sign * vat,
            "ean": if i % 2 == 0 { "7044610873466" } else { "123" }
        });
        if i % 3 == 0 {
            json["unitCode"] = json!("KGM");
        }
        if rate == 0 {
            match zero {
                "E" if i % 2 == 0 => json["exemptionReason"] = json!("Merverdiavgiftsloven § 6-1"),
                "E" => {
                    json["taxCategory"] = json!("E");
                    json["exemptionReason"] = json!("Books & papers");
                }
                // Two categories of one rate.
                "Z" if i % 2 == 0 => json["exemptionReason"] = json!("Exempt"),
                other => json["taxCategory"] = json!(other),
            }
        }
        json
    };
    items.into_iter().enumerate().map(line).collect()
}

/// Members of people and places that may be there or not.
fn facts() -> impl Strategy<Value = Value> {
    let buyers = select(vec![
        buyer(),
        json!({ "companyName": " Bygg & Sønner ", "vatNumber": "NO 912 345 678 MVA", "countryCode": "no" }),
        json!({ "displayName": "Kari\u{7} \"K\" <Nordmann>", "vatNumber": "SE556000111101", "email": "k@x.no" }),
    ]);
    let accounts = select(vec![
        json!(null),
        json!({ "iban": "NO93 8601 1117 947", "bic": "DNBANOKKXXX", "reference": "1234567897" }),
        json!({ "account": "8601 11 17947" }),
    ]);
    (buyers, accounts, [proptest::bool::ANY; 4]).prop_map(
        |(buyer, account, [has_contact, is_sent, has_dates, is_copy])| {
            let mut facts =
                json!({ "invoiceAddress": buyer, "paymentAccount": account, "dueDate": "2026-12-02" });
            if has_contact {
                facts["contactPerson"] =
                    json!({ "displayName": "Åsa", "email": "a@x.se", "mobile": "+46 70" });
                facts["buyerReference"] = json!("PO & 4711");
            }
            if has_dates {
                facts["deliveryDate"] = json!("2026-11-05");
            }
            facts["isCopy"] = json!(is_copy);
            facts["isSent"] = json!(is_sent);
            facts
        },
    )
}

#[allow(clippy::too_many_arguments)]
fn receipt(
    kind: &str,
    items: Vec<Value>,
    table: Table,
    paid: Paid,
    rounds_cash: bool,
    facts: Value,
    currency: &str,
    unit: i64,
) -> Value {
    let of = |item: &Value, member: &str| item[member].as_i64().expect("an integer");
    let sum = |member: &str| items.iter().map(|item| of(item, member)).sum::<i64>();
    let total = sum("total");
    let rounded = (total as f64 / 100.0).round() as i64 * 100;
    let grand_total = if rounds_cash { rounded } else { total };

    let mut rates: Vec<i64> = items.iter().map(|item| of(item, "vatRate")).collect();
    rates.sort_unstable();
    rates.dedup();
    let row = |rate: &i64| {
        let of_rate = || items.iter().filter(|item| of(item, "vatRate") == *rate);
        let gross: i64 = of_rate().map(|item| of(item, "total")).sum();
        let by_line: i64 = of_rate().map(|item| of(item, "vatAmount")).sum();
        let exact = gross as f64 * *rate as f64 / (10_000 + rate) as f64;
        let by_rate = (exact / unit as f64).round() as i64 * unit;
        // Further from the lines than a receipt may be, where they were rounded down or by piece.
        let is_near = (by_rate - by_line).unsigned_abs() <= of_rate().count() as u64;
        let vat = if matches!(table, Table::TotalByRate | Table::ByRate | Table::WithRounding) && is_near {
            by_rate
        } else {
            by_line
        };
        (*rate, gross - vat, vat)
    };
    let mut rows: Vec<_> = rates.iter().map(row).collect();
    let vat_total = match table {
        Table::None => sum("vatAmount"),
        _ => rows.iter().map(|(_, _, vat)| vat).sum(),
    };
    match table {
        Table::WithRounding => rows.last_mut().expect("a row").1 += grand_total - total,
        Table::RoundingApart if !rates.contains(&0) && grand_total != total => {
            rows.push((0, grand_total - total, 0))
        }
        _ => {}
    }
    let rows: Vec<_> =
        rows.iter().map(|(rate, net, vat)| json!({ "rate": rate, "net": net, "vat": vat })).collect();

    let part = grand_total / 300 * 100;
    let settlement = |kind: &str, amount: i64, pre_payment: Option<&str>| {
        json!({
            "uid": "s", "code": kind, "name": format!("Means <{kind}>"), "kind": kind, "amount": amount,
            "state": "COMPLETED", "settledAt": "2026-11-02T09:15:40Z", "prePaymentUid": pre_payment
        })
    };
    let settlements = match paid {
        Paid::Card => vec![settlement("CARD", grand_total, None)],
        Paid::Cash => {
            vec![settlement("CASH", 2 * grand_total, None), settlement("CASHBACK", -grand_total, None)]
        }
        Paid::GiftCard => vec![settlement("GIFT_CARD", grand_total, None)],
        Paid::Invoice => vec![settlement("INVOICE", grand_total, None)],
        Paid::PrePaidAndInvoice => {
            vec![
                settlement("PRE_PAYMENT", part, Some("pp-1")),
                settlement("INVOICE", grand_total - part, None),
            ]
        }
        Paid::PrePaidAndLinked => vec![
            settlement("CARD", part, Some("pp-1")),
            settlement("PRE_PAYMENT", part, None),
            settlement("CARD", grand_total - part, None),
        ],
        Paid::PartlyByCard => vec![settlement("CARD", part, None)],
    };

    let is_return = kind == "RETURN";
    let mut json = json!({
        "id": "evt-1", "type": "receipt.settled.v1", "occurredAt": "2026-11-02T09:15:42Z",
        "tenant": { "uid": "7", "name": "Fjord Sport", "country": { "code": "NO", "currency": currency } },
        "orderReceipt": {
            "uid": "rcpt-1", "voucherNumber": "A/1 & 2",
            "createdAt": "2026-11-02T23:15:00Z", "settledAt": "2026-11-02T23:15:42Z",
            "order": {
                "uid": "ord-1", "orderNumber": "601", "type": if is_return { "RETURN" } else { "SALE" },
                "origin": "POS",
                "store": { "uid": "70", "name": "Fjord Storo", "phone": "+47 22 00 00 00" },
                "address": { "displayName": "Lager", "city": "Bergen", "countryCode": "SE" }
            },
            "orderTotals": { "grandTotal": grand_total, "vatTotal": vat_total },
            "items": items, "settlements": settlements, "issuer": issuer(),
        }
    });
    if !matches!(table, Table::None | Table::TotalByRate) {
        json["orderReceipt"]["orderTotals"]["vat"] = json!(rows);
    }
    if is_return {
        json["orderReceipt"]["referencedVoucherNumber"] = json!("998");
    }
    if facts["isSent"] == true {
        json["package"] = json!({ "id": 1, "number": "P-1" });
    }
    for (name, value) in facts.as_object().expect("an object").iter().filter(|(name, _)| *name != "isSent") {
        json["orderReceipt"][name] = value.clone();
    }
    json
}
