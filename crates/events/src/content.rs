//! What makes a receipt received again a duplicate, and what makes it a conflict.
//!
//! The envelope's `id` and `occurredAt` do not count: a bus may wrap the same receipt anew. Neither
//! do the names of tenant and country, which are no part of the receipt, nor whether it is a copy: a copy
//! says the same as its original.

use std::borrow::Cow;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Number, OrderReceipt, Package, ReceiptSettled, Uid};

impl ReceiptSettled {
    /// Whether both say the same: the same tenant, currency, receipt and package.
    pub fn same_content(&self, other: &Self) -> bool {
        self.content(None) == other.content(None)
    }

    /// SHA-256 of the content, in lower-case hex: equal only where [`Self::same_content`] holds.
    ///
    /// Members without a value are no part of it, so that a member added to the events later leaves
    /// the fingerprints of older receipts as they are. For the same reason `isCopy: false`, which earlier versions
    /// put into it, is part of it still; a copy has the fingerprint of a receipt that does not say what it is.
    pub fn fingerprint(&self) -> String {
        let canonical =
            serde_json::to_vec(&self.content(self.order_receipt.is_copy.filter(|is_copy| !is_copy)))
                .expect("texts, integers and lists always become JSON");
        Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same receipt as a copy of it.
    pub fn as_copy(&self) -> Self {
        let mut copy = self.clone();
        copy.order_receipt.is_copy = Some(true);
        copy
    }

    fn content(&self, is_copy: Option<bool>) -> Content<'_> {
        let order_receipt = match self.order_receipt.is_copy == is_copy {
            true => Cow::Borrowed(&self.order_receipt),
            false => Cow::Owned(OrderReceipt { is_copy, ..self.order_receipt.clone() }),
        };
        Content {
            tenant: &self.tenant.uid,
            currency: &self.tenant.country.currency,
            order_receipt,
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
    order_receipt: Cow<'a, OrderReceipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a Package>,
}
