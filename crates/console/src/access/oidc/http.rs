//! The HTTP that `openidconnect` asks for, over the workspace's client.

use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use reqwest::redirect::Policy;

use crate::access::address::is_safe;

/// How long the identity provider may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More than any discovery document, key set or token takes.
const MOST: usize = 1024 * 1024;

/// Connections to the identity provider. Follows no redirects: they would carry the code elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Http(reqwest::Client);

/// Why there is no answer. Says nothing of the URL's query, which may hold secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// Its discovery document names an address that is not encrypted.
    #[error("an address of the identity provider is not https")]
    NotSafe,
    /// Not reached, or no whole answer.
    #[error("the identity provider did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// More than is read.
    #[error("the identity provider's answer is larger than 1 MiB")]
    TooLarge,
    /// What it answered is not HTTP.
    #[error("the identity provider's answer is none")]
    Malformed(#[source] http::Error),
}

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // reqwest takes the process's provider; one that is there already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(TIMEOUT).referer(false);
        client.user_agent(concat!("bilag/", env!("CARGO_PKG_VERSION"))).build().map(Self)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let no_answer = |error: reqwest::Error| HttpError::NoAnswer(error.without_url());
        let request = reqwest::Request::try_from(request).map_err(no_answer)?;
        if !is_safe(request.url()) {
            return Err(HttpError::NotSafe);
        }
        let mut answer = self.0.execute(request).await.map_err(no_answer)?;
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MOST {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body).map_err(HttpError::Malformed)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
