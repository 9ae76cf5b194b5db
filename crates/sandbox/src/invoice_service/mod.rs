//! The stand-in for an invoice service: `POST /invoice-service`, with basic authentication, takes an
//! `invoice.request.v1` and answers with the invoice, or sends it over the bus later.
//!
//! The `Idempotency-Key` names the request: the same key gives the same invoice, whenever it is asked
//! for; with another package it is answered 422, and 409 while its first request is still being
//! worked on. A body of any other shape is answered 400. Two keys make two invoices, as nobody could
//! know better. Beside it are `/invoice-service/_ledger`, `/invoice-service/_ledger/summary` and
//! `/invoice-service/_faults` (see [`Rule`]).

mod bus;
mod options;
mod orders;
mod receipt;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::{fmt, io};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use events::{Package, ReceiptSettled, Tenant};
use serde::{Deserialize, Serialize};

pub use self::options::{Mode, Options};
pub use self::orders::{PackageFacts, ReceiptFacts};
pub use crate::desk::{About, Broken, Entry, Violation};
pub use crate::faults::Fault;
pub use crate::ledger::Counts;
pub use crate::rule::Rule;

use self::bus::Bus;
use self::orders::{Issued, Orders};
use self::request::Request;
use crate::answer;
use crate::caller::Caller;
use crate::control::{self, StandIn};
use crate::desk::{Desk, Noted, Seen};
use crate::faults::Faults;
use crate::serving::{self, Reply};

/// The stand-in. Clones are the same one.
#[derive(Clone)]
pub struct InvoiceService(Arc<Inner>);

struct Inner {
    credentials: Option<(String, String)>,
    tenant: Tenant,
    /// None where it answers at once.
    bus: Option<Bus>,
    desk: Desk,
    orders: Arc<Orders>,
}

/// All that was asked of the stand-in, taken together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The packages by their id.
    pub packages: BTreeMap<u64, PackageFacts>,
    /// The most calls ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls were answered with each status.
    pub calls: Counts,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl InvoiceService {
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        let Options { credentials, mode, tenant, faults, seed } = options;
        let bus = match mode {
            Mode::Synchronous => None,
            Mode::Asynchronous { amqp_url, exchange, routing_key, after } => Some(
                Bus::new(&amqp_url, exchange, routing_key, after)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
            ),
        };
        let desk = Desk::new(faults, seed);
        Ok(Self(Arc::new(Inner { credentials, tenant, bus, desk, orders: Arc::default() })))
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/invoice-service", post(take))
            .layer(DefaultBodyLimit::disable())
            .merge(control::routes::<Self>("/invoice-service"))
            .with_state(self.clone())
    }

    /// Every call, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.desk.entries()
    }

    /// All calls taken together.
    pub fn summary(&self) -> Summary {
        let Seen { max_in_flight, calls, violations } = self.0.desk.seen();
        Summary { packages: self.0.orders.facts(), max_in_flight, calls, violations }
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.desk.faults.add([rule]);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.desk.faults.clear();
    }

    async fn handle(
        self,
        key: Option<String>,
        login: Option<(String, String)>,
        request: Result<Request, String>,
    ) -> Reply {
        let inner = &self.0;
        let package_id = request.as_ref().ok().map(|request| request.package.id);
        let about = About { key, package_id, invoice_number: None };
        let let_in = inner.lets_in(login);
        // Held until the answer is on its way.
        let claim = request.as_ref().ok().filter(|_| let_in).map(|request| inner.orders.ask(request));
        let refusal = if !let_in {
            Some(answer::error(StatusCode::UNAUTHORIZED, ""))
        } else if matches!(claim, Some(None)) {
            let what = "The first request with this key is still being worked on.";
            Some(answer::error(StatusCode::CONFLICT, what))
        } else {
            None
        };
        let execute = |noted: &Noted<'_>| match request {
            Err(what) => noted.malformed(&what),
            Ok(request) => inner.execute(request, noted),
        };
        inner.desk.take(about, refusal, execute).await
    }
}

async fn take(State(service): State<InvoiceService>, caller: Caller, body: Bytes) -> Response<Body> {
    let (key, login, request) = (caller.key(), caller.basic(), Request::read(&caller, &body));
    serving::to_its_end(&caller.wire, service.handle(key, login, request)).await
}

impl Inner {
    fn lets_in(&self, login: Option<(String, String)>) -> bool {
        login.is_some_and(|login| match &self.credentials {
            Some(only) => *only == login,
            None => !login.0.is_empty() && !login.1.is_empty(),
        })
    }

    fn execute(&self, request: Request, noted: &Noted<'_>) -> Response<Body> {
        let package = Package { id: request.package.id, number: request.package.number.clone() };
        match self.orders.issue(&self.tenant, request) {
            Issued::Impossible(what) => noted.malformed(&what),
            Issued::OtherContent => answer::error(StatusCode::UNPROCESSABLE_ENTITY, ""),
            Issued::Receipt { receipt, second } => {
                if second {
                    noted.violation(Broken::SecondInvoice);
                }
                self.hand_over(*receipt, package, noted.lose)
            }
        }
    }

    /// The receipt itself; or that it will come over the bus, where alone it names its package.
    fn hand_over(&self, receipt: ReceiptSettled, package: Package, lose: bool) -> Response<Body> {
        let Some(bus) = &self.bus else { return axum::Json(receipt).into_response() };
        if !lose {
            let id = package.id;
            bus.send(ReceiptSettled { package: Some(package), ..receipt }, id, Arc::clone(&self.orders));
        }
        StatusCode::ACCEPTED.into_response()
    }
}

impl fmt::Debug for InvoiceService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvoiceService").field("desk", &self.0.desk).finish_non_exhaustive()
    }
}

impl StandIn for InvoiceService {
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
