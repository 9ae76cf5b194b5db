//! The invoices that the stand-in makes, one under each key. Prices and customers are invented, and add up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::Utc;
use events::{Hundredths, ReceiptSettled, ReceiptSettledType, Tenant, Timestamp};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::{Package as RequestedPackage, PackageItem, Request};

/// The voucher number of the first invoice.
const FIRST_VOUCHER: u64 = 90_001;

/// A package, as the summary shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageFacts {
    /// The keys that its invoice was requested with, and how often each.
    pub keys: BTreeMap<String, u64>,
    /// Its invoices, in the order in which they were made.
    pub receipts: Vec<ReceiptFacts>,
}

/// An invoice, as the summary shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptFacts {
    /// The key it was made under.
    pub key: String,
    /// The receipt's uid.
    pub uid: String,
    /// The voucher number.
    pub voucher_number: String,
    /// What it comes to, VAT included; in JSON an integer with two implied decimals.
    pub amount: Hundredths,
    /// How often it was published, and confirmed.
    pub published: u64,
}

/// The invoices by their key, and the packages by their id.
#[derive(Default)]
pub(super) struct Invoices(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// Keys whose first request is still being worked on.
    working: HashSet<String>,
    made: HashMap<String, Made>,
    packages: BTreeMap<u64, Package>,
    vouchers: u64,
}

struct Made {
    content: Value,
    receipt: ReceiptSettled,
}

#[derive(Default)]
struct Package {
    facts: PackageFacts,
    /// What each of the invoices is made of, and whether it is a credit note.
    made_of: Vec<(bool, Vec<PackageItem>)>,
}

/// The right to work on a key, until it is dropped.
pub(super) struct Claim {
    invoices: Arc<Invoices>,
    key: String,
}

/// What became of a request.
pub(super) enum Issued {
    /// This is the invoice; `second` where it was made just now, and another of the same items was
    /// there before.
    Receipt { receipt: Box<ReceiptSettled>, second: bool },
    /// The key stands for another package, or another content of it.
    OtherContent,
    /// There is no invoice of this package that holds together.
    Impossible(String),
}

impl Invoices {
    /// Counts a request, and claims its key. `None` where the key's first request is still being
    /// worked on.
    pub(super) fn claim(self: &Arc<Self>, request: &Request) -> Option<Claim> {
        let held = &mut *self.0.lock();
        let package = held.packages.entry(request.package.id).or_default();
        *package.facts.keys.entry(request.key.clone()).or_default() += 1;
        if held.working.contains(&request.key) {
            return None;
        }
        if !held.made.contains_key(&request.key) {
            held.working.insert(request.key.clone());
        }
        Some(Claim { invoices: Arc::clone(self), key: request.key.clone() })
    }

    /// Gives the invoice of a key, which is made where there is none.
    pub(super) fn issue(&self, tenant: &Tenant, request: Request) -> Issued {
        let held = &mut *self.0.lock();
        let Request { key, package, is_return, content } = request;
        if let Some(made) = held.made.get(&key) {
            return if made.content == content {
                Issued::Receipt { receipt: Box::new(made.receipt.clone()), second: false }
            } else {
                Issued::OtherContent
            };
        }
        let known = held.packages.entry(package.id).or_default();
        let number = FIRST_VOUCHER + held.vouchers;
        let receipt = match make(tenant, &package, is_return, known.made_of.len() + 1, number) {
            Ok(receipt) => receipt,
            Err(what) => return Issued::Impossible(what),
        };
        held.vouchers += 1;
        let mut items = package.packageitem_set;
        items.sort();
        let made_of = (is_return, items);
        let second = known.made_of.contains(&made_of);
        known.made_of.push(made_of);
        known.facts.receipts.push(ReceiptFacts {
            key: key.clone(),
            uid: receipt.order_receipt.uid.to_string(),
            voucher_number: receipt.order_receipt.voucher_number.to_string(),
            amount: receipt.order_receipt.amount(),
            published: 0,
        });
        held.made.insert(key, Made { content, receipt: receipt.clone() });
        Issued::Receipt { receipt: Box::new(receipt), second }
    }

    /// Notes that an invoice was published.
    pub(super) fn published(&self, package_id: u64, uid: &str) {
        let held = &mut *self.0.lock();
        let receipts = held.packages.get_mut(&package_id).map(|package| &mut package.facts.receipts);
        if let Some(facts) = receipts.and_then(|all| all.iter_mut().find(|facts| facts.uid == uid)) {
            facts.published += 1;
        }
    }

