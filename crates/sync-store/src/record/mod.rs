//! The sync records: one for each receipt and target, from pending to complete.

mod sql;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{Particulars, StoreError, StoreInfo};

pub(crate) use sql::{FACTS, RECORD, count_anew, read_listed, touched};

/// The sync records: how far each receipt has come at each target.
///
/// `target` names where an invoice goes: `omnium`, `package`, `erp`. `owner` names one handling of one message,
/// never a process: two handlings with one name could not be distinguished once the lease of the first has expired.
#[async_trait]
pub trait RecordStore: StoreInfo {
    /// Opens the record of a receipt for one target, or meets it again. With `wanted` false it is
    /// recorded as skipped; a skipped one that is wanted after all becomes pending.
    ///
    /// A dead record stays dead, because its dead letter waits for a person, unless nothing but broken
    /// events of this receipt had been received before: then it is opened as new.
    async fn open(&self, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Result<Opened, StoreError>;

    /// Asks for the lease on this receipt at this target, for `ttl` from now. The `ttl`
    /// must outlive every call that is made under the lease, its timeout included: nobody takes
    /// over before it has run out, not even under the same name.
    ///
    /// A dead record comes back to the state it died in, so that a redriven dead letter continues where
    /// it stopped.
    async fn lease(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<Lease, StoreError>;

    /// The file is about to be attached: the record becomes `attaching` and the lease runs `ttl`
    /// from now. Make the call only on [`Step::Taken`].
    async fn attaching(&self, key: &Key, target: &str, attach: &Attach<'_>) -> Result<Step, StoreError>;

    /// Omnium certainly refused the file: `attaching` goes back to `invoice_created`.
    async fn not_attached(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError>;

    /// Invoice and file are in place. Final, and wins over every other state, with or without a
    /// lease: what has happened has happened. Answers [`Step::Lost`] only where no record exists.
    async fn complete(&self, key: &Key, target: &str, invoice_id: &str) -> Result<Step, StoreError>;

    /// Gives the lease back, where no call can be in flight any more. The lease of another is left
    /// alone.
    async fn release(&self, key: &Key, target: &str, owner: &str) -> Result<(), StoreError>;

    /// The owner's running lease ends `ttl` from now, if that is earlier: where a call failed whose
    /// effects end sooner than the lease, the next attempt need not wait for all of it.
    async fn shorten(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<(), StoreError>;

    /// The target turns out not to want the receipt: `pending` or `attaching` becomes `skipped`,
    /// and the lease is given back.
    async fn skip(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError>;

    /// The receipt was not sent, because this is a dry run: `pending` becomes `skipped`, with what would
    /// have been sent in words, and the lease is given back. It becomes pending when it is received again and
    /// wanted.
    async fn rehearsed(&self, key: &Key, target: &str, owner: &str, would: &str) -> Result<Step, StoreError>;

    /// What would have been sent, where the record was skipped by a dry run and is still.
    async fn rehearsal(&self, key: &Key, target: &str) -> Result<Option<String>, StoreError>;

    /// One record.
    async fn record(&self, key: &Key, target: &str) -> Result<Option<Record>, StoreError>;

    /// Records that match the filter, latest opened first.
    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<Listed>, StoreError>;

    /// Counts records by target and state.
    async fn counts(&self) -> Result<Vec<StateCount>, StoreError>;

    /// A receipt as it was first received.
    async fn receipt(&self, key: &Key) -> Result<Option<Receipt>, StoreError>;

    /// Stranded records: neither complete, skipped nor dead, without a running lease, and not updated for longer than
    /// `untouched_for`; least recent first.
    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Stranded>, StoreError>;

    /// Marks a record as updated, so that it is not stranded until `untouched_for` has passed again.
    async fn touch(&self, key: &Key, target: &str) -> Result<(), StoreError>;
}

/// How far a receipt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownState, parse_err_fn = unknown_state)]
pub enum State {
    /// On its way; no invoice yet that is known of.
    Pending,
    /// The invoice is there, its file is not.
    InvoiceCreated,
    /// The file was about to be attached: whether it is must be looked up.
    Attaching,
    /// Invoice and file are in place. Final.
    Complete,
    /// The target does not want it.
    Skipped,
    /// Its dead letter waits for a person.
    Dead,
}

impl State {
    /// Every state, in the order a receipt meets them.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::InvoiceCreated, Self::Attaching, Self::Complete, Self::Skipped, Self::Dead];

    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such state of a sync record: use pending, invoice_created, attaching, complete, skipped or dead")]
pub struct UnknownState;

fn unknown_state(_: &str) -> UnknownState {
    UnknownState
}

/// A row of `external_order_receipt_sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The receipt.
    pub key: Key,
    /// Where its invoice goes.
    pub target: String,
    /// How far it has come.
    pub state: State,
    /// The invoice's id in Omnium, once there is one.
    pub invoice_id: Option<String>,
    /// The file's name, once it was about to be attached.
    pub file_name: Option<String>,
    /// SHA-256 of that file, in lower-case hexadecimal.
    pub pdf_sha256: Option<String>,
    /// Who was the last to act for it, where the lease was not given back. It may have run out.
    pub lease: Option<LeaseHolder>,
    /// Why it died, while it is dead.
    pub death: Option<Death>,
    /// How often the receipt was received for this target; 0 where only broken events of it were.
    pub heard_count: u32,
    /// When the record was opened.
    pub created_at: DateTime<Utc>,
    /// When anything last happened to it.
    pub updated_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
}

/// Who acts for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHolder {
    /// One handling of one message.
    pub owner: String,
    /// When the lease runs out.
    pub until: DateTime<Utc>,
}

/// Why a record is dead: what its last dead letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The stage where it died.
    pub stage: String,
    /// The short stable code.
    pub reason: String,
    /// The whole error chain.
    pub error: String,
}

/// The answer to asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Lease {
    /// The owner acts now. A record found `attaching` must be looked up first.
    Granted(Record),
    /// Another owner's lease runs. Try again later.
    Held {
        /// Remaining time of that lease, unless it is extended or given back.
        left: Duration,
    },
    /// There is nothing left to do.
    Complete(Record),
    /// The target does not want this receipt.
    Skipped,
    /// The receipt was never opened for this target.
    NoRecord,
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The record has moved, and will not forget it.
    Taken,
    /// The record has not moved: the owner holds no lease that still runs, or the record is past
    /// this step. Make no further call for it; take a lease again later.
    Lost,
}

/// What is about to be attached, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Attach<'a> {
    /// Who holds the lease.
    pub owner: &'a str,
    /// The invoice's id in Omnium.
    pub invoice_id: &'a str,
    /// The file's name there.
    pub file_name: &'a str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub pdf_sha256: &'a str,
    /// How long the lease runs from now.
    pub ttl: Duration,
}

/// Identifies a receipt: a uid alone is unique only within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// `tenant.uid` of the event.
    pub tenant_uid: String,
    /// `orderReceipt.uid` of the event.
    pub receipt_uid: String,
}

impl Key {
    /// The receipt with these two uids of its event.
    pub fn new(tenant_uid: impl Into<String>, receipt_uid: impl Into<String>) -> Self {
        Self { tenant_uid: tenant_uid.into(), receipt_uid: receipt_uid.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant_uid, self.receipt_uid)
    }
}

/// A receipt that was received.
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
    /// What it is compared by when it is received again: [`fingerprint`] of the body.
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
    /// Received for the first time for this target: pending, or skipped where it is not wanted.
    New,
    /// Received before; the state it is in now.
    Again(State),
    /// Received before with other bytes. Nothing was recorded. The caller compares the contents: where
    /// they are the same, it opens again with the kept fingerprint; else the receipt is in
    /// conflict.
    Differs {
        /// The bytes that were received first.
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
    /// When it was received first.
    pub heard_at: DateTime<Utc>,
}

/// A receipt as it was first received.
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
    hex::encode(Sha256::digest(body))
}

/// Which records to list; `None` matches all.
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

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Maximum number of entries.
    pub limit: u32,
    /// Entries skipped.
    pub offset: u32,
}

impl Page {
    /// The first `limit` entries.
    pub fn first(limit: u32) -> Self {
        Self { limit, offset: 0 }
    }
}

/// A record with what is known of its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The record.
    pub record: Record,
    /// The receipt; `None` where only broken events of it were received.
    pub receipt: Option<ReceiptFacts>,
}

/// The records of one target in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateCount {
    /// Name of the target.
    pub target: String,
    /// Their state.
    pub state: State,
    /// Number of them.
    pub count: u64,
    /// Least recent update among them.
    pub oldest: DateTime<Utc>,
}

/// A stranded record, with what is needed to send its receipt on again.
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
