//! What is the stand-ins' own: reading a ledger, asking for faults.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::{Chance, Faults};

/// A stand-in, as its ledger and its faults are reached over HTTP.
pub(crate) trait StandIn: Clone + Send + Sync + 'static {
    type Entry: Serialize;
    type Summary: Serialize;
    type Rule: Chance + Serialize + DeserializeOwned + Send + 'static;

    fn ledger(&self) -> Vec<Self::Entry>;
    fn summary(&self) -> Self::Summary;
    fn faults(&self) -> &Faults<Self::Rule>;
}

/// `_ledger`, `_ledger/summary` and `_faults` below a path.
pub(crate) fn routes<S: StandIn>(path: &str) -> Router<S> {
    Router::new()
        .route(&format!("{path}/_ledger"), get(ledger::<S>))
        .route(&format!("{path}/_ledger/summary"), get(summary::<S>))
        .route(&format!("{path}/_faults"), get(faults::<S>).post(add_faults::<S>).delete(clear_faults::<S>))
}

async fn ledger<S: StandIn>(State(stand_in): State<S>) -> Json<Vec<S::Entry>> {
    Json(stand_in.ledger())
}

async fn summary<S: StandIn>(State(stand_in): State<S>) -> Json<S::Summary> {
    Json(stand_in.summary())
}

async fn faults<S: StandIn>(State(stand_in): State<S>) -> Json<Vec<S::Rule>> {
    Json(stand_in.faults().list())
}

/// Adds one rule, or a list of them, or says what is wrong with them.
async fn add_faults<S: StandIn>(
    State(stand_in): State<S>,
    body: String,
) -> Result<StatusCode, (StatusCode, String)> {
    let rules: Vec<S::Rule> = if body.trim_start().starts_with('[') {
        serde_json::from_str(&body)
    } else {
        serde_json::from_str(&body).map(|rule| vec![rule])
    }
    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    stand_in.faults().add(rules);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults<S: StandIn>(State(stand_in): State<S>) -> StatusCode {
    stand_in.faults().clear();
    StatusCode::NO_CONTENT
}
