//! The sync record: how far one receipt has come at one target.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::Key;

/// How far a receipt has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
        match self {
            Self::Pending => "pending",
            Self::InvoiceCreated => "invoice_created",
            Self::Attaching => "attaching",
            Self::Complete => "complete",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = UnknownState;
    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such state of a sync record: use pending, invoice_created, attaching, complete, skipped or dead")]
pub struct UnknownState;

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
    /// How often the receipt was heard for this target; 0 where only broken events of it were.
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
