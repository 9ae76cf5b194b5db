//! The endpoints of the API: from HTTP to what is asked.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use bytes::Bytes;
use serde::Deserialize;
use uuid::Uuid;

use super::Omnium;
use super::handle::{Ask, Asked};
use crate::answer;
use crate::connection::Wire;

pub(super) fn api() -> Router<Omnium> {
    Router::new()
        .route("/api/token", post(token))
        .route("/api/Invoices/UpdateInvoice", put(upsert))
        .route("/api/Invoices/{id}/AddFileToInvoice", post(attach))
        .route("/api/Invoices/{id}/AddAsset", post(add_asset))
        .route("/api/Invoices/GetAsPdf/{id}", get(pdf))
        .route("/api/Invoices/{id}", get(invoice))
        .route("/assets/{asset}", get(asset))
        // The body's size is judged after the call is in the ledger.
        .layer(DefaultBodyLimit::disable())
}

/// Who asks, and over which connection.
struct Caller {
    wire: Wire,
    bearer: Option<String>,
    content_type: Option<String>,
    base_url: String,
}

impl FromRequestParts<Omnium> for Caller {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &Omnium) -> Result<Self, Self::Rejection> {
        let ConnectInfo(wire) = ConnectInfo::<Wire>::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let bearer = text(&parts.headers, header::AUTHORIZATION)
            .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
        let content_type = text(&parts.headers, header::CONTENT_TYPE);
        let host = text(&parts.headers, header::HOST).unwrap_or_default();
        Ok(Self { wire, bearer, content_type, base_url: format!("http://{host}") })
    }
}

impl Caller {
    async fn ask(self, omnium: Omnium, ask: Ask) -> Response<Body> {
        let asked =
            Asked { ask, bearer: self.bearer, content_type: self.content_type, base_url: self.base_url };
        omnium.answer(&self.wire, asked).await
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

async fn token(
    State(omnium): State<Omnium>,
    caller: Caller,
    Query(Credentials { client_id, client_secret }): Query<Credentials>,
) -> Response<Body> {
    caller.ask(omnium, Ask::Token { client_id, client_secret }).await
}

async fn upsert(State(omnium): State<Omnium>, caller: Caller, body: Bytes) -> Response<Body> {
    caller.ask(omnium, Ask::Upsert { body }).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileName {
    #[serde(default)]
    file_name: String,
}

async fn attach(
    State(omnium): State<Omnium>,
    caller: Caller,
    Path(invoice_id): Path<String>,
    Query(FileName { file_name }): Query<FileName>,
    content: Bytes,
) -> Response<Body> {
    caller.ask(omnium, Ask::Attach { invoice_id, file_name, content }).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssetName {
    #[serde(default)]
    file_name: String,
    asset_id: Option<String>,
}

async fn add_asset(
    State(omnium): State<Omnium>,
    caller: Caller,
    Path(invoice_id): Path<String>,
    Query(AssetName { file_name, asset_id }): Query<AssetName>,
    content: Bytes,
) -> Response<Body> {
    caller.ask(omnium, Ask::AddAsset { invoice_id, file_name, asset_id, content }).await
}

async fn invoice(
    State(omnium): State<Omnium>,
    caller: Caller,
    Path(invoice_id): Path<String>,
) -> Response<Body> {
    caller.ask(omnium, Ask::Get { invoice_id }).await
}

async fn pdf(State(omnium): State<Omnium>, caller: Caller, Path(invoice_id): Path<String>) -> Response<Body> {
    caller.ask(omnium, Ask::Pdf { invoice_id }).await
}

async fn asset(State(omnium): State<Omnium>, Path(asset): Path<String>) -> Response<Body> {
    let content = asset.parse::<Uuid>().ok().and_then(|asset| omnium.0.invoices.content(asset));
    match content {
        Some(content) => answer::pdf(content),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