    pub(super) fn facts(&self) -> BTreeMap<u64, PackageFacts> {
        self.0.lock().packages.iter().map(|(id, package)| (*id, package.facts.clone())).collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.invoices.0.lock().working.remove(&self.key);
    }
}

/// In hundredths of a percent: 20 %.
const VAT_RATE: i64 = 2_000;

/// Makes the receipt that is the `n`th invoice of a package. Says what is wrong where the package
/// gives none that holds together.
fn make(
    tenant: &Tenant,
    package: &RequestedPackage,
    is_return: bool,
    n: usize,
    voucher_number: u64,
) -> Result<ReceiptSettled, String> {
    let uid = format!("inv-{}-{n}", package.id);
    let now = Timestamp::from_utc(Utc::now());
    let sign = if is_return { -1 } else { 1 };
    let items: Vec<(i64, Value)> =
        package.packageitem_set.iter().zip(1..).map(|item| line(item, sign)).collect();
    let total: i64 = items.iter().map(|(total, _)| total).sum();
    let vat: i64 = items.iter().map(|(total, _)| vat_in(*total)).sum();
    let name = "Deniz Örnek";
    let receipt = json!({
        "id": format!("evt-{uid}"),
        "type": ReceiptSettledType::NAME,
        "occurredAt": now,
        "tenant": tenant,
        "orderReceipt": {
            "uid": uid,
            "voucherNumber": voucher_number.to_string(),
            "createdAt": now,
            "settledAt": now,
            "order": {
                "uid": package.order_number,
                "orderNumber": package.order_number,
                "type": if is_return { "RETURN" } else { "SALE" },
                "origin": "WEB",
                "store": { "uid": package.stock_location.erp_code, "name": package.stock_location.name },
                "address": {
                    "displayName": name,
                    "firstname": "Deniz",
                    "lastname": "Örnek",
                    "address": "Örnek Sokak 1",
                    "postalCode": "35000",
                    "city": "İzmir",
                    "countryCode": "TR",
                    "email": "deniz@ornek.example",
                },
            },
            "orderTotals": {
                "grandTotal": total,
                "vatTotal": vat,
                "vat": [{ "rate": VAT_RATE, "net": total - vat, "vat": vat }],
            },
            "settlementTotal": total,
            "items": items.into_iter().map(|(_, line)| line).collect::<Vec<_>>(),
            "settlements": [{
                "uid": "s1",
                "code": "CreditCard",
                "name": "Kredi Kartı",
                "kind": "CARD",
                "amount": total,
                "state": "COMPLETED",
                "settledAt": now,
                "transactionId": format!("card-{voucher_number}"),
            }],
            "customer": { "uid": format!("c-{}", package.id), "type": "PERSON", "displayName": name },
        },
    });
    let receipt: ReceiptSettled =
        events::decode(receipt.to_string().as_bytes()).map_err(|error| error.to_string())?;
    receipt.check().map_err(|contradiction| contradiction.to_string())?;
    Ok(receipt)
}

/// What a line comes to, and the line; on a credit note both are negative.
fn line((item, n): (&PackageItem, u64), sign: i64) -> (i64, Value) {
    let price = price_of(&item.sku);
    let quantity = sign * i64::try_from(item.quantity).expect("at most 10,000");
    let total = price * quantity;
    let line = json!({
        "uid": format!("i{n}"),
        "sku": item.sku,
        "name": format!("Ürün {}", item.sku),
        "quantity": quantity * 100,
        "unitPrice": price,
        "discountAmount": 0,
        "total": total,
        "vatRate": VAT_RATE,
        "vatAmount": vat_in(total),
    });
    (total, line)
}

/// A price from 50.90 to 2999.90, the same whenever the article is the same.
fn price_of(sku: &str) -> i64 {
    let hash = Sha256::digest(sku.as_bytes());
    let number = i64::from(u16::from_be_bytes([hash[0], hash[1]]));
    (50 + number % 2_950) * 100 + 90
}

/// The VAT in an amount, rounded to its hundredth.
fn vat_in(total: i64) -> i64 {
    total.signum() * ((total.abs() * VAT_RATE + (10_000 + VAT_RATE) / 2) / (10_000 + VAT_RATE))
}
