//! A receipt as Flow's search answers it, and the event `receipt.settled.v1` that is made of it. All names are here.
//!
//! Flow's pages give the first members of a receipt (`storeUid`, `orderUid`, `orderReceiptUid`, `settleState`,
//! `voucherNumber`), and that names differ from those of events (`customerContact`, `itemPrice`, `itemDiscountAmount`,
//! `itemVatAmount`). The others are assumed to be named as in the event: to be confirmed with Flow. A receipt that
//! comes out incomplete is rejected with the paths that are missing.

use chrono::{DateTime, FixedOffset};
use events::{Contradictions, ReceiptSettled, ReceiptSettledType, Undecodable};
use serde_json::{Map, Value, json};

/// States of a receipt's settlement in which it is completed. In any other, the receipt is not used.
const SETTLED: [&str; 2] = ["COMPLETED", "SETTLED"];

/// Members of the receipt: the event's name, then Flow's, of which the first that is there counts.
const RECEIPT: &[(&str, &[&str])] = &[
    ("uid", &["orderReceiptUid"]),
    ("voucherNumber", &["voucherNumber"]),
    ("createdAt", &["createdAt", "settledAt"]),
    ("settledAt", &["settledAt"]),
    ("orderTotals", &["orderTotals"]),
    ("settlementTotal", &["settlementTotal"]),
    ("settlements", &["settlements"]),
    ("seller", &["seller"]),
    ("customer", &["customer"]),
    ("contactPerson", &["customerContact", "contactPerson"]),
    ("invoiceAddress", &["invoiceAddress"]),
    ("referencedVoucherNumber", &["referencedVoucherNumber"]),
];

/// Members of its order.
const ORDER: &[(&str, &[&str])] = &[
    ("uid", &["orderUid"]),
    ("orderNumber", &["orderNumber"]),
    ("type", &["orderType", "type"]),
    ("origin", &["origin"]),
    ("address", &["orderAddress", "address"]),
];

/// Members of its store, where it is no object of its own.
const STORE: &[(&str, &[&str])] =
    &[("uid", &["storeUid"]), ("externalId", &["storeExternalId"]), ("name", &["storeName"])];

/// Members of a line.
const ITEM: &[(&str, &[&str])] = &[
    ("uid", &["orderReceiptItemUid", "uid"]),
    ("sku", &["sku", "productSku"]),
    ("name", &["name", "productName"]),
    ("quantity", &["quantity"]),
    ("unitPrice", &["itemPrice", "unitPrice"]),
    ("discountAmount", &["itemDiscountAmount", "discountAmount"]),
    ("total", &["itemTotal", "total"]),
    ("vatRate", &["vatRate"]),
    ("vatAmount", &["itemVatAmount", "vatAmount"]),
    ("ean", &["ean"]),
];

/// What Flow's receipts do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// ISO 4217, where a receipt has no `currency`.
    pub currency: String,
    /// ISO 3166-1 alpha-2, where a receipt has no `countryCode`.
    pub country: Option<String>,
}

/// A receipt that a search found. Has no `Debug`: it is personal data.
#[derive(Clone, PartialEq)]
pub struct FoundReceipt {
    /// The receipt's uid.
    pub uid: String,
    /// The order's uid.
    pub order_uid: String,
    /// The store's uid.
    pub store_uid: String,
    /// The number that people know it by.
    pub voucher_number: String,
    item: Map<String, Value>,
}

/// Why there is no event of a receipt.
#[derive(Debug, thiserror::Error)]
pub enum NotAReceipt {
    /// Members are missing, or of another kind.
    #[error("Flow's receipt is not complete")]
    Incomplete(#[source] Undecodable),
    /// It does not add up.
    #[error("Flow's receipt contradicts itself")]
    Contradictory(#[source] Contradictions),
}

impl FoundReceipt {
    /// `None` where it lacks what every receipt has.
    pub(crate) fn new(item: Value) -> Option<Self> {
        let Value::Object(item) = item else { return None };
        let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            uid: text("orderReceiptUid")?,
            order_uid: text("orderUid")?,
            store_uid: text("storeUid")?,
            voucher_number: text("voucherNumber").unwrap_or_default(),
            item,
        })
    }

    /// Whether its settlement is completed.
    pub fn is_settled(&self) -> bool {
        self.item.get("settleState").and_then(Value::as_str).is_some_and(|state| SETTLED.contains(&state))
    }

    /// When it was settled, where Flow says.
    pub fn settled_at(&self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(self.item.get("settledAt")?.as_str()?).ok()
    }

    /// The event, valid, and the same whenever it is made of the same receipt.
    ///
    /// # Errors
    /// See [`NotAReceipt`].
    pub fn event(&self, tenant: &str, defaults: &Defaults) -> Result<ReceiptSettled, NotAReceipt> {
        let body = self.body(tenant, defaults).to_string();
        let event: ReceiptSettled = events::decode(body.as_bytes()).map_err(NotAReceipt::Incomplete)?;
        event.check().map_err(NotAReceipt::Contradictory)?;
        Ok(event)
    }

