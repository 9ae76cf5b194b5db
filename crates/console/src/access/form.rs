//! Forms that change something: taken only with the token of the session they were shown in.

use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::PageError;
use crate::access::Viewer;

/// Where a script puts the token.
const HEADER: &str = "x-csrf-token";

/// The fields of a form that was sent by a page of this session. Every handler of a POST takes one,
/// as its last argument; `Checked<Vec<(String, String)>>` takes fields that are there several times.
#[derive(Debug)]
pub struct Checked<T>(
    /// The fields.
    pub T,
);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Checked<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, state).await?;
        let in_header =
            parts.headers.get(HEADER).map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned());
        let body = Bytes::from_request(Request::from_parts(parts, body), state).await.map_err(|_| {
            PageError::Invalid("The form is larger than any form of this console.".to_owned())
        })?;
        let sent = match in_header {
            Some(token) => token,
            None => {
                let fields: Vec<(String, String)> = fields(&body).await?;
                let token = fields.into_iter().find(|(name, _)| name == "csrf");
                token.ok_or(PageError::ForeignForm)?.1
            }
        };
        if !viewer.csrf().is(&sent) {
            return Err(PageError::ForeignForm);
        }
        fields(&body).await.map(Self)
    }
}

/// Reads the fields of a form.
async fn fields<T: DeserializeOwned>(body: &Bytes) -> Result<T, PageError> {
    let mut request = Request::new(Body::from(body.clone()));
    *request.method_mut() = Method::POST;
    let kind = "application/x-www-form-urlencoded".parse().expect("it is a header's value");
    request.headers_mut().insert(CONTENT_TYPE, kind);
    match Form::from_request(request, &()).await {
        Ok(Form(fields)) => Ok(fields),
        Err(error) => Err(PageError::Invalid(format!("The form has other fields than expected: {error}"))),
    }
}
