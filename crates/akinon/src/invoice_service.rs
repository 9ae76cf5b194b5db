//! The invoice service: makes the invoice of a packed package.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http_client::{Authorization, CallError, Request, Secret, Service, ServiceClient, ServiceConfig};
use serde::de::IgnoredAny;

use crate::ConfigError;

const SERVICE: &Service = &Service::new(
    "the invoice service",
    "INVOICE_SERVICE_URL",
    "INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD",
);

/// What the invoice service's client needs.
#[derive(Clone, Debug)]
pub struct InvoiceServiceConfig {
    /// Where requests for invoices are posted. Akinon calls it the `remote_url`.
    pub url: String,
    /// The user of the basic authentication; with a password, or neither.
    pub username: Option<Secret>,
    /// The password of the basic authentication; with a user, or neither.
    pub password: Option<Secret>,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included. A service that makes the invoice while it is
    /// asked needs seconds.
    pub timeout: Duration,
}

/// The ERP, or the software beside it, that makes the invoices. Clones share the rate limiter and the
/// connections: one per process.
#[derive(Clone, Debug)]
pub struct InvoiceService(ServiceClient);

/// The answer to a request for an invoice.
pub enum Asked {
    /// 200: the receipt, a JSON object that is yet to be read as one.
    Receipt(Bytes),
    /// 202: the receipt will be published to the bus.
    Accepted,
}

impl InvoiceService {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: InvoiceServiceConfig) -> Result<Self, ConfigError> {
        let InvoiceServiceConfig { url, username, password, max_concurrent, timeout } = config;
        let authorization = match (username, password) {
            (Some(username), Some(password)) => Some(basic(username, password)?),
            (None, None) => None,
            _ => return Err(ConfigError::HalfOfTheCredentials),
        };
        let config = ServiceConfig { url, authorization, max_concurrent, timeout };
        Ok(Self(ServiceClient::new(SERVICE, config)?))
    }

    /// Whether it can be reached and accepts the credentials, without doing anything there.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reach(&self) -> Result<u16, CallError> {
        self.0.reach(&[]).await
    }

    /// No call takes longer.
    pub fn longest_call(&self) -> Duration {
        self.0.longest_call()
    }

    /// Asks for an invoice with a request of JSON. The same key is the same invoice, however often it
    /// is asked for; a request whose key is still being worked on is [`CallError::Conflict`] (409, as in
    /// the IETF draft "The Idempotency-Key HTTP Header Field").
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Foreign`] also where a 200 is no JSON object, as a proxy's page.
    pub async fn ask(&self, idempotency_key: &str, request: Bytes) -> Result<Asked, CallError> {
        let request = Request {
            template: "/",
            path: &[],
            idempotency_key: Some(idempotency_key),
            body: request,
            successes: &[200, 202],
        };
        let success = self.0.call(&request).await?;
        match success.status {
            202 => Ok(Asked::Accepted),
            _ if is_object(&success.body) => Ok(Asked::Receipt(success.body)),
            status => Err(self.0.foreign(status)),
        }
    }
}

fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body).is_ok()
}

fn basic(username: Secret, password: Secret) -> Result<Authorization, ConfigError> {
    if username.expose().contains(':') {
        return Err(ConfigError::ColonInUsername);
    }
    Ok(Authorization::Basic { username, password })
}
