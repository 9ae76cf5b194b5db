//! The endpoints of the OMS, and what is the stand-in's own: reading a package back.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;

use super::Oms;
use super::command::Command;
use crate::caller::Caller;
use crate::{answer, serving};

pub(super) fn api() -> Router<Oms> {
    Router::new()
        .route("/oms/api/v1/oms/packages/{id}/command/", post(command))
        .layer(DefaultBodyLimit::disable())
        .route("/oms/packages/{id}", get(package))
        .route("/oms/packages/{id}/document", get(document))
}

async fn command(
    State(oms): State<Oms>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Response<Body> {
    let id = id.parse().ok();
    let token = caller.authorization("token").map(str::to_owned);
    let command =
        caller.check_json().and_then(|()| Command::read(&oms.0.names, id.unwrap_or_default(), &body));
    serving::to_its_end(&caller.wire, oms.handle(token, id, command)).await
}

async fn package(State(oms): State<Oms>, Path(id): Path<u64>) -> Response<Body> {
    match oms.0.packages.facts(id) {
        Some(facts) => Json(facts).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn document(State(oms): State<Oms>, Path(id): Path<u64>) -> Response<Body> {
    match oms.document(id) {
        Some(content) => answer::pdf(content),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
