//! One request and its answer: Omnium's URLs, and what a success is.

use std::time::Instant;

use bytes::Bytes;
use events::{Invoice, Uid};
use http_client::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http_client::{CallError, Measured, Method, Timing, Url, base_url, below, send};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, info_span};

use crate::config::{AttachBy, Config, ConfigError};
use crate::decision::{OMNIUM, answered};
use crate::token::Credentials;
use crate::{Call, metrics};

/// One call, ready to be sent, also more than once. Has no `Debug`: a token's URL is secret.
pub(crate) struct Request {
    pub call: Call,
    url: Url,
    body: Option<(&'static str, Bytes)>,
}

/// Connections to Omnium.
#[derive(Debug)]
pub(crate) struct Http {
    client: http_client::Http,
    base: Url,
    attach_by: AttachBy,
}

impl Http {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let base = base_url(&config.base_url).ok_or(ConfigError::BaseUrl)?;
        let client = http_client::Http::new(Timing::new(config.timeout)).map_err(ConfigError::Tls)?;
        Ok(Self { client, base, attach_by: config.attach_by })
    }

    /// Where the API is.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    pub(crate) fn token(&self, credentials: &Credentials) -> Request {
        let mut url = below(&self.base, &["api", "token"]);
        url.query_pairs_mut()
            .append_pair("clientId", &credentials.client_id)
            .append_pair("clientSecret", &credentials.client_secret)
            .append_pair("returnAsJson", "true");
        Request { call: Call::Token, url, body: None }
    }

    pub(crate) fn upsert(&self, invoice: &Invoice) -> Request {
        let json = serde_json::to_vec(invoice).expect("an invoice has string keys and finite numbers only");
        let url = below(&self.base, &["api", "Invoices", "UpdateInvoice"]);
        Request { call: Call::Upsert, url, body: Some(("application/json", json.into())) }
    }

    pub(crate) fn attach(&self, invoice_id: &Uid, file_name: &str, content: Bytes) -> Request {
        let method = match self.attach_by {
            AttachBy::File => "AddFileToInvoice",
            AttachBy::Asset => "AddAsset",
        };
        let mut url = below(&self.base, &["api", "Invoices", invoice_id, method]);
        url.query_pairs_mut().append_pair("fileName", file_name);
        if self.attach_by == AttachBy::Asset {
            url.query_pairs_mut().append_pair("assetId", invoice_id);
        }
        Request { call: self.attach_by.call(), url, body: Some(("application/octet-stream", content)) }
    }

    pub(crate) fn find(&self, invoice_id: &Uid) -> Request {
        Request { call: Call::Find, url: below(&self.base, &["api", "Invoices", invoice_id]), body: None }
    }

    /// Of an asset's content; `None` where its address is none that is fetched: one without TLS on
    /// another server.
    pub(crate) fn download(&self, address: &str) -> Option<Request> {
        let url = self.base.join(address).ok()?;
        let fetched = url.scheme() == "https" || self.is_ours(&url);
        fetched.then_some(Request { call: Call::Download, url, body: None })
    }

    /// Whether a request goes to the API's own server, which may get the token.
    pub(crate) fn tells_token(&self, request: &Request) -> bool {
        self.is_ours(&request.url)
    }

    fn is_ours(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Sends a request; gives the body of a success.
    pub(crate) async fn send(
        &self,
        request: &Request,
        token: Option<&HeaderValue>,
    ) -> Result<Bytes, CallError> {
        let (method, route) = request.call.route();
        let span = info_span!(
            "omnium",
            otel.name = format!("{method} {route}"),
            otel.kind = "client",
            http.request.method = method,
            url.template = route,
            service.peer.name = OMNIUM.name,
            http.response.status_code = Empty,
        );
        self.exchange(request, token).instrument(span).await
    }

    async fn exchange(&self, request: &Request, token: Option<&HeaderValue>) -> Result<Bytes, CallError> {
        let began = Instant::now();
        let method = match request.call {
            Call::Token | Call::Attach | Call::AddAsset => Method::POST,
            Call::Upsert => Method::PUT,
            Call::Find | Call::Download => Method::GET,
        };
        let mut builder = self.client.request(method, request.url.clone());
        if let Some(token) = token.filter(|_| self.is_ours(&request.url)) {
            builder = builder.header(AUTHORIZATION, token);
        }
        builder = match &request.body {
            Some((content_type, body)) => builder.header(CONTENT_TYPE, *content_type).body(body.clone()),
            // Some servers refuse a POST that does not say how long its body is.
            None if request.call == Call::Token => builder.body(Bytes::new()),
            None => builder,
        };
        let (method, template) = request.call.route();
        // Where an asset lies is Omnium's to say, and may be anywhere.
        let server = Some(&request.url).filter(|url| self.is_ours(url));
        let measured = Measured { peer: OMNIUM.name, method, template, server };
        let sent = measured.while_it_takes(send(builder)).await;
        let mut received = sent.map_err(|reason| CallError::no_answer(OMNIUM, reason))?;
        let status = received.status();
        Span::current().record("http.response.status_code", status.as_u16());
        debug!(elapsed_ms = began.elapsed().as_millis(), status = status.as_u16(), "Omnium answered");

        if !status.is_success() {
            let body = received.first_kilobyte().await;
            let error = answered(request.call, status, received.headers(), &body);
            if matches!(error, CallError::Throttled { .. }) {
                metrics::throttled(request.call);
            }
            return Err(error);
        }
        let (body, broken) = received.body().await;
        match (request.call, broken) {
            // The status says that it is done; what else the answer would have said is not needed.
            (Call::Upsert | Call::Attach | Call::AddAsset, _) | (_, None) => Ok(body),
            (_, Some(error)) => Err(CallError::Unanswered(OMNIUM, error)),
        }
    }
}
