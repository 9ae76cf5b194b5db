//! Receipts, as they were heard.

use std::fmt;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::{Particulars, State};

/// Identifies a receipt: a uid alone is unique only within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// `tenant.uid` of the event.
    pub tenant_uid: String,
    /// `orderReceipt.uid` of the event.
    pub receipt_uid: String,
}

impl Key {
    /// From the event's two uids.
    pub fn new(tenant_uid: impl Into<String>, receipt_uid: impl Into<String>) -> Self {
        Self { tenant_uid: tenant_uid.into(), receipt_uid: receipt_uid.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant_uid, self.receipt_uid)
    }
}

/// A receipt that was heard.
#[derive(Clone, Copy, Debug)]
pub struct NewReceipt<'a> {
    /// Which one.
    pub key: &'a Key,
    /// The number customers know it by.
    pub voucher_number: &'a str,
    /// The order's number, as people know it.
    pub order_number: &'a str,
    /// The store that issued it.
    pub store_uid: &'a str,
    /// ISO 4217.
    pub currency: &'a str,
    /// The invoice's amount in hundredths: 2500 is 25.00.
    pub amount: i64,
    /// What it is compared by when it is heard again: [`fingerprint`] of the body.
    pub fingerprint: &'a str,
    /// The event's bytes as they came, so that it can be sent on again.
    pub body: &'a [u8],
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<&'a str>,
    /// What reports and searches need; `None` where it is read from the body later.
    pub particulars: Option<&'a Particulars>,
}

/// What came of opening a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// Heard for the first time for this target: pending, or skipped where it is not wanted.
    New,
    /// Heard before; the state it is in now.
    Again(State),
    /// Heard before with other bytes. Nothing was recorded. The caller compares the contents: where
    /// they are the same, it opens again with the kept fingerprint; else the receipt is in
    /// conflict.
    Differs {
        /// The bytes that were heard first.
        body: Vec<u8>,
        /// Their fingerprint.
        fingerprint: String,
    },
}

/// What lists show of a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptFacts {
    /// The number customers know it by.
    pub voucher_number: String,
    /// The order's number, as people know it.
    pub order_number: String,
    /// The store that issued it.
    pub store_uid: String,
    /// ISO 4217.
    pub currency: String,
    /// The invoice's amount in hundredths: 2500 is 25.00.
    pub amount: i64,
    /// When it was heard first.
    pub heard_at: DateTime<Utc>,
}

/// A receipt as it was first heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What lists show of it.
    pub facts: ReceiptFacts,
    /// SHA-256 of the body, in lower-case hexadecimal.
    pub fingerprint: String,
    /// The event's bytes as they came.
    pub body: Vec<u8>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// SHA-256 of an event's bytes, in lower-case hexadecimal.
pub fn fingerprint(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}
