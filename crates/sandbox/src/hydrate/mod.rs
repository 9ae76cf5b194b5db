//! The stand-in for a hydrate hook: `POST /hydrate` takes the ids of a settled receipt, as Flow's webhook
//! has them, and answers with the whole receipt, the same for the same ids.
//!
//! It knows every receipt, unless a fault says otherwise. Beside it are `/hydrate/_ledger`,
//! `/hydrate/_ledger/summary` and `/hydrate/_faults` (see [`Rule`]).

mod receipt;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::Response;
use axum::routing::post;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use crate::desk::{About, Broken, Entry, Violation};
pub use crate::faults::Fault;
pub use crate::ledger::Counts;
pub use crate::rule::Rule;

use crate::answer;
use crate::caller::Caller;
use crate::control::{self, StandIn};
use crate::desk::{Desk, Seen};
use crate::faults::Faults;
use crate::serving::{self, Reply};

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
pub struct Hydrate(Arc<Desk>);

/// All that was asked, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The most calls ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls were answered with each status.
    pub calls: Counts,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl Hydrate {
    pub(crate) fn new(options: Options) -> Self {
        Self(Arc::new(Desk::new(options.faults, options.seed)))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/hydrate", post(take))
            .layer(DefaultBodyLimit::disable())
            .merge(control::routes::<Self>("/hydrate"))
            .with_state(self.clone())
    }

    /// Every call, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.entries()
    }

    /// All calls taken together.
    pub fn summary(&self) -> Summary {
        let Seen { max_in_flight, calls, violations } = self.0.seen();
        Summary { max_in_flight, calls, violations }
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.faults.add([rule]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }

    async fn handle(self, asked: Result<Ids, String>) -> Reply {
        let execute = |noted: &crate::desk::Noted<'_>| match asked {
            Err(what) => noted.malformed(&what),
            Ok(ids) => answer::json(receipt::of(&ids.tenant.uid, &ids.order_receipt.uid)),
        };
        self.0.take(About::default(), None, execute).await
    }
}

/// What Flow's webhook says of a settled receipt, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    tenant: Id,
    order_receipt: Id,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "Uid")]
    uid: String,
}

async fn take(State(hook): State<Hydrate>, caller: Caller, body: Bytes) -> Response<Body> {
    let asked =
        caller.check_json().and_then(|()| serde_json::from_slice(&body).map_err(|error| error.to_string()));
    serving::to_its_end(&caller.wire, hook.handle(asked)).await
}

impl StandIn for Hydrate {
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
