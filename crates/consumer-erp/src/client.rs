//! The ERP's client: delivers each invoice, with its document, as the event that the chain made of it.

use std::time::Duration;

use bytes::Bytes;
use http_client::{
    Authorization, CallError, ConfigError, Request, Secret, Service, ServiceClient, ServiceConfig,
};

const SERVICE: &Service = &Service::new("the ERP", "ERP_INVOICE_URL", "ERP_INVOICE_AUTHORIZATION");

/// What the ERP's client needs.
#[derive(Clone, Debug)]
pub struct ErpConfig {
    /// Where the events are posted.
    pub url: String,
    /// The whole value of the `Authorization` header, scheme included: `Bearer …`.
    pub authorization: Option<Secret>,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
}

/// The ERP. Clones share the rate limiter and the connections: one per process.
#[derive(Clone, Debug)]
pub struct Erp(ServiceClient);

impl Erp {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: ErpConfig) -> Result<Self, ConfigError> {
        let ErpConfig { url, authorization, max_concurrent, timeout } = config;
        let authorization = authorization.map(Authorization::Whole);
        ServiceClient::new(SERVICE, ServiceConfig { url, authorization, max_concurrent, timeout }).map(Self)
    }

    /// Whether it can be reached and accepts the credentials, without doing anything there.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reach(&self) -> Result<u16, CallError> {
        self.0.reach(&[]).await
    }

    /// No call takes longer: what keeps others from the invoice meanwhile has to last longer still.
    pub fn longest_call(&self) -> Duration {
        self.0.longest_call()
    }

    /// Delivers an event of JSON; 200, 201, 202 and 204 say that the ERP has it. The same key is the
    /// same event, however often it is delivered.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn deliver(&self, idempotency_key: &str, event: Bytes) -> Result<(), CallError> {
        let request = Request {
            template: "/",
            path: &[],
            idempotency_key: Some(idempotency_key),
            body: event,
            successes: &[200, 201, 202, 204],
        };
        self.0.call(&request).await.map(drop)
    }
}
