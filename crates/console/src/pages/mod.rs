//! The pages, one file or folder each. All are behind the login.

mod audit;
mod chain;
mod jobs;
mod letters;
mod packages;
mod pauses;
mod receipts;
mod report;

use axum::Router;

use crate::server::App;

pub(crate) use letters::{LagSeen, WholeDeadLetters};
pub(crate) use report::LastReport;

/// Every page's routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(audit::routes())
        .merge(chain::routes())
        .merge(jobs::routes())
        .merge(letters::routes())
        .merge(packages::routes())
        .merge(pauses::routes())
        .merge(receipts::routes())
        .merge(report::routes())
}
