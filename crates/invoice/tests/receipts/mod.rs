//! Receipts of every shape that passes the check.

use events::{Hundredths, ReceiptSettled};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A receipt of any type: any lines, discounts, rates, payments, people and addresses.
pub(crate) fn any() -> impl Strategy<Value = ReceiptSettled> {
    let kind = proptest::sample::select(vec!["SALE", "RETURN", "PAYMENT"]);
    let lists = (prop::collection::vec(item(), 0..6), prop::collection::vec(settlement(), 0..8));
    let people = (customer(), member_set(ADDRESS), member_set(ADDRESS), member_set(CONTACT));
    (kind, lists, people, -100_i64..=100).prop_map(
        |(kind, (mut items, mut settlements), people, rounding)| {
            match kind {
                "SALE" if items.is_empty() => items.push(line(100, 12_500, 0, 2_500)),
                "RETURN" if items.is_empty() => items.push(line(-100, 12_500, 0, 2_500)),
                "RETURN" => items.iter_mut().for_each(give_back),
                _ => {}
            }
            let sum = |member: &str| items.iter().filter_map(|item| item[member].as_i64()).sum::<i64>();
            let total = sum("total") + rounding;
            if kind != "PAYMENT" {
                pay(&mut settlements, total);
            }
            let (customer, invoice_address, order_address, contact_person) = people;
            let mut json = json!({
                "id": "evt-1", "type": "receipt.settled.v1", "occurredAt": "2026-11-02T09:15:42Z",
                "tenant": { "uid": "7", "country": { "currency": "NOK" } },
                "orderReceipt": {
                    "uid": "rcpt-1", "voucherNumber": "1",
                    "createdAt": "2026-11-02T09:15:00Z", "settledAt": "2026-11-02T09:15:42Z",
                    "order": {
                        "uid": "ord-1", "orderNumber": "601", "type": kind, "origin": "POS",
                        "store": { "uid": "70" }, "address": order_address
                    },
                    "orderTotals": { "grandTotal": total, "vatTotal": sum("vatAmount") },
                    "items": items, "settlements": settlements,
                    "customer": customer, "invoiceAddress": invoice_address, "contactPerson": contact_person,
                    "referencedVoucherNumber": "998"
                }
            });
            json["orderReceipt"]["settlementTotal"] = json!(counted_total(&json));
            let event = decode(&json);
            event.check().unwrap_or_else(|error| panic!("{error}: {json}"));
            event
        },
    )
}

/// Lets the money go the way of the total.
fn pay(settlements: &mut [Value], total: i64) {
    let amount = |settlement: &Value| settlement["amount"].as_i64().expect("an integer");
    let completed = settlements.iter().filter(|settlement| settlement["state"] == "COMPLETED");
    if completed.map(amount).sum::<i64>().signum() * total.signum() < 0 {
        settlements.iter_mut().for_each(|settlement| settlement["amount"] = json!(-amount(settlement)));
    }
}

fn decode(json: &Value) -> ReceiptSettled {
    events::decode(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn counted_total(json: &Value) -> i64 {
    let settlements = decode(json).order_receipt.settlements;
    settlements
        .iter()
        .filter(|settlement| settlement.is_counted())
        .map(|s| s.amount)
        .sum::<Hundredths>()
        .get()
}

fn item() -> impl Strategy<Value = Value> {
    let price = prop_oneof![-500_i64..=500, 0_i64..=5_000_000, Just(100_000_000_000)];
    let rate =
        prop_oneof![proptest::sample::select(vec![0_i64, 1_200, 1_500, 2_500, 10_000]), 0_i64..=10_000];
    (-300_i64..=300, price, -500_i64..=500, rate)
        .prop_map(|(q, price, discount, rate)| line(q, price, discount, rate))
}

/// VAT included in the total, as tills compute it.
fn line(quantity: i64, unit_price: i64, discount: i64, rate: i64) -> Value {
    let total = quantity * unit_price / 100 - discount;
    json!({
        "uid": "i1", "sku": "MUG-1", "name": "Mug", "quantity": quantity, "unitPrice": unit_price,
        "discountAmount": discount, "total": total, "vatRate": rate, "vatAmount": total * rate / (10_000 + rate)
    })
}

/// Turns a line into one that a return may have: nothing positive.
fn give_back(item: &mut Value) {
    let member = |name: &str| item[name].as_i64().expect("an integer").abs();
    let (quantity, price) = (-member("quantity"), member("unitPrice"));
    let worth = (quantity * price / 100).abs();
    *item = line(quantity, price, -member("discountAmount").min(worth), member("vatRate"));
}

fn settlement() -> impl Strategy<Value = Value> {
    let kinds = ["CARD", "CASH", "CASHBACK", "CASH", "GIFT_CARD", "INVOICE", "PRE_PAYMENT", "VOUCHER"];
    let (kind, state) =
        (proptest::sample::select(kinds.to_vec()), proptest::sample::select(vec!["COMPLETED", "FAILED"]));
    let amount = prop_oneof![-2_i64..=2, -5_000_000_i64..=5_000_000, Just(100_000_000_000)];
    let reference = proptest::sample::select(vec![json!(null), json!(""), json!("ref-1")]);
    (kind, state, amount, reference.clone(), reference).prop_map(|(kind, state, amount, transaction, pre_payment)| {
        let code = if kind.starts_with("CASH") { "Cash" } else { "Other" };
        json!({
            "uid": "s1", "code": code, "name": code, "kind": kind, "amount": amount, "state": state,
            "settledAt": "2026-11-02T09:15:40Z", "transactionId": transaction, "prePaymentUid": pre_payment
        })
    })
}

fn customer() -> impl Strategy<Value = Value> {
    member_set(&["uid", "type", "loyaltyId", "displayName"])
}

const CONTACT: &[&str] = &["displayName", "email", "mobile"];

const ADDRESS: &[&str] = &[
    "displayName",
    "firstname",
    "lastname",
    "companyName",
    "vatNumber",
    "address",
    "postalCode",
    "city",
    "countryCode",
    "email",
    "mobile",
];

/// Null, or an object with some of the members, each with a text, empty or null.
fn member_set(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let value =
        prop_oneof![Just(json!(null)), Just(json!("")), Just(json!("ORGANIZATION")), Just(json!("x"))];
    let members = prop::collection::vec((proptest::sample::select(names), value), 0..=names.len());
    let object = members.prop_map(|members| {
        Value::Object(
            members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>(),
        )
    });
    prop_oneof![Just(json!(null)), object]
}
