//! Looking records up.

use chrono::{DateTime, Utc};

use crate::{Key, ReceiptFacts, Record, State};

/// Which records to list. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct RecordFilter {
    /// In this state.
    pub state: Option<State>,
    /// For this target.
    pub target: Option<String>,
    /// Of this tenant.
    pub tenant_uid: Option<String>,
    /// With this receipt uid or this voucher number, exactly.
    pub receipt: Option<String>,
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// At most so many.
    pub limit: u32,
    /// After so many.
    pub offset: u32,
}

impl Page {
    /// The first `limit` of a list.
    pub fn first(limit: u32) -> Self {
        Self { limit, offset: 0 }
    }
}

/// A record with what is known of its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The record.
    pub record: Record,
    /// The receipt; `None` where only broken events of it were heard.
    pub receipt: Option<ReceiptFacts>,
}

/// How many records are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCount {
    /// For this target.
    pub target: String,
    /// In this state.
    pub state: State,
    /// How many.
    pub count: u64,
    /// When the one that is untouched for longest was last touched.
    pub oldest: DateTime<Utc>,
}

/// A record that stopped on its way, with what is needed to send its receipt on again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    /// The receipt.
    pub key: Key,
    /// Where its invoice goes.
    pub target: String,
    /// The event's bytes as they came.
    pub body: Vec<u8>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
}
