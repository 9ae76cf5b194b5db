//! Answers, with error bodies as various as the real ones: a string, problem JSON, or nothing.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Value, json};

/// A successful answer without a body.
pub(crate) fn ok() -> Response<Body> {
    StatusCode::OK.into_response()
}

pub(crate) fn json(value: Value) -> Response<Body> {
    axum::Json(value).into_response()
}

pub(crate) fn pdf(content: Bytes) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/pdf")], content).into_response()
}

/// The status with the kind of body that goes with it.
pub(crate) fn error(status: StatusCode, what: &str) -> Response<Body> {
    match status.as_u16() {
        400 | 404 | 429 => (status, axum::Json(what)).into_response(),
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
pub(crate) fn throttled(retry_after: Duration) -> Response<Body> {
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    with_retry_after(error(StatusCode::TOO_MANY_REQUESTS, "Too many requests."), Some(seconds))
}

pub(crate) fn with_retry_after(mut response: Response<Body>, seconds: Option<u64>) -> Response<Body> {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
