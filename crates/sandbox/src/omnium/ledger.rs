//! The ledger: every call in order, and what is wrong with them when seen together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::Call;

/// How many of the newest calls are kept. The counts of the summary know all of them.
const KEPT: usize = 500_000;

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
    /// The invoice it is about.
    pub invoice_id: Option<String>,
    /// The status it was answered with; none while it goes on, and none where no answer was sent.
    pub status: Option<u16>,
    /// Whether it was executed.
    pub done: bool,
    /// The calls in flight when it began, itself included.
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

/// The calls of one kind, counted by the status they were answered with; `none` where no answer was
/// sent.
pub type Counts = BTreeMap<String, u64>;

/// All calls, and what was wrong with them.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    entries: VecDeque<Entry>,
    last: u64,
    max_in_flight: usize,
    counts: BTreeMap<Call, Counts>,
    violations: Vec<Violation>,
}

/// What the summary takes from the ledger.
pub(super) struct Totals {
    pub max_in_flight: usize,
    pub counts: BTreeMap<Call, Counts>,
    pub violations: Vec<Violation>,
}

impl Ledger {
    /// Writes down that a call began; gives its number.
    pub fn begin(
        &self,
        call: Call,
        invoice_id: Option<String>,
        file: Option<FileFacts>,
        in_flight: usize,
    ) -> u64 {
        let book = &mut *super::lock(&self.0);
        book.last += 1;
        book.max_in_flight = book.max_in_flight.max(in_flight);
        if book.entries.len() == KEPT {
            book.entries.pop_front();
        }
        let (n, at_ms) = (book.last, now_ms());
        book.entries.push_back(Entry {
            n,
            at_ms,
            call,
            invoice_id,
            status: None,
            done: false,
            in_flight,
            file,
        });
        n
    }

    /// Writes down how a call ended.
    pub fn end(&self, n: u64, call: Call, status: Option<u16>, done: bool) {
        let book = &mut *super::lock(&self.0);
        let key = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        *book.counts.entry(call).or_default().entry(key).or_default() += 1;
        // The oldest may have been let go meanwhile.
        let first = book.last + 1 - book.entries.len() as u64;
        let index = n.checked_sub(first).and_then(|i| usize::try_from(i).ok());
        if let Some(entry) = index.and_then(|i| book.entries.get_mut(i)) {
            (entry.status, entry.done) = (status, done);
        }
    }

    pub fn violation(&self, what: Broken, n: u64, invoice_id: Option<String>) {
        super::lock(&self.0).violations.push(Violation { what, n, invoice_id });
    }

    pub fn entries(&self) -> Vec<Entry> {
        super::lock(&self.0).entries.iter().cloned().collect()
    }

    pub fn totals(&self) -> Totals {
        let book = super::lock(&self.0);
        Totals {
            max_in_flight: book.max_in_flight,
            counts: book.counts.clone(),
            violations: book.violations.clone(),
        }
    }
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
