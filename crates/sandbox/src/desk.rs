//! Where every stand-in but Omnium's takes its calls: written down, met by faults, executed.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::answer;
use crate::faults::Faults;
use crate::ledger::{Counts, Ledger, Line, Totals};
use crate::rule::Rule;
use crate::serving::{self, Reply};

/// One call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1, in the order in which calls began.
    pub n: u64,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// The status it was answered with; none while it goes on, and none where no answer was sent.
    pub status: Option<u16>,
    /// Whether it was executed.
    pub done: bool,
    /// The calls in flight when it began, itself included.
    pub in_flight: usize,
}

/// What a call is about, as far as it says so in a shape that can be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Its `Idempotency-Key`, where the stand-in wants one.
    pub key: Option<String>,
    /// The package's id.
    pub package_id: Option<u64>,
    /// The invoice's number.
    pub invoice_number: Option<String>,
}

/// Something that must never happen, and would not be noticed from any single answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// What happened.
    pub what: Broken,
    /// By the call of this number.
    pub n: u64,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Broken {
    /// The invoice service made two invoices of the same items of one package, because it was asked
    /// under two keys.
    SecondInvoice,
    /// A package of the OMS got another invoice number than it had.
    OtherInvoice,
    /// The ERP was told another content under a key that it knew.
    OtherContent,
    /// A request that the API does not know.
    Malformed,
}

impl Line for Entry {
    type Kind = ();
    type Violation = Violation;

    fn end(&mut self, status: Option<u16>, done: bool) {
        (self.status, self.done) = (status, done);
    }
}

/// The ledger of one stand-in, and the faults in force.
#[derive(Debug)]
pub(crate) struct Desk {
    pub faults: Faults<Rule>,
    ledger: Ledger<Entry>,
    in_flight: AtomicUsize,
}

/// What a summary takes from the ledger.
pub(crate) struct Seen {
    pub max_in_flight: usize,
    pub calls: Counts,
    pub violations: Vec<Violation>,
}

/// A call while it is executed.
pub(crate) struct Noted<'a> {
    desk: &'a Desk,
    n: u64,
    about: About,
    /// Whether nothing is to follow over the bus.
    pub lose: bool,
}

impl Desk {
    pub fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self { faults: Faults::new(rules, seed), ledger: Ledger::default(), in_flight: AtomicUsize::new(0) }
    }

    /// Takes a call: answers it with the refusal where there is one, else executes it as the faults
    /// allow.
    pub async fn take(
        &self,
        about: About,
        refusal: Option<Response<Body>>,
        execute: impl FnOnce(&Noted<'_>) -> Response<Body>,
    ) -> Reply {
        let in_flight = self.in_flight.fetch_add(1, Ordering::AcqRel) + 1;
        let entry = |n, at_ms| Entry { n, at_ms, about: about.clone(), status: None, done: false, in_flight };
        let n = self.ledger.begin(in_flight, entry);
        let (reply, done) = match refusal {
            Some(refusal) => (Reply::Answer(refusal), false),
            None => {
                let fate = self.faults.decide(|rule| rule.matches(&about));
                let noted = Noted { desk: self, n, about, lose: fate.lose };
                serving::meet(fate, || execute(&noted)).await
            }
        };
        self.ledger.end(n, (), reply.status(), done);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        reply
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.ledger.lines()
    }

    pub fn seen(&self) -> Seen {
        let Totals { max_in_flight, mut counts, violations } = self.ledger.totals();
        Seen { max_in_flight, calls: counts.remove(&()).unwrap_or_default(), violations }
    }
}

impl Noted<'_> {
    /// Writes down that this call did what must never happen.
    pub fn violation(&self, what: Broken) {
        self.desk.ledger.violation(Violation { what, n: self.n, about: self.about.clone() });
    }

    /// Answers a request that the API does not know.
    pub fn malformed(&self, what: &str) -> Response<Body> {
        self.violation(Broken::Malformed);
        answer::error(StatusCode::BAD_REQUEST, what)
    }
}
