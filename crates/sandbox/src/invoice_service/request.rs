//! The requests that the invoice service takes, and what is wrong with any other.
//!
//! Declared apart from the types that Bilag sends, so that a mistake there shows here.

use events::{Number, Text, Uid};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Caller;

/// Goods of one kind in one package: more than that is a mistake.
const MOST_PIECES: u64 = 10_000;

/// A request, read.
pub(super) struct Request {
    pub key: String,
    pub package: Package,
    /// Whether a credit note is wanted.
    pub is_return: bool,
    /// The package as it came: what must be the same under the same key.
    pub content: Value,
}

/// What an invoice is made of.
#[derive(Deserialize)]
pub(super) struct Package {
    pub id: u64,
    pub number: Number,
    pub order_number: Uid,
    pub stock_location: StockLocation,
    pub packageitem_set: Vec<PackageItem>,
}

#[derive(Deserialize)]
pub(super) struct StockLocation {
    pub erp_code: Uid,
    pub name: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct PackageItem {
    pub sku: Text,
    pub quantity: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(rename = "type")]
    _kind: Kind,
    id: Text,
    #[serde(rename = "oms")]
    _oms: Oms,
    #[serde(rename = "orderType", default)]
    order_type: Option<OrderType>,
    package: Package,
}

#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "invoice.request.v1")]
    V1,
}

#[derive(Deserialize)]
enum OrderType {
    #[serde(rename = "RETURN")]
    Return,
}

#[derive(Deserialize)]
enum Oms {
    #[serde(rename = "akinon")]
    Akinon,
}

impl Request {
    /// Reads a request, or says what is wrong with it.
    pub(super) fn read(caller: &Caller, body: &[u8]) -> Result<Self, String> {
        let key = caller.key().ok_or("the header Idempotency-Key is required")?;
        caller.check_json()?;
        let Envelope { id, package, order_type, .. } =
            events::decode_as(body).map_err(|error| error.to_string())?;
        if *id != *key {
            return Err("at id: expected the same as the header Idempotency-Key".to_owned());
        }
        if package.packageitem_set.is_empty() {
            return Err("at package.packageitem_set: expected at least one item".to_owned());
        }
        let is_off = |item: &PackageItem| !(1..=MOST_PIECES).contains(&item.quantity);
        if let Some(i) = package.packageitem_set.iter().position(is_off) {
            return Err(format!(
                "at package.packageitem_set[{i}].quantity: expected a whole number from 1 to {MOST_PIECES}"
            ));
        }
        let content = serde_json::from_slice(body).map(|mut body: Value| body["package"].take());
        let content = content.map_err(|_| "the body is not JSON".to_owned())?;
        let is_return = matches!(order_type, Some(OrderType::Return));
        Ok(Self { key, package, is_return, content })
    }
}
