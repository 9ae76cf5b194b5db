//! Who calls, and the answers that stand-ins have in common, with error bodies as various as the real
//! ones: a string, problem JSON, or nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use config::Secret;
use serde_json::json;

use crate::connection::Wire;

/// Over which connection a call came, and with which headers.
pub(crate) struct Caller {
    pub wire: Wire,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let wire = ConnectInfo::<Wire>::from_request_parts(parts, state).await;
        // Every server of ours has it; without it there is nothing to break off.
        let wire = wire.map(|ConnectInfo(wire)| wire).unwrap_or_default();
        Ok(Self { wire, headers: parts.headers.clone() })
    }
}

impl Caller {
    /// `None` also where it is not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `Idempotency-Key`, where it is not empty.
    pub(crate) fn key(&self) -> Option<String> {
        self.header("idempotency-key").filter(|key| !key.is_empty()).map(str::to_owned)
    }

    /// An error where the content type is not JSON.
    pub(crate) fn check_json(&self) -> Result<(), String> {
        let media_type = self.header("content-type").and_then(|value| value.split(';').next());
        if media_type.is_some_and(|is| is.trim().eq_ignore_ascii_case("application/json")) {
            Ok(())
        } else {
            Err("the content type must be application/json".to_owned())
        }
    }

    /// User and password of basic authentication (RFC 7617).
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let bytes = STANDARD.decode(self.authorization("basic")?).ok()?;
        let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The credentials of `Authorization` in this scheme (RFC 9110: its case does not count).
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (named, rest) = self.header("authorization")?.split_once(' ')?;
        named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }
}

/// Accepts one token alone, or any where there is none.
pub(crate) fn check_token(only: Option<&Secret>, token: Option<&str>) -> Result<(), Response> {
    let accepted = token.is_some_and(|token| match only {
        Some(only) => *only.expose() == *token,
        None => !token.is_empty(),
    });
    if accepted { Ok(()) } else { Err(error(StatusCode::UNAUTHORIZED, "")) }
}

/// The status with the kind of body that goes with it.
pub(crate) fn error(status: StatusCode, what: &str) -> Response {
    match status.as_u16() {
        400 | 404 | 429 => (status, Json(what)).into_response(),
        409 | 413 | 415 | 500 => {
            let problem = json!({
                "type": format!("https://httpstatuses.example/{}", status.as_u16()),
                "title": status.canonical_reason(),
                "status": status.as_u16(),
                "detail": what,
            });
            (status, [(header::CONTENT_TYPE, "application/problem+json")], problem.to_string())
                .into_response()
        }
        _ => status.into_response(),
    }
}

/// Too many requests; `retry_after` is rounded up to whole seconds.
pub(crate) fn throttled(retry_after: Duration) -> Response {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    with_retry_after(error(StatusCode::TOO_MANY_REQUESTS, "Too many requests."), Some(seconds))
}

pub(crate) fn with_retry_after(mut response: Response, seconds: Option<u64>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A PDF, or 404 without a body.
pub(crate) fn pdf(content: Option<Bytes>) -> Response {
    match content {
        Some(content) => ([(header::CONTENT_TYPE, "application/pdf")], content).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
