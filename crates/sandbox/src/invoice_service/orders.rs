//! What the invoice service was asked, and the invoices it made.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use events::{Hundredths, ReceiptSettled, Tenant};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::receipt;
use super::request::{PackageItem, Request};
use crate::lock;

/// The voucher number of the first invoice.
const FIRST_VOUCHER: u64 = 90_001;

/// A package, as the summary tells of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageFacts {
    /// The keys that its invoice was asked for with, and how often each.
    pub keys: BTreeMap<String, u64>,
    /// Its invoices, in the order in which they were made.
    pub receipts: Vec<ReceiptFacts>,
}

/// An invoice, as the summary tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

#[derive(Default)]
pub(super) struct Orders(Mutex<Held>);

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
    /// What each of the invoices is made of.
    made_of: Vec<Vec<PackageItem>>,
}

/// The right to work on a key, until it is dropped.
pub(super) struct Claim<'a> {
    orders: &'a Orders,
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

impl Orders {
    /// Counts a request, and claims its key. `None` where the key's first request is still being
    /// worked on.
    pub fn ask(&self, request: &Request) -> Option<Claim<'_>> {
        let held = &mut *lock(&self.0);
        let package = held.packages.entry(request.package.id).or_default();
        *package.facts.keys.entry(request.key.clone()).or_default() += 1;
        if held.working.contains(&request.key) {
            return None;
        }
        if !held.made.contains_key(&request.key) {
            held.working.insert(request.key.clone());
        }
        Some(Claim { orders: self, key: request.key.clone() })
    }

    /// Gives the invoice of a key, which is made where there is none.
    pub fn issue(&self, tenant: &Tenant, request: Request) -> Issued {
        let held = &mut *lock(&self.0);
        let Request { key, package, content } = request;
        if let Some(made) = held.made.get(&key) {
            return if made.content == content {
                Issued::Receipt { receipt: Box::new(made.receipt.clone()), second: false }
            } else {
                Issued::OtherContent
            };
        }
        let known = held.packages.entry(package.id).or_default();
        let number = FIRST_VOUCHER + held.vouchers;
        let receipt = match receipt::make(tenant, &package, known.made_of.len() + 1, number) {
            Ok(receipt) => receipt,
            Err(what) => return Issued::Impossible(what),
        };
        held.vouchers += 1;
        let mut items = package.packageitem_set;
        items.sort();
        let second = known.made_of.contains(&items);
        known.made_of.push(items);
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
    pub fn published(&self, package_id: u64, uid: &str) {
        let held = &mut *lock(&self.0);
        let receipts = held.packages.get_mut(&package_id).map(|package| &mut package.facts.receipts);
        if let Some(facts) = receipts.and_then(|all| all.iter_mut().find(|facts| facts.uid == uid)) {
            facts.published += 1;
        }
    }

    pub fn facts(&self) -> BTreeMap<u64, PackageFacts> {
        lock(&self.0).packages.iter().map(|(id, package)| (*id, package.facts.clone())).collect()
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        lock(&self.orders.0).working.remove(&self.key);
    }
}
