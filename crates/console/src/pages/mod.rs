//! The pages, one file or folder each. All are behind the login.

mod audit;
mod chain;
mod dead_letters;
mod jobs;
mod packages;
mod pause;
mod receipt;
mod receipts;
mod report;

use axum::Router;

use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .merge(audit::routes())
        .merge(chain::routes())
        .merge(dead_letters::routes())
        .merge(jobs::routes())
        .merge(packages::routes())
        .merge(pause::routes())
        .merge(receipt::routes())
        .merge(receipts::routes())
        .merge(report::routes())
}
