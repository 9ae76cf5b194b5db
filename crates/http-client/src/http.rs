//! Connections, URLs, and what a failure below HTTP means.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, FutureExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, redirect};
use thiserror::Error;

use crate::Timing;
use crate::answer::BODY_KEPT;

/// Connecting takes milliseconds, or does not happen.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Below the idle time after which servers and balancers close: a request written to a connection
/// that was just closed counts as unanswered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// More than any invoice takes.
const BODY_MOST: usize = 16 * 1024 * 1024;

/// A failure below HTTP, without the URL, which may hold credentials.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct Transport(#[from] Box<dyn std::error::Error + Send + Sync>);

/// Why there is no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// No connection (refused, DNS, TLS): the request never reached them.
    Refused(Transport),
    /// The request was sent, or part of it, and no status came (timeout, reset).
    Unanswered(Transport),
}

/// Connections to one service. Clones share them.
#[derive(Clone, Debug)]
pub struct Http(Client);

impl Http {
    /// Connections that end with their request: where no answer comes in time, the connection is closed,
    /// and the kernel ends it within the user timeout. So it is HTTP/1.1 alone, where each request in
    /// flight has a connection of its own; one of HTTP/2 outlives the requests that were given up on.
    ///
    /// # Errors
    /// TLS cannot be set up: there are no root certificates to trust.
    pub fn new(timing: Timing) -> Result<Self, Transport> {
        // reqwest takes the process's provider; one that is there already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .timeout(timing.timeout())
            .connect_timeout(CONNECT_TIMEOUT.min(timing.timeout()))
            .tcp_user_timeout(timing.user_timeout())
            .http1_only()
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would carry the credentials elsewhere.
            .redirect(redirect::Policy::none())
            .referer(false)
            // What is repeated is each client's to decide.
            .retry(reqwest::retry::never())
            .user_agent(concat!("bilag/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(transport)
    }

    /// A request to be completed, and given to [`send`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.0.request(method, url)
    }
}

/// Sends a request once, and waits for the status and the headers of its answer.
///
/// # Errors
/// See [`NoAnswer`].
pub fn send(request: RequestBuilder) -> BoxFuture<'static, Result<Received, NoAnswer>> {
    let sent = async {
        match request.send().await {
            Ok(response) => Ok(Received(response)),
            Err(error) if error.is_connect() => Err(NoAnswer::Refused(transport(error))),
            Err(error) => Err(NoAnswer::Unanswered(transport(error))),
        }
    };
    sent.boxed()
}

/// An answer whose body is yet to be read.
#[derive(Debug)]
pub struct Received(Response);

impl Received {
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The answer's headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Reads what is kept of an error's body, and no more, even where the rest never comes.
    pub async fn first_kilobyte(&mut self) -> Bytes {
        read_up_to(BODY_KEPT, &mut self.0).await.0
    }

    /// Reads a success's body up to 16 MiB, and says what ended it early.
    pub async fn body(&mut self) -> (Bytes, Option<Transport>) {
        let (body, broken) = read_up_to(BODY_MOST, &mut self.0).await;
        (body, broken.map(transport))
    }
}

/// The base of an API: an http or https URL without user, query and fragment; `None` for any other text.
pub fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_base.then_some(url)
}

/// The URL below a base; the base itself, as it is, where there are no segments. Percent-encodes each
/// segment, so that an id with a slash stays one segment.
pub fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if !segments.is_empty()
        && let Ok(mut path) = url.path_segments_mut()
    {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// Reads a body up to so many bytes, and says what ended it early.
async fn read_up_to(most: usize, response: &mut Response) -> (Bytes, Option<reqwest::Error>) {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]),
            Ok(None) => return (body.freeze(), None),
            Err(error) => return (body.freeze(), Some(error)),
        }
        if body.len() == most {
            return (body.freeze(), None);
        }
    }
}

/// A URL may hold credentials, so no error keeps its URL.
fn transport(error: reqwest::Error) -> Transport {
    Transport::from(Box::from(error.without_url()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_http_without_user_query_and_fragment() {
        for text in ["https://a.example", "http://127.0.0.1:8080", "https://a.example/gateway/"] {
            assert!(base_url(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a.example",
            "/invoices",
            "ftp://a.example",
            "http://",
            "https://me@a.example",
            "https://me:hush@a.example",
            "https://a.example/?key=hush",
            "https://a.example/#top",
        ] {
            assert_eq!(base_url(text), None, "{text}");
        }
    }

    #[test]
    fn encodes_each_path_segment() {
        for (base, segments, url) in [
            ("https://a.example", &["b"][..], "https://a.example/b"),
            ("https://a.example/x/", &["b", "c/d?e"], "https://a.example/x/b/c%2Fd%3Fe"),
            ("https://a.example/x", &["b", ""], "https://a.example/x/b/"),
            ("https://a.example/x/", &[], "https://a.example/x/"),
            ("https://a.example/x", &[], "https://a.example/x"),
        ] {
            assert_eq!(below(&base_url(base).expect("a base"), segments).as_str(), url);
        }
    }
}
