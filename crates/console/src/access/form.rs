//! Forms that change something: taken only with the token of the session they were shown in.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::de::DeserializeOwned;

use crate::PageError;
use crate::access::Viewer;

/// The fields of a form that was sent by a page of this session. Every handler of a POST takes one,
/// as its last argument; `Checked<Vec<(String, String)>>` takes fields that are there several times.
#[derive(Debug)]
pub(crate) struct Checked<T>(
    /// The fields.
    pub(crate) T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Checked<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, state).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await.map_err(|_| {
            PageError::Invalid("The form is larger than any form of this console.".to_owned())
        })?;
        let all: Vec<(String, String)> = fields(&body)?;
        let (_, sent) = all.into_iter().find(|(name, _)| name == "csrf").ok_or(PageError::ForeignForm)?;
        if !viewer.csrf().is(&sent) {
            return Err(PageError::ForeignForm);
        }
        fields(&body).map(Self)
    }
}

/// Reads the fields of a form.
fn fields<T: DeserializeOwned>(body: &Bytes) -> Result<T, PageError> {
    serde_urlencoded::from_bytes(body)
        .map_err(|error| PageError::Invalid(format!("The form has other fields than expected: {error}.")))
}
