//! Answers that repeat what they were called with, as careless services do: `{authorization}` in a requested body
//! becomes the caller's own header.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::IntoResponse;

const AUTHORIZATION_MARK: &str = "{authorization}";

/// More than any body that was requested has.
const MOST: usize = 16 * 1024 * 1024;

/// Marks an answer whose body was requested.
#[derive(Clone)]
pub(crate) struct Requested;

/// Puts the caller's own header into a requested body.
pub(crate) async fn echo(request: Request, next: Next) -> Response<Body> {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let response = next.run(request).await;
    if response.extensions().get::<Requested>().is_none() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MOST).await.unwrap_or_default();
    let authorization = authorization.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).replace(AUTHORIZATION_MARK, authorization);
    (parts.status, body).into_response()
}
