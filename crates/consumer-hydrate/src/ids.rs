//! The ids in Flow's webhooks of settled orders and receipts.

use consumer::{Event, ReadError, limit_size};
use events::{About, Number, Uid};
use flow::Ids;
use serde::Deserialize;

/// The ids of a receipt, and its tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptIds {
    /// The tenant's uid.
    pub tenant: String,
    /// What is known of the receipt.
    pub ids: Ids,
}

/// Flow writes `Id` and `Uid` with capitals in webhooks. Numbers are in none of its examples, and used where they are.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    tenant: Tenant,
    #[serde(default)]
    store: Object,
    #[serde(default)]
    order: Object,
    #[serde(default)]
    order_receipt: Object,
}

#[derive(Deserialize)]
struct Tenant {
    #[serde(rename = "Uid", alias = "uid")]
    uid: Uid,
}

#[derive(Default, Deserialize)]
struct Object {
    #[serde(rename = "Uid", alias = "uid")]
    uid: Option<Uid>,
    #[serde(rename = "OrderNumber", alias = "orderNumber")]
    order_number: Option<Number>,
    #[serde(rename = "VoucherNumber", alias = "voucherNumber")]
    voucher_number: Option<Number>,
}

impl Event for ReceiptIds {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        limit_size(body)?;
        let Webhook { tenant, store, order, order_receipt } = events::decode_as(body)?;
        let uid = |object: &Object| object.uid.as_deref().map(str::to_owned);
        let ids = Ids {
            receipt: uid(&order_receipt),
            order: uid(&order),
            voucher_number: order_receipt.voucher_number.as_deref().map(str::to_owned),
            order_number: order.order_number.as_deref().map(str::to_owned),
            store: uid(&store),
        };
        if ids.receipt.is_none() && ids.order.is_none() {
            return Err(ReadError::Missing {
                path: "order.Uid",
                expected: "the uid of the order or of its receipt",
            });
        }
        Ok(Self { tenant: tenant.uid.to_string(), ids })
    }

    fn about(&self) -> Option<About> {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event: &serde_json::Value) -> Result<ReceiptIds, String> {
        ReceiptIds::read(event.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_flows_webhooks() {
        let settled = json!({
            "action": "ORDER_SETTLED", "tenant": { "Id": 7, "Uid": "7" }, "store": { "Id": 1, "Uid": "70" },
            "order": { "Id": 7123, "Uid": "700" }, "tenantUser": { "Id": 7, "Uid": "9" }
        });
        let ids = |order: Option<&str>, receipt: Option<&str>| Ids {
            order: order.map(str::to_owned),
            receipt: receipt.map(str::to_owned),
            store: Some("70".to_owned()),
            ..Ids::default()
        };
        assert_eq!(read(&settled), Ok(ReceiptIds { tenant: "7".to_owned(), ids: ids(Some("700"), None) }));
        let receipt = json!({
            "action": "ORDER_RECEIPT_SETTLED", "tenant": { "Uid": "7" }, "store": { "uid": "70" },
            "orderReceipt": { "Uid": "r-1" }
        });
        assert_eq!(read(&receipt), Ok(ReceiptIds { tenant: "7".to_owned(), ids: ids(None, Some("r-1")) }));
    }

    #[test]
    fn rejects_events_without_ids() {
        for (event, path) in [
            (json!({ "order": { "Uid": "700" } }), "tenant"),
            (json!({ "tenant": { "Uid": "7" }, "store": { "Uid": "70" } }), "order.Uid"),
            (json!({ "tenant": { "Uid": "7" }, "order": { "Uid": "" } }), "order.Uid"),
        ] {
            let error = read(&event).expect_err("no ids");
            assert!(error.contains(path), "{event}: {error}");
        }
    }
}
