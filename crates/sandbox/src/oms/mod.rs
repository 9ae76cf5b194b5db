//! The stand-in for Akinon's OMS, as far as a package gets its invoice there:
//! `POST /oms/api/v1/oms/packages/{id}/command/`, with a token, answers 204.
//!
//! A command of any other shape is answered 400, and a package that is not there 404. Beside the API
//! it has `GET /oms/packages/{id}` (what is on the package now) and `GET
//! /oms/packages/{id}/document` (its PDF), and `/oms/_ledger`, `/oms/_ledger/summary` and
//! `/oms/_faults` (see [`Rule`]).

mod command;
mod packages;
mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::command::Names;
pub use self::packages::{PackageFacts, Written};
pub use crate::desk::{About, Broken, Entry, Violation};
pub use crate::faults::Fault;
pub use crate::ledger::Counts;
pub use crate::rule::Rule;

use self::command::Command;
use self::packages::Packages;
use crate::answer;
use crate::control::{self, StandIn};
use crate::desk::{Desk, Noted, Seen};
use crate::faults::Faults;
use crate::serving::Reply;

/// What the stand-in is like at the start. Its `Debug` shows no token.
#[derive(Clone)]
pub struct Options {
    /// The only token that is let in. `None`: any that is not empty.
    pub token: Option<String>,
    /// The packages that there are. `None`: all that are asked for.
    pub packages: Option<BTreeSet<u64>>,
    /// What the command and its members are called.
    pub names: Names,
    /// Faults from the start.
    pub faults: Vec<Rule>,
    /// Seeds the dice of faults with a rate, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { token: None, packages: None, names: Names::default(), faults: Vec::new(), seed: 1 }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token: _, packages, names, faults, seed } = self;
        f.debug_struct("Options")
            .field("packages", packages)
            .field("names", names)
            .field("faults", faults)
            .field("seed", seed)
            .finish_non_exhaustive()
    }
}

/// The stand-in. Clones are the same one.
#[derive(Clone)]
pub struct Oms(Arc<Inner>);

struct Inner {
    token: Option<String>,
    known: Option<BTreeSet<u64>>,
    names: Names,
    desk: Desk,
    packages: Packages,
}

/// All that was told to the stand-in, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The packages with an invoice, by their id.
    pub packages: BTreeMap<u64, PackageFacts>,
    /// The most calls ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls were answered with each status.
    pub calls: Counts,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl Oms {
    pub(crate) fn new(options: Options) -> Self {
        let Options { token, packages, names, faults, seed } = options;
        let desk = Desk::new(faults, seed);
        Self(Arc::new(Inner { token, known: packages, names, desk, packages: Packages::default() }))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().merge(routes::api()).merge(control::routes::<Self>("/oms")).with_state(self.clone())
    }

    /// Every command, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.desk.entries()
    }

    /// All commands taken together.
    pub fn summary(&self) -> Summary {
        let Seen { max_in_flight, calls, violations } = self.0.desk.seen();
        Summary { packages: self.0.packages.all(), max_in_flight, calls, violations }
    }

    /// The document of a package; of all packages, the newest few thousand have theirs.
    pub fn document(&self, package_id: u64) -> Option<Bytes> {
        self.0.packages.document(package_id)
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.desk.faults.add([rule]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.desk.faults.clear();
    }

    /// Answers a command: `token` is who sends it, `package_id` what its path says.
    async fn handle(
        self,
        token: Option<String>,
        package_id: Option<u64>,
        command: Result<Command, String>,
    ) -> Reply {
        let inner = &self.0;
        let let_in = token.is_some_and(|token| match &inner.token {
            Some(only) => *only == token,
            None => !token.is_empty(),
        });
        let about = About {
            key: None,
            package_id,
            invoice_number: command.as_ref().ok().map(|command| command.number.clone()),
        };
        let refusal = (!let_in).then(|| answer::error(StatusCode::UNAUTHORIZED, ""));
        inner.desk.take(about, refusal, |noted| inner.execute(package_id, command, noted)).await
    }
}

impl Inner {
    fn execute(
        &self,
        package_id: Option<u64>,
        command: Result<Command, String>,
        noted: &Noted<'_>,
    ) -> Response<Body> {
        let is_known = |id: &u64| self.known.as_ref().is_none_or(|known| known.contains(id));
        let Some(id) = package_id.filter(is_known) else {
            return answer::error(StatusCode::NOT_FOUND, "Package not found.");
        };
        match command {
            Err(what) => noted.malformed(&what),
            Ok(command) => {
                if self.packages.write(id, command) {
                    noted.violation(Broken::OtherInvoice);
                }
                StatusCode::NO_CONTENT.into_response()
            }
        }
    }
}

impl fmt::Debug for Oms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oms").field("desk", &self.0.desk).finish_non_exhaustive()
    }
}

impl StandIn for Oms {
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
