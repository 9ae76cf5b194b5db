//! Who calls: over which connection, and with which headers.

use std::convert::Infallible;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::connection::Wire;

/// Whoever calls.
pub(crate) struct Caller {
    pub wire: Wire,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let wire = ConnectInfo::<Wire>::from_request_parts(parts, state).await;
        // Without one, which no server of ours leaves out, there is nothing to break off.
        let wire = wire.map(|ConnectInfo(wire)| wire).unwrap_or_default();
        Ok(Self { wire, headers: parts.headers.clone() })
    }
}

impl Caller {
    /// The `Idempotency-Key`, where it is not empty.
    pub fn key(&self) -> Option<String> {
        self.header("idempotency-key").filter(|key| !key.is_empty()).map(str::to_owned)
    }

    /// Says so where the body is not told to be JSON.
    pub fn check_json(&self) -> Result<(), String> {
        let media_type = self.header(header::CONTENT_TYPE.as_str()).and_then(|value| value.split(';').next());
        if media_type.is_some_and(|is| is.trim().eq_ignore_ascii_case("application/json")) {
            Ok(())
        } else {
            Err("the content type must be application/json".to_owned())
        }
    }

    /// User and password of basic authentication (RFC 7617).
    pub fn basic(&self) -> Option<(String, String)> {
        let bytes = STANDARD.decode(self.authorization("basic")?).ok()?;
        let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// What `Authorization` says in this scheme (RFC 9110: its case does not count).
    pub fn authorization(&self, scheme: &str) -> Option<&str> {
        let (named, rest) = self.header(header::AUTHORIZATION.as_str())?.split_once(' ')?;
        named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
