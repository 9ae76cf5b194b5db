//! The stand-in for Omnium: token, upsert, attach and get with the real status codes, and as strict
//! as Omnium may be. A repeated attach adds a second file,
//! unless it is by `AddAsset` and gives the file an id that is there already, which replaces it; an update without assets drops the files;
//! unknown members are refused; the limits are enforced.
//!
//! Beside the API it has `GET /_ledger` and `GET /_ledger/summary` (every call, and what holds of
//! them together), `GET`, `POST` and `DELETE /_faults` (see [`Rule`]), and `DELETE /_tokens`, which
//! revokes every access token.

mod handle;
mod invoices;
mod ledger;
mod limits;
mod routes;
mod rule;
mod shape;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::delete;
use serde::{Deserialize, Serialize};

pub use self::invoices::{InvoiceFacts, Tampering};
pub use self::ledger::{Broken, Entry, FileFacts, Violation};
pub use self::limits::Limits;
pub use self::rule::Rule;
pub use crate::faults::Fault;
pub use crate::ledger::Counts;

use crate::control::{self, StandIn};
use crate::faults::Faults;
use crate::ledger::{Ledger, Totals};

/// What the stand-in is like at the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The client ids and secrets that get a token. None: any that are not empty.
    pub credentials: Vec<(String, String)>,
    /// How long a token is valid. Omnium: ten days.
    pub token_lifetime: Duration,
    /// Requests at once, and the token bucket.
    pub limits: Limits,
    /// Bodies above so many bytes are answered 413.
    pub max_body: usize,
    /// Faults from the start.
    pub faults: Vec<Rule>,
    /// Seeds the dice of faults with a rate, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Vec::new(),
            token_lifetime: Duration::from_secs(864_000),
            limits: Limits::default(),
            max_body: 30_000_000,
            faults: Vec::new(),
            seed: 1,
        }
    }
}

/// The kinds of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// `POST /api/token`
    Token,
    /// `PUT /api/Invoices/UpdateInvoice`
    Upsert,
    /// `POST /api/Invoices/{id}/AddFileToInvoice`
    Attach,
    /// `POST /api/Invoices/{id}/AddAsset`
    AddAsset,
    /// `GET /api/Invoices/{id}`
    Get,
    /// `GET /api/Invoices/GetAsPdf/{id}`
    Pdf,
}

/// The stand-in. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Omnium(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    credentials: Vec<(String, String)>,
    max_body: usize,
    faults: Faults<Rule>,
    invoices: invoices::Invoices,
    ledger: Ledger<Entry>,
    tokens: tokens::Tokens,
    usages: limits::Usages,
}

/// All that was told to the stand-in, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The invoices by their id.
    pub invoices: BTreeMap<String, InvoiceFacts>,
    /// The most calls ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls of each kind were answered with each status.
    pub calls: BTreeMap<Call, Counts>,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl Omnium {
    pub(crate) fn new(options: Options) -> Self {
        Self(Arc::new(Inner {
            credentials: options.credentials,
            max_body: options.max_body,
            faults: Faults::new(options.faults, options.seed),
            invoices: invoices::Invoices::default(),
            ledger: Ledger::default(),
            tokens: tokens::Tokens::new(options.token_lifetime),
            usages: limits::Usages::new(options.limits),
        }))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .merge(routes::api())
            .merge(control::routes::<Self>(""))
            .route("/_tokens", delete(revoke_tokens))
            .with_state(self.clone())
    }

    /// Every call, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.ledger.lines()
    }

    /// All calls taken together.
    pub fn summary(&self) -> Summary {
        let Totals { max_in_flight, counts, violations } = self.0.ledger.totals();
        Summary { invoices: self.0.invoices.facts(), max_in_flight, calls: counts, violations }
    }

    /// How many files are attached, to all invoices together.
    pub fn files(&self) -> u64 {
        self.0.invoices.files()
    }

    /// Changes an invoice, as somebody else might.
    pub fn tamper(&self, invoice_id: &str, how: Tampering) {
        self.0.invoices.tamper(invoice_id, how);
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.faults.add([rule]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    /// Revokes every access token: the next call with one is answered 401.
    pub fn revoke_tokens(&self) {
        self.0.tokens.revoke_all();
    }
}

impl Summary {
    /// How many calls of a kind were answered with a status.
    pub fn count(&self, call: Call, status: u16) -> u64 {
        self.calls.get(&call).and_then(|counts| counts.get(&status.to_string())).copied().unwrap_or_default()
    }
}

impl StandIn for Omnium {
    type Entry = Entry;
    type Summary = Summary;
    type Rule = Rule;

    fn ledger(&self) -> Vec<Entry> {
        self.ledger()
    }
    fn summary(&self) -> Summary {
        self.summary()
    }
    fn faults(&self) -> &Faults<Rule> {
        &self.0.faults
    }
}

async fn revoke_tokens(State(omnium): State<Omnium>) -> StatusCode {
    omnium.revoke_tokens();
    StatusCode::NO_CONTENT
}
