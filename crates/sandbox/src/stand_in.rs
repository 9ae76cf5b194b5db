//! What all stand-ins share: each call is recorded, meets the faults in force, and is executed; and the
//! record and the faults are reached over HTTP.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::time::sleep;

use crate::faults::{End, Faults, Rule};
use crate::http::{Caller, error, with_retry_after};
use crate::recorder::{About, Call, CallRecorder, Calls, Entry, Recorded, Totals, Violation};

/// What one stand-in adds: its routes, and what it holds.
pub trait Service: Send + Sync + Sized + 'static {
    /// Its path below the sandbox's URL.
    const PATH: &'static str;
    /// The conditions of a [`Rule`] that its calls can meet, as JSON has them.
    const CONDITIONS: &'static [&'static str];
    /// What it holds.
    type Facts: Serialize;

    /// What it holds now.
    fn facts(&self) -> Self::Facts;
    /// The API.
    fn routes() -> Router<StandIn<Self>>;
}

/// A stand-in for a service. Clones are the same one.
///
/// Below its path it also has `GET /_ledger` (every call), `GET /_ledger/summary` ([`Summary`]), and
/// `GET`, `POST` and `DELETE /_faults` (see [`Rule`]).
pub struct StandIn<T>(Arc<Inner<T>>);

struct Inner<T> {
    service: T,
    recorder: CallRecorder,
    faults: Faults,
}

/// All calls to a stand-in taken together, and what it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary<F> {
    /// What it holds.
    #[serde(flatten)]
    pub facts: F,
    /// The most calls of one client ever in flight at once.
    pub max_in_flight: usize,
    /// How many calls were answered with each status.
    pub calls: Calls,
    /// What must never happen, and did.
    pub violations: Vec<Violation>,
}

impl<T> StandIn<T> {
    pub(crate) fn new(service: T, seed: u64) -> Self {
        Self(Arc::new(Inner { service, recorder: CallRecorder::default(), faults: Faults::new(seed) }))
    }

    pub(crate) fn service(&self) -> &T {
        &self.0.service
    }

    /// Every call, in the order in which they began; the newest half million.
    pub fn ledger(&self) -> Vec<Entry> {
        self.0.recorder.entries()
    }

    /// Adds a fault behind those already in force.
    pub fn add_fault(&self, rule: Rule) {
        self.0.faults.add(rule);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.0.faults.clear();
    }
}

impl<T: Service> StandIn<T> {
    /// All calls taken together.
    pub fn summary(&self) -> Summary<T::Facts> {
        let Totals { max_in_flight, calls, violations } = self.0.recorder.totals();
        Summary { facts: self.0.service.facts(), max_in_flight, calls, violations }
    }

    pub(crate) fn router(&self) -> Router {
        let below = |path: &str| format!("{}/{path}", T::PATH);
        T::routes()
            .route(&below("_ledger"), get(async |State(this): State<Self>| Json(this.ledger())))
            .route(&below("_ledger/summary"), get(async |State(this): State<Self>| Json(this.summary())))
            .route(
                &below("_faults"),
                get(async |State(this): State<Self>| Json(this.0.faults.list()))
                    .post(async |State(this): State<Self>, body: String| this.add_faults(&body))
                    .delete(async |State(this): State<Self>| {
                        this.clear_faults();
                        StatusCode::NO_CONTENT
                    }),
            )
            // Sizes are judged once the call is recorded.
            .layer(DefaultBodyLimit::disable())
            .with_state(self.clone())
    }

    /// Adds one rule, or a list of them, or says what is wrong with them.
    fn add_faults(&self, body: &str) -> Result<StatusCode, (StatusCode, String)> {
        let bad_request = |what: String| (StatusCode::BAD_REQUEST, what);
        let rules: Vec<Rule> = if body.trim_start().starts_with('[') {
            serde_json::from_str(body)
        } else {
            serde_json::from_str(body).map(|rule| vec![rule])
        }
        .map_err(|error| bad_request(error.to_string()))?;
        let unknown =
            rules.iter().flat_map(Rule::conditions).find(|name| !T::CONDITIONS.contains(&name.as_str()));
        if let Some(unknown) = unknown {
            return Err(bad_request(format!("no call of this service has a {unknown}")));
        }
        rules.into_iter().for_each(|rule| self.add_fault(rule));
        Ok(StatusCode::NO_CONTENT)
    }

    /// Answers a call: records it, and executes it as the faults in force allow, unless `admit` refuses it.
    /// What `admit` returns is held until the answer is sent. The call is carried out even where the
    /// client goes away meanwhile, as servers do.
    pub(crate) async fn answer<G: Send>(
        self,
        caller: Caller,
        call: Call,
        about: About,
        admit: impl FnOnce(&T, &Recorded<'_>) -> Result<G, Response> + Send + 'static,
        execute: impl FnOnce(&T, &Recorded<'_>) -> Response + Send + 'static,
    ) -> Response {
        let wire = caller.wire.clone();
        let carried_out = tokio::spawn(async move {
            let Inner { service, recorder, faults } = &*self.0;
            let mut recorded = recorder.begin(call, about);
            let (reply, done) = match admit(service, &recorded) {
                Err(refusal) => (Reply::Answer(refusal), false),
                Ok(_held) => {
                    let fate = faults.decide(call, &recorded.about);
                    (recorded.lag, recorded.lose) = (fate.lag, fate.lose);
                    sleep(fate.delay).await;
                    let ended = end(fate.end, &caller, || execute(service, &recorded));
                    sleep(fate.slow_answer).await;
                    ended
                }
            };
            recorded.end(reply.status(), done);
            reply
        });
        match carried_out.await {
            Ok(Reply::Answer(response)) => return response,
            Ok(Reply::Reset) => wire.reset(),
            Ok(Reply::Close) => wire.close(),
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a call panicked"),
        }
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// What goes back over the wire.
enum Reply {
    Answer(Response),
    Reset,
    Close,
}

impl Reply {
    fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(response) => Some(response.status().as_u16()),
            Self::Reset | Self::Close => None,
        }
    }
}

/// Ends a call as its faults want it, and says whether it was executed.
fn end(end: End, caller: &Caller, execute: impl FnOnce() -> Response) -> (Reply, bool) {
    let done = |response: Response| response.status().is_success();
    match end {
        End::Answered => {
            let response = execute();
            let done = response.status().is_success();
            (Reply::Answer(response), done)
        }
        End::Status { status, retry_after, done: wanted } => {
            let done = wanted && done(execute());
            let response = error(status, "As it was requested of the sandbox.");
            (Reply::Answer(with_retry_after(response, retry_after)), done)
        }
        End::Body { status, body } => {
            let authorization = caller.header("authorization").unwrap_or_default();
            let body = body.replace("{authorization}", authorization);
            (Reply::Answer((status, body).into_response()), false)
        }
        End::Reset => (Reply::Reset, false),
        End::AnswerLost => (Reply::Close, done(execute())),
    }
}

impl<F> Summary<F> {
    /// How many calls were answered with a status.
    pub fn count(&self, call: Call, status: u16) -> u64 {
        self.calls.get(&call).and_then(|counts| counts.get(&status.to_string())).copied().unwrap_or_default()
    }
}

impl<F> Deref for Summary<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.facts
    }
}

impl<T> Clone for StandIn<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Shows no credentials.
impl<T> fmt::Debug for StandIn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("recorder", &self.0.recorder).finish_non_exhaustive()
    }
}
