//! A client for a service that takes JSON at one URL, and may be asked the same thing twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use thiserror::Error;
use tokio::time::{Instant, sleep};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, info_span};

use crate::{
    Answer, Authorization, CallError, Http, Measured, RateLimiter, Retries, Service, Timing, Transport,
    WaitTime, base_url, below, send,
};

/// IETF draft "The Idempotency-Key HTTP Header Field"; sent without quotes, as most services take it.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a service's client needs.
#[derive(Clone, Debug)]
pub struct ServiceConfig {
    /// Where the service is. May have a path.
    pub url: String,
    /// What the service knows its callers by, where it asks.
    pub authorization: Option<Authorization>,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
}

/// Why there is no client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not the URL of a service.
    #[error("{} must be an http or https URL without user, query and fragment", .0.url_setting)]
    Url(&'static Service),
    /// The credentials cannot be sent.
    #[error("{} must not hold a line break or any other control character", .0.credentials_setting)]
    Authorization(&'static Service),
    /// TLS cannot be set up.
    #[error("no HTTPS client; install the system's root certificates (package ca-certificates)")]
    Tls(#[source] Transport),
}

/// A POST of JSON. Has no `Debug`: its body may be personal data.
pub struct Request<'a> {
    /// The template of the path below the service's URL, for traces: it names no package and no receipt.
    pub template: &'static str,
    /// The segments that follow the service's URL; none where that is the whole.
    pub path: &'a [&'a str],
    /// What makes a repeat harmless, where the call is not so by itself. Visible ASCII is sent as it
    /// is; anything else, and `%`, percent-encoded, so that any text fits and different keys differ.
    pub idempotency_key: Option<&'a str>,
    /// The JSON.
    pub body: Bytes,
    /// The statuses that were agreed to mean success; any other 2xx is [`CallError::Foreign`].
    pub successes: &'static [u16],
}

/// An answer that is a success.
pub struct Success {
    /// One of the request's [`successes`](Request::successes).
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// A service's client. Clones share the rate limiter and the connections: one per process.
#[derive(Clone, Debug)]
pub struct ServiceClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: &'static Service,
    http: Http,
    rate_limiter: RateLimiter,
    url: Url,
    authorization: Option<Authorization>,
    timing: Timing,
}

impl ServiceClient {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(service: &'static Service, config: ServiceConfig) -> Result<Self, ConfigError> {
        let timing = Timing::new(config.timeout);
        // What comes from a file later has been looked at there.
        if config.authorization.as_ref().is_some_and(|authorization| authorization.header().is_none()) {
            return Err(ConfigError::Authorization(service));
        }
        Ok(Self(Arc::new(Inner {
            service,
            url: base_url(&config.url).ok_or(ConfigError::Url(service))?,
            authorization: config.authorization,
            http: Http::new(timing).map_err(ConfigError::Tls)?,
            rate_limiter: RateLimiter::new(config.max_concurrent, None),
            timing,
        })))
    }

    /// See [`Timing::longest_call`].
    pub fn longest_call(&self) -> Duration {
        self.0.timing.longest_call()
    }

