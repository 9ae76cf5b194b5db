//! `/letters`: the pages of dead letters.
//!
//! - [`list`]: by cause, and one by one; [`view`]: which of them, as the query says
//! - [`show`]: one dead letter and its PDF
//! - [`act`]: redrive, discard, restore, after a confirmation; [`edit`]: a corrected body; [`export`]

mod act;
mod edit;
mod export;
mod list;
mod show;
mod view;

use axum::Router;
use axum::routing::{get, post};

use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/letters", get(list::show))
        .route("/letters/confirm", post(act::confirm))
        .route("/letters/act", post(act::start))
        .route("/letters/export", get(export::download))
        .route("/letters/{id}", get(show::show))
        .route("/letters/{id}/edit", get(edit::show).post(edit::send))
        .route("/letters/{id}/document.pdf", get(show::pdf))
}
