//! The call recorder: every call to a stand-in, how it was answered, and what must never happen.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use axum::response::Response;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::http::error;

/// How many of the newest calls are kept. The counts include all of them.
const KEPT: usize = 500_000;

/// The calls that stand-ins take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// Omnium: `POST /api/token`
    Token,
    /// Omnium: `PUT /api/Invoices/UpdateInvoice`
    Upsert,
    /// Omnium: `POST /api/Invoices/{id}/AddFileToInvoice`
    Attach,
    /// Omnium: `POST /api/Invoices/{id}/AddAsset`
    AddAsset,
    /// Omnium: `GET /api/Invoices/{id}`
    Get,
    /// Omnium: `GET /api/Invoices/GetAsPdf/{id}`
    Pdf,
    /// Invoice service: `POST /invoice-service`
    RequestInvoice,
    /// OMS: `POST /oms/api/v1/oms/packages/{id}/command/`
    UpdatePackage,
    /// OMS: `GET /oms/api/v1/oms/packages/{id}/`
    ReadPackage,
    /// ERP: `POST /erp`
    Deliver,
    /// Hydrate hook: `POST /hydrate`
    Hydrate,
    /// Flow: `POST /flow/v2/tenants/{uid}/receipts/search`
    SearchReceipts,
    /// Flow: `GET /flow/v2/tenants/{uid}/number-series`
    NumberSeries,
    /// Chat: `POST /chat`
    Notify,
}

/// A call, as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Counts from 1, in the order in which calls began.
    pub n: u64,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which call.
    pub call: Call,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// `None` while the call is in progress, and where the connection was closed without an answer.
    pub status: Option<u16>,
    /// Whether it was executed.
    pub done: bool,
    /// The calls of the same client in flight when it began, itself included.
    pub in_flight: usize,
}

/// What a call is about, as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// What rules match on.
    #[serde(flatten)]
    pub subject: Subject,
    /// The `Idempotency-Key`, where the stand-in requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file that is attached.
    #[serde(flatten)]
    pub file: Option<FileFacts>,
}

/// Who calls, and for what: of a call, as far as it could be read; of a [`Rule`](crate::Rule), only such calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The API user's client id. Only Omnium tells its users apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The invoice's id in Omnium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// The invoice's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// The invoice's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// The package's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_id: Option<u64>,
}

impl Subject {
    /// What is known of it, by its names in JSON.
    pub(crate) fn members(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        }
    }
}

impl From<Subject> for About {
    fn from(subject: Subject) -> Self {
        Self { subject, ..Self::default() }
    }
}

/// A file, without its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileFacts {
    /// Its name.
    pub file_name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// In bytes.
    pub size: usize,
}

/// Something that must never happen, and that no single answer would show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// What happened.
    pub what: ViolationKind,
    /// The number of the call that did it.
    pub n: u64,
    /// What that call is about.
    #[serde(flatten)]
    pub about: About,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ViolationKind {
    /// Omnium: a file was attached before its invoice existed.
    AttachBeforeInvoice,
    /// Omnium: an invoice got more than one file.
    SecondFile,
    /// Omnium: an update dropped the files of an invoice.
    FilesDropped,
    /// Omnium: more requests at once than are allowed.
    TooManyAtOnce,
    /// Omnium: more requests than the token bucket held.
    BucketEmpty,
    /// Invoice service: two invoices for the same items of one package, requested under two keys.
    SecondInvoice,
    /// OMS: a package got another invoice number than it had.
    OtherInvoice,
    /// ERP: another content under a key that was used before.
    OtherContent,
    /// A request that the API does not know.
    Malformed,
}

/// Calls counted by the status of their answer; `none` where no answer was sent.
pub type Calls = BTreeMap<Call, BTreeMap<String, u64>>;

/// Records the calls to one stand-in.
#[derive(Debug, Default)]
pub(crate) struct CallRecorder(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    entries: VecDeque<Entry>,
    last: u64,
    in_flight: HashMap<Option<String>, usize>,
    totals: Totals,
}

/// All calls taken together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub max_in_flight: usize,
    pub calls: Calls,
    pub violations: Vec<Violation>,
}

/// A call in progress.
pub(crate) struct Recorded<'a> {
    recorder: &'a CallRecorder,
    n: u64,
    call: Call,
    pub about: About,
    /// See [`Entry::in_flight`].
    pub in_flight: usize,
    /// See [`Fault::Lag`](crate::Fault::Lag).
    pub lag: Duration,
    /// See [`Fault::Lose`](crate::Fault::Lose).
    pub lose: bool,
}

impl CallRecorder {
    pub(crate) fn begin(&self, call: Call, about: About) -> Recorded<'_> {
        let record = &mut *self.0.lock();
        record.last += 1;
        let n = record.last;
        let in_flight = record.in_flight.entry(about.subject.client_id.clone()).or_default();
        *in_flight += 1;
        let in_flight = *in_flight;
        record.totals.max_in_flight = record.totals.max_in_flight.max(in_flight);
        if record.entries.len() == KEPT {
            record.entries.pop_front();
        }
        let (at_ms, of_it) = (now_ms(), about.clone());
        let entry = Entry { n, at_ms, call, about: of_it, status: None, done: false, in_flight };
        record.entries.push_back(entry);
        Recorded { recorder: self, n, call, about, in_flight, lag: Duration::ZERO, lose: false }
    }

    /// The newest calls, in the order in which they began.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.lock().entries.iter().cloned().collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.0.lock().totals.clone()
    }
}

impl Recorded<'_> {
    /// Records how the call ended.
    pub(crate) fn end(self, status: Option<u16>, done: bool) {
        let record = &mut *self.recorder.0.lock();
        if let Some(in_flight) = record.in_flight.get_mut(&self.about.subject.client_id) {
            *in_flight -= 1;
        }
        let key = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        *record.totals.calls.entry(self.call).or_default().entry(key).or_default() += 1;
        // The oldest entries may have been dropped meanwhile.
        let first = record.last + 1 - record.entries.len() as u64;
        let index = self.n.checked_sub(first).and_then(|i| usize::try_from(i).ok());
        if let Some(entry) = index.and_then(|i| record.entries.get_mut(i)) {
            (entry.status, entry.done) = (status, done);
        }
    }

    /// Records that this call did what must never happen.
    pub(crate) fn violation(&self, what: ViolationKind) {
        let violation = Violation { what, n: self.n, about: self.about.clone() };
        self.recorder.0.lock().totals.violations.push(violation);
    }

    /// The answer to a request that the API does not know.
    pub(crate) fn malformed(&self, what: &str) -> Response {
        self.violation(ViolationKind::Malformed);
        error(StatusCode::BAD_REQUEST, what)
    }
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
