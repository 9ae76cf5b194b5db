//! The pages of receipts: the search, and one receipt's way through the chain.

mod document;
mod receipt;
mod search;

use axum::Router;
use axum::routing::get;
use maud::Markup;
use sync_store::{Key, State};

use crate::parts::{badge, segment};
use crate::server::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/receipts", get(search::show))
        .route("/receipts/{tenant}/{uid}", get(receipt::show))
        .route("/receipts/{tenant}/{uid}/document.pdf", get(document::show))
}

/// The address of a receipt's page.
pub(crate) fn address_of(key: &Key) -> String {
    format!("/receipts/{}/{}", segment(&key.tenant_uid), segment(&key.receipt_uid))
}

/// A record's state in its colour.
fn state(state: State) -> Markup {
    let kind = match state {
        State::Complete => "ok",
        State::Dead => "bad",
        State::Skipped => "off",
        State::Pending | State::InvoiceCreated | State::Attaching => "warn",
    };
    badge(kind, &state.as_str().replace('_', " "))
}
