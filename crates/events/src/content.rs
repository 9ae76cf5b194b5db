//! What makes a receipt received again a duplicate, and what makes it a conflict.
//!
//! The envelope's `id` and `occurredAt` do not count: a bus may wrap the same receipt anew. Neither
//! do the names of tenant and country, which are no part of the receipt.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Number, OrderReceipt, Package, ReceiptSettled, Uid};

impl ReceiptSettled {
    /// Whether both say the same: the same tenant, currency, receipt and package.
    pub fn same_content(&self, other: &Self) -> bool {
        self.content() == other.content()
    }

    /// SHA-256 of the content, in lower-case hex: equal exactly where [`Self::same_content`] holds.
    ///
    /// Members without a value are no part of it, so that a member added to the events later leaves
    /// the fingerprints of older receipts as they are.
    pub fn fingerprint(&self) -> String {
        let canonical =
            serde_json::to_vec(&self.content()).expect("texts, integers and lists always become JSON");
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn content(&self) -> Content<'_> {
        Content {
            tenant: &self.tenant.uid,
            currency: &self.tenant.country.currency,
            order_receipt: &self.order_receipt,
            package: self.package.as_ref(),
        }
    }
}

/// The members that count. Their order is part of the fingerprint.
#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    tenant: &'a Uid,
    currency: &'a Number,
    order_receipt: &'a OrderReceipt,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a Package>,
}
