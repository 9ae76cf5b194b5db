//! One request and its answer: URLs, TLS, and what a failure below HTTP means.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use events::{Invoice, Uid};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Response, Url, redirect};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, info_span};

use crate::config::{Config, ConfigError};
use crate::{Call, OmniumError, Secret, Transport, answer};

/// Connecting takes milliseconds, or does not happen.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Below the idle time after which servers and balancers close: a request written to a connection
/// that was just closed counts as unanswered.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// More than any invoice takes.
const BODY_MOST: usize = 16 * 1024 * 1024;

/// One call, ready to be sent, also more than once. Has no `Debug`: a token's URL is secret.
pub(crate) struct Request {
    pub call: Call,
    url: Url,
    body: Option<(&'static str, Bytes)>,
}

/// Connections to Omnium.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    base: Url,
}

impl Http {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        // reqwest takes the process's provider; one that is there already stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(config.timeout)
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
            .pool_idle_timeout(IDLE_TIMEOUT)
            // A redirect would carry the credentials of the token's URL elsewhere.
            .redirect(redirect::Policy::none())
            .referer(false)
            // What is repeated is decided in `retry`. Left to itself reqwest repeats what an HTTP/2
            // server said it would not look at, and an attach is not staked on that.
            .retry(reqwest::retry::never())
            .user_agent(concat!("bilag/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ConfigError::Tls(transport(error)))?;
        Ok(Self { client, base: base_url(&config.base_url)? })
    }

    pub(crate) fn token(&self, client_id: &Secret, client_secret: &Secret) -> Request {
        let mut url = self.url(&["api", "token"]);
        url.query_pairs_mut()
            .append_pair("clientId", client_id.expose())
            .append_pair("clientSecret", client_secret.expose())
            .append_pair("returnAsJson", "true");
        Request { call: Call::Token, url, body: None }
    }

    pub(crate) fn upsert(&self, invoice: &Invoice) -> Request {
        let json = serde_json::to_vec(invoice).expect("an invoice has string keys and finite numbers only");
        let url = self.url(&["api", "Invoices", "UpdateInvoice"]);
        Request { call: Call::Upsert, url, body: Some(("application/json", json.into())) }
    }

    pub(crate) fn attach(&self, invoice_id: &Uid, file_name: &str, content: Bytes) -> Request {
        let mut url = self.url(&["api", "Invoices", invoice_id, "AddFileToInvoice"]);
        url.query_pairs_mut().append_pair("fileName", file_name);
        Request { call: Call::Attach, url, body: Some(("application/octet-stream", content)) }
    }

    pub(crate) fn find(&self, invoice_id: &Uid) -> Request {
        Request { call: Call::Find, url: self.url(&["api", "Invoices", invoice_id]), body: None }
    }

    /// Percent-encodes each segment, so that an id with a slash stays one segment.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Sends a request; gives the body of a success.
    pub(crate) async fn send(
        &self,
        request: &Request,
        token: Option<&HeaderValue>,
    ) -> Result<Bytes, OmniumError> {
        let (method, route) = request.call.route();
        let span = info_span!(
            "omnium",
            otel.kind = "client",
            http.request.method = method,
            url.template = route,
            http.response.status_code = Empty,
        );
        self.exchange(request, token).instrument(span).await
    }

    async fn exchange(&self, request: &Request, token: Option<&HeaderValue>) -> Result<Bytes, OmniumError> {
        let began = Instant::now();
        let method = match request.call {
            Call::Token | Call::Attach => Method::POST,
            Call::Upsert => Method::PUT,
            Call::Find => Method::GET,
        };
        let mut builder = self.client.request(method, request.url.clone());
        if let Some(token) = token {
            builder = builder.header(AUTHORIZATION, token);
        }
        builder = match &request.body {
            Some((content_type, body)) => builder.header(CONTENT_TYPE, *content_type).body(body.clone()),
            // Some servers refuse a POST that does not say how long its body is.
            None if request.call == Call::Token => builder.body(Bytes::new()),
            None => builder,
        };
        let mut response = builder.send().await.map_err(unsent_or_unanswered)?;
        let status = response.status();
        Span::current().record("http.response.status_code", status.as_u16());
        debug!(elapsed_ms = began.elapsed().as_millis(), status = status.as_u16(), "Omnium answered");

        if !status.is_success() {
            let body = read_up_to(answer::BODY_KEPT, &mut response).await.0;
            return Err(answer::error(request.call, status, response.headers(), &body));
        }
        let (body, broken) = read_up_to(BODY_MOST, &mut response).await;
        match (request.call, broken) {
            // The status says that it is done; what else the answer would have said is not needed.
            (Call::Upsert | Call::Attach, _) | (_, None) => Ok(body),
            (_, Some(error)) => Err(OmniumError::Unanswered(transport(error))),
        }
    }
}

fn base_url(text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).map_err(|_| ConfigError::BaseUrl)?;
    let is_base = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_base.then_some(url).ok_or(ConfigError::BaseUrl)
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

fn unsent_or_unanswered(error: reqwest::Error) -> OmniumError {
    if error.is_connect() {
        OmniumError::Refused(transport(error))
    } else {
        OmniumError::Unanswered(transport(error))
    }
}

/// The URL of a token holds the credentials, so no error keeps its URL.
fn transport(error: reqwest::Error) -> Transport {
    Transport::from(Box::from(error.without_url()))
}