    /// Makes a call until it succeeds, or is better left to the retry queues. What was not reached, not
    /// answered, or failed on the service's side is repeated within three seconds of the call's begin; a 429 holds every
    /// call of this client.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&self, request: &Request<'_>) -> Result<Success, CallError> {
        self.call_by(&Method::POST, &[], request).await
    }

    /// Reads what is at a path below the service's URL (`GET`), as [`call`](Self::call) calls: 200 alone is a success.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get(
        &self,
        template: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Success, CallError> {
        let request =
            Request { template, path, idempotency_key: None, body: Bytes::new(), successes: &[200] };
        self.call_by(&Method::GET, query, &request).await
    }

    /// [`call`](Self::call) with a query.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call_with_query(
        &self,
        query: &[(&str, &str)],
        request: &Request<'_>,
    ) -> Result<Success, CallError> {
        self.call_by(&Method::POST, query, request).await
    }

    async fn call_by(
        &self,
        method: &Method,
        query: &[(&str, &str)],
        request: &Request<'_>,
    ) -> Result<Success, CallError> {
        let Inner { service, rate_limiter, .. } = &*self.0;
        let (mut wait_time, mut retries) = (WaitTime::new(Instant::now()), Retries::new());
        loop {
            let result = {
                let permit = rate_limiter.acquire(&mut wait_time).await;
                let _permit = permit.map_err(|reason| CallError::rate_limited(service, reason))?;
                self.send(method, query, request).await
            };
            let error = match result {
                Ok(success) => return Ok(success),
                Err(error) => error,
            };
            match error {
                // The rate limiter decides whether to wait, for this call as for all others.
                CallError::Throttled { retry_after, .. } => rate_limiter.hold(retry_after),
                error if error.is_transient() => match retries.next_wait() {
                    Some(wait) if wait_time.spend(wait) => sleep(wait).await,
                    _ => return Err(error),
                },
                error => return Err(error),
            }
        }
    }

    /// Asks what may be done at a path below the service's URL (`OPTIONS`), with the credentials: nothing is done
    /// there. Answers the status; that the service does not take this method is an answer as well.
    ///
    /// # Errors
    /// See [`CallError`]: not reached, not let in, or something else answers.
    pub async fn reach(&self, path: &[&str]) -> Result<u16, CallError> {
        let Inner { service, http, url, .. } = &*self.0;
        let builder = self.authorized(http.request(Method::OPTIONS, below(url, path)));
        let mut received = send(builder).await.map_err(|reason| CallError::no_answer(service, reason))?;
        let status = received.status();
        match status.as_u16() {
            401 | 403 | 407 | 408 | 300..=399 | 500..=599 if status.as_u16() != 501 => {
                let body = received.first_kilobyte().await;
                Err(CallError::answered(service, status, received.headers(), &body))
            }
            status => Ok(status),
        }
    }

    /// For a success that is not what was agreed. Its body is left out: it might be personal data.
    pub fn foreign(&self, status: u16) -> CallError {
        let service = self.0.service;
        CallError::Foreign(service, Answer { service: service.name, status, body: String::new() })
    }

    fn authorized(&self, builder: RequestBuilder) -> RequestBuilder {
        match self.0.authorization.as_ref().and_then(Authorization::header) {
            Some(authorization) => builder.header(AUTHORIZATION, authorization),
            None => builder,
        }
    }

    async fn send(
        &self,
        method: &Method,
        query: &[(&str, &str)],
        request: &Request<'_>,
    ) -> Result<Success, CallError> {
        let span = info_span!(
            "service",
            otel.name = format!("{method} {}", request.template),
            otel.kind = "client",
            http.request.method = method.as_str(),
            url.template = request.template,
            service.peer.name = self.0.service.name,
            http.response.status_code = Empty,
        );
        self.exchange(method, query, request).instrument(span).await
    }

    async fn exchange(
        &self,
        method: &Method,
        query: &[(&str, &str)],
        request: &Request<'_>,
    ) -> Result<Success, CallError> {
        let Inner { service, http, url, .. } = &*self.0;
        let began = Instant::now();
        let mut target = below(url, request.path);
        if !query.is_empty() {
            target.query_pairs_mut().extend_pairs(query);
        }
        let mut builder = self.authorized(http.request(method.clone(), target)).header(ACCEPT, JSON);
        if *method != Method::GET {
            builder = builder.header(CONTENT_TYPE, JSON).body(request.body.clone());
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header(IDEMPOTENCY_KEY, header_value(key));
        }
        let measured = Measured {
            peer: service.name,
            method: if *method == Method::GET { "GET" } else { "POST" },
            template: request.template,
            server: Some(url),
        };
        let sent = measured.while_it_takes(send(builder)).await;
        let mut received = sent.map_err(|reason| CallError::no_answer(service, reason))?;
        let status = received.status();
        Span::current().record("http.response.status_code", status.as_u16());
        debug!(
            elapsed_ms = began.elapsed().as_millis(),
            status = status.as_u16(),
            "{} answered",
            service.name
        );

        if !status.is_success() {
            let body = received.first_kilobyte().await;
            return Err(CallError::answered(service, status, received.headers(), &body));
        }
        if !request.successes.contains(&status.as_u16()) {
            return Err(self.foreign(status.as_u16()));
        }
        match received.body().await {
            (body, None) => Ok(Success { status: status.as_u16(), body }),
            (_, Some(error)) => Err(CallError::Unanswered(service, error)),
        }
    }
}

fn header_value(key: &str) -> HeaderValue {
    const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
    HeaderValue::try_from(utf8_percent_encode(key, ENCODED).to_string()).expect("visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_any_key_injectively() {
        for (key, value) in [
            ("31/r-1:73", "31/r-1:73"),
            ("kj\u{f8}p", "kj%C3%B8p"),
            ("kj%C3%B8p", "kj%25C3%25B8p"),
            (" a b ", "%20a%20b%20"),
            ("a\r\nb: c", "a%0D%0Ab:%20c"),
            ("", ""),
        ] {
            assert_eq!(header_value(key), value);
        }
    }
}
