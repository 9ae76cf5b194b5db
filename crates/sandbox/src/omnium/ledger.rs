//! What the ledger tells of each call to Omnium, and what must never happen there.

use serde::{Deserialize, Serialize};

use super::Call;
use crate::ledger::Line;

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1, in the order in which calls began.
    pub n: u64,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its kind.
    pub call: Call,
    /// The client id of the API user who made it, where it is known.
    pub client_id: Option<String>,
    /// The invoice it is about.
    pub invoice_id: Option<String>,
    /// The status it was answered with; none while it goes on, and none where no answer was sent.
    pub status: Option<u16>,
    /// Whether it was executed.
    pub done: bool,
    /// The calls of that user in flight when it began, itself included.
    pub in_flight: usize,
    /// The file of an attach.
    #[serde(flatten)]
    pub file: Option<FileFacts>,
}

/// What the ledger tells of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFacts {
    /// Its name.
    pub file_name: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its length in bytes.
    pub size: usize,
}

/// Something that must never happen, and would not be noticed from any single answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// What happened.
    pub what: Broken,
    /// By the call of this number.
    pub n: u64,
    /// The invoice it is about.
    pub invoice_id: Option<String>,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// A file was attached before its invoice existed.
    AttachBeforeInvoice,
    /// An invoice got more than one file.
    SecondFile,
    /// An update dropped the files of an invoice.
    FilesDropped,
    /// More requests at once than are allowed.
    TooManyAtOnce,
    /// More requests than the token bucket held.
    BucketEmpty,
    /// A body that the API does not know.
    Malformed,
}

impl Line for Entry {
    type Kind = Call;
    type Violation = Violation;

    fn end(&mut self, status: Option<u16>, done: bool) {
        (self.status, self.done) = (status, done);
    }
}
