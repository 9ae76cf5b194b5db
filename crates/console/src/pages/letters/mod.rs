//! The pages of dead letters: all of them by cause, one of them, and what is done with them.

mod confirm;
mod content;
mod document;
mod edit;
mod export;
mod groups;
mod lag;
mod letter;
mod list;
mod view;
mod whole;

use axum::Router;
use axum::routing::{get, post};
use sync_store::DeadLetter;

use crate::parts::segment;
use crate::server::App;

pub(crate) use content::{document, read};
pub(crate) use groups::error;
pub(crate) use lag::LagSeen;
pub(crate) use whole::WholeDeadLetters;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/letters", get(list::show))
        .route("/letters/confirm", post(confirm::ask))
        .route("/letters/act", post(confirm::act))
        .route("/letters/export", get(export::download))
        .route("/letters/{id}", get(letter::show))
        .route("/letters/{id}/edit", get(edit::show).post(edit::send))
        .route("/letters/{id}/document.pdf", get(document::show))
}

/// The address of a dead letter's page.
pub(crate) fn address_of(id: &str) -> String {
    format!("/letters/{}", segment(id))
}

/// What a dead letter is about, and where that is shown, where it could be read.
pub(crate) fn about(letter: &DeadLetter) -> Option<(String, String)> {
    match (&letter.key, &letter.package) {
        (Some(key), _) => Some((key.to_string(), super::receipts::address_of(key))),
        (None, Some(package)) => Some((format!("package {package}"), super::packages::address_of(package))),
        (None, None) => None,
    }
}
