//! Client of the hydrate hook, which turns the ids of a receipt into the complete event:
//! `schemas/hydrate.openapi.json`.

use std::time::Duration;

use bytes::Bytes;
use http_client::{
    Authorization, CallError, ConfigError, Request, Secret, Service, ServiceClient, ServiceConfig,
};

const SERVICE: &Service =
    &Service::new("the hydrate hook", "BILAG_INGRESS_HYDRATE_URL", "BILAG_INGRESS_HYDRATE_AUTHORIZATION");

/// Settings of the hook's client.
#[derive(Clone, Debug)]
pub struct HydrateConfig {
    /// Ids are posted there.
    pub url: String,
    /// The whole value of the `Authorization` header, scheme included.
    pub authorization: Option<Secret>,
    /// Concurrent requests of this process; at least 1.
    pub max_concurrent: usize,
    /// Of one request, its response included.
    pub timeout: Duration,
}

/// Client of the hydrate hook.
#[derive(Clone, Debug)]
pub struct Hydrate(ServiceClient);

/// The hook's response.
pub(crate) enum Hydrated {
    /// The complete event, not validated.
    Receipt(Bytes),
    /// The hook does not know the receipt, and never will.
    Unknown(CallError),
}

impl Hydrate {
    /// Does not connect yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: HydrateConfig) -> Result<Self, ConfigError> {
        let HydrateConfig { url, authorization, max_concurrent, timeout } = config;
        let authorization = authorization.map(Authorization::Whole);
        ServiceClient::new(SERVICE, ServiceConfig { url, authorization, max_concurrent, timeout }).map(Self)
    }

    /// # Errors
    /// The hook is unavailable, or something else answered: a retry may help.
    pub(crate) async fn receipt(&self, ids: &Bytes) -> Result<Hydrated, CallError> {
        let request =
            Request { template: "/", path: &[], idempotency_key: None, body: ids.clone(), successes: &[200] };
        match self.0.call(&request).await {
            Ok(answer) if events::plain(&answer.body).is_ok() => Ok(Hydrated::Receipt(answer.body)),
            // A login page, or a proxy's error.
            Ok(answer) => Err(self.0.foreign(answer.status)),
            Err(error @ (CallError::NotFound(..) | CallError::Invalid(..) | CallError::TooLarge(..))) => {
                Ok(Hydrated::Unknown(error))
            }
            Err(error) => Err(error),
        }
    }
}