    fn body(&self, tenant: &str, defaults: &Defaults) -> Value {
        let item = &self.item;
        let or = |name: &str, default: Value| {
            item.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(default)
        };
        let mut order = renamed(item, ORDER);
        order.insert("store".to_owned(), or("store", renamed(item, STORE).into()));
        let mut receipt = renamed(item, RECEIPT);
        receipt.insert("order".to_owned(), order.into());
        let lines = item.get("items").and_then(Value::as_array).into_iter().flatten();
        let lines: Vec<_> = lines
            .map(|line| line.as_object().map_or_else(|| line.clone(), |line| renamed(line, ITEM).into()))
            .collect();
        receipt.insert("items".to_owned(), lines.into());
        json!({
            "id": format!("flow-{}", self.uid),
            "type": ReceiptSettledType::NAME,
            "occurredAt": item.get("settledAt"),
            "tenant": {
                "uid": tenant,
                "country": {
                    "code": or("countryCode", defaults.country.clone().into()),
                    "currency": or("currency", defaults.currency.clone().into()),
                },
            },
            "orderReceipt": receipt,
        })
    }
}

/// The members under the event's names. Those that are absent or null are left out.
fn renamed(from: &Map<String, Value>, names: &[(&str, &[&str])]) -> Map<String, Value> {
    let value =
        |flows: &[&str]| flows.iter().find_map(|name| from.get(*name).filter(|value| !value.is_null()));
    names.iter().filter_map(|(ours, flows)| Some(((*ours).to_owned(), value(flows)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows() -> Value {
        json!({
            "storeUid": "70", "orderUid": "ord-1", "orderReceiptUid": "rcpt-1", "settleState": "COMPLETED",
            "voucherNumber": "1001", "orderNumber": "601", "orderType": "SALE", "origin": "POS",
            "createdAt": "2026-11-02T09:15:00Z", "settledAt": "2026-11-02T09:15:42Z",
            "orderTotals": { "grandTotal": 12_500, "vatTotal": 2_500 },
            "items": [{
                "uid": "i1", "sku": "KOPP", "name": "Kopp", "quantity": 100, "itemPrice": 12_500,
                "itemDiscountAmount": 0, "itemTotal": 12_500, "vatRate": 2_500, "itemVatAmount": 2_500
            }],
            "settlements": [{
                "uid": "s1", "code": "Card", "name": "Visa", "kind": "CARD", "amount": 12_500,
                "state": "COMPLETED", "settledAt": "2026-11-02T09:15:40Z"
            }],
            "customerContact": { "displayName": "Kari Nordmann", "email": "kari@example.no" }
        })
    }

    fn defaults() -> Defaults {
        Defaults { currency: "NOK".to_owned(), country: Some("NO".to_owned()) }
    }

    fn found(item: Value) -> FoundReceipt {
        FoundReceipt::new(item).expect("a receipt")
    }

    #[test]
    fn names_become_the_events() {
        let event = found(flows()).event("7", &defaults()).expect("an event");
        let receipt = &event.order_receipt;
        assert_eq!((&*event.id, &*event.tenant.uid, &*receipt.uid), ("flow-rcpt-1", "7", "rcpt-1"));
        assert_eq!((&*receipt.order.uid, &*receipt.order.store.uid), ("ord-1", "70"));
        assert_eq!((receipt.items[0].unit_price.get(), receipt.items[0].vat_amount.get()), (12_500, 2_500));
        let contact = receipt.contact_person.as_ref().expect("a contact person");
        assert_eq!(contact.email.as_deref(), Some("kari@example.no"));
        assert_eq!(
            (&*event.tenant.country.currency, event.tenant.country.code.as_deref()),
            ("NOK", Some("NO"))
        );
        assert_eq!(found(flows()).event("7", &defaults()).expect("an event"), event);
    }

    #[test]
    fn receipts_own_currency_and_store_come_first() {
        let mut item = flows();
        item["currency"] = json!("SEK");
        item["store"] = json!({ "uid": "71", "name": "Storo" });
        let event = found(item).event("7", &defaults()).expect("an event");
        assert_eq!(&*event.tenant.country.currency, "SEK");
        assert_eq!(&*event.order_receipt.order.store.uid, "71");
    }

    #[test]
    fn incomplete_receipts_name_the_path_and_no_value() {
        let mut item = flows();
        item["items"][0].as_object_mut().expect("an object").remove("itemPrice");
        let error = found(item).event("7", &defaults()).expect_err("incomplete");
        let NotAReceipt::Incomplete(cause) = &error else { panic!("{error:?}") };
        assert!(cause.to_string().contains("orderReceipt.items[0].unitPrice"), "{cause}");
        assert!(!cause.to_string().contains("Kari"), "{cause}");

        let mut item = flows();
        item["orderTotals"]["grandTotal"] = json!(99_900);
        let error = found(item).event("7", &defaults()).expect_err("contradictory");
        assert!(matches!(error, NotAReceipt::Contradictory(_)), "{error:?}");
    }

    #[test]
    fn only_completed_settlements_count() {
        for (state, settled) in [("COMPLETED", true), ("SETTLED", true), ("NOT_STARTED", false), ("", false)]
        {
            let mut item = flows();
            item["settleState"] = json!(state);
            assert_eq!(found(item).is_settled(), settled, "{state}");
        }
        assert!(FoundReceipt::new(json!({ "orderUid": "o" })).is_none());
    }
}
