//! What is not Omnium's: reading the ledger, asking for faults, revoking tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};

use super::{Entry, Omnium, Rule, Summary};

pub(super) fn routes() -> Router<Omnium> {
    Router::new()
        .route("/_ledger", get(ledger))
        .route("/_ledger/summary", get(summary))
        .route("/_faults", get(faults).post(add_faults).delete(clear_faults))
        .route("/_tokens", delete(revoke_tokens))
}

async fn ledger(State(omnium): State<Omnium>) -> Json<Vec<Entry>> {
    Json(omnium.ledger())
}

async fn summary(State(omnium): State<Omnium>) -> Json<Summary> {
    Json(omnium.summary())
}

async fn faults(State(omnium): State<Omnium>) -> Json<Vec<Rule>> {
    Json(omnium.0.faults.list())
}

/// Adds one rule, or a list of them, or says what is wrong with them.
async fn add_faults(State(omnium): State<Omnium>, body: String) -> Result<StatusCode, (StatusCode, String)> {
    let rules: Vec<Rule> = if body.trim_start().starts_with('[') {
        serde_json::from_str(&body)
    } else {
        body.parse().map(|rule| vec![rule])
    }
    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    omnium.0.faults.add(rules);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(State(omnium): State<Omnium>) -> StatusCode {
    omnium.clear_faults();
    StatusCode::NO_CONTENT
}

async fn revoke_tokens(State(omnium): State<Omnium>) -> StatusCode {
    omnium.revoke_tokens();
    StatusCode::NO_CONTENT
}
