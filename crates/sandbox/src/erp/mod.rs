//! The stand-in for an ERP: `POST /erp` takes each invoice with its PDF, once under each key.
//!
//! The body is an `invoice.rendered.v1` event, and the `Idempotency-Key` names it: 201 the first
//! time, 200 for the same content again, 422 for another. What makes the content is all but the
//! event's own `id` and `occurredAt`. A body of any other shape is answered 400. Beside it are
//! `/erp/_ledger`, `/erp/_ledger/summary` and `/erp/_faults` (see [`Rule`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use events::InvoiceRendered;
use serde::{Deserialize, Serialize};

pub use crate::desk::{About, Broken, Entry, Violation};
pub use crate::faults::Fault;
pub use crate::ledger::Counts;
pub use crate::rule::Rule;

use crate::caller::Caller;
use crate::contents::sha256;
use crate::control::{self, StandIn};
use crate::desk::{Desk, Seen};
use crate::faults::Faults;
use crate::serving::{self, Reply};
use crate::{answer, lock};

/// What the stand-in is like at the start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Faults from the start.
    pub faults: Vec<Rule>,
    /// Seeds the dice of faults with a rate, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { faults: Vec::new(), seed: 1 }
    }
}

/// The stand-in. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Erp(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Desk,
    invoices: Mutex<BTreeMap<String, Held>>,
}

#[derive(Debug)]
struct Held {
    facts: InvoiceFacts,
    content: String,
}

/// An invoice, as the summary tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceFacts {
    /// Its number.
    pub invoice_number: String,
    /// The SHA-256 of its PDF, in hexadecimal.
    pub sha256: String,
    /// The package it is the invoice of.
    pub package_id: Option<u64>,
    /// How often it was told.
    pub times: u64,
}

/// All that was told to the stand-in, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The invoices by their key.
    pub invoices: BTreeMap<String, InvoiceFacts>,
    /// The most calls ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls were answered with each status.
    pub calls: Counts,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl Erp {
    pub(crate) fn new(options: Options) -> Self {
        let desk = Desk::new(options.faults, options.seed);
        Self(Arc::new(Inner { desk, invoices: Mutex::default() }))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/erp", post(take))
            .layer(DefaultBodyLimit::disable())
            .merge(control::routes::<Self>("/erp"))
            .with_state(self.clone())
    }

    /// Every call, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.desk.entries()
    }

    /// All calls taken together.
    pub fn summary(&self) -> Summary {
        let Seen { max_in_flight, calls, violations } = self.0.desk.seen();
        let invoices = lock(&self.0.invoices);
        let invoices = invoices.iter().map(|(key, held)| (key.clone(), held.facts.clone())).collect();
        Summary { invoices, max_in_flight, calls, violations }
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.desk.faults.add([rule]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.desk.faults.clear();
    }

    async fn handle(self, caller_key: Option<String>, told: Result<Told, String>) -> Reply {
        let facts = told.as_ref().ok().map(|told| &told.facts);
        let about = About {
            key: caller_key,
            package_id: facts.and_then(|facts| facts.package_id),
            invoice_number: facts.map(|facts| facts.invoice_number.clone()),
        };
        self.0
            .desk
            .take(about, None, |noted| match told {
                Err(what) => noted.malformed(&what),
                Ok(told) => {
                    let status = self.0.keep(told);
                    if status == StatusCode::UNPROCESSABLE_ENTITY {
                        noted.violation(Broken::OtherContent);
                        return answer::error(status, "");
                    }
                    status.into_response()
                }
            })
            .await
    }
}

async fn take(State(erp): State<Erp>, caller: Caller, body: Bytes) -> Response<Body> {
    let (key, told) = (caller.key(), Told::read(&caller, &body));
    serving::to_its_end(&caller.wire, erp.handle(key, told)).await
}

impl Inner {
    /// 201 the first time, 200 for the same again, 422 for another content.
    fn keep(&self, told: Told) -> StatusCode {
        let mut invoices = lock(&self.invoices);
        match invoices.get_mut(&told.key) {
            Some(held) if held.content != told.content => StatusCode::UNPROCESSABLE_ENTITY,
            Some(held) => {
                held.facts.times += 1;
                StatusCode::OK
            }
            None => {
                invoices.insert(told.key, Held { facts: told.facts, content: told.content });
                StatusCode::CREATED
            }
        }
    }
}

/// An invoice as it was told.
struct Told {
    key: String,
    facts: InvoiceFacts,
    /// Equal exactly where the contents are.
    content: String,
}

impl Told {
    /// Reads a request, or says what is wrong with it.
    fn read(caller: &Caller, body: &[u8]) -> Result<Self, String> {
        let key = caller.key().ok_or("the header Idempotency-Key is required")?;
        caller.check_json()?;
        let event: InvoiceRendered = events::decode(body).map_err(|error| error.to_string())?;
        let pdf = &event.pdf.content.0;
        if !pdf.starts_with(b"%PDF") {
            return Err("at pdf.content: expected a PDF".to_owned());
        }
        let sha256 = sha256(pdf);
        if sha256 != event.pdf.sha256 {
            return Err("at pdf.sha256: expected the SHA-256 of pdf.content".to_owned());
        }
        let facts = InvoiceFacts {
            invoice_number: event.invoice.invoice_number.to_string(),
            sha256,
            package_id: event.package.as_ref().map(|package| package.id),
            times: 1,
        };
        Ok(Self { key, facts, content: content(&event)? })
    }
}

/// A fingerprint of all but what belongs to the event alone.
fn content(event: &InvoiceRendered) -> Result<String, String> {
    let mut members = serde_json::to_value(event).map_err(|error| error.to_string())?;
    if let Some(members) = members.as_object_mut() {
        members.remove("id");
        members.remove("occurredAt");
    }
    Ok(sha256(members.to_string().as_bytes()))
}

impl StandIn for Erp {
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
        &self.0.desk.faults
    }
}
