//! The hook that makes a whole receipt of the ids of one: `schemas/hydrate.openapi.json`.

use std::time::Duration;

use bytes::Bytes;
use http_client::{
    Authorization, CallError, ConfigError, Request, Secret, Service, ServiceClient, ServiceConfig,
};

const SERVICE: &Service =
    &Service::new("the hydrate hook", "BILAG_INGRESS_HYDRATE_URL", "BILAG_INGRESS_HYDRATE_AUTHORIZATION");

/// What the hook's client has to be told.
#[derive(Clone, Debug)]
pub struct HydrateConfig {
    /// Where the ids are posted.
    pub url: String,
    /// The whole value of the `Authorization` header, scheme included.
    pub authorization: Option<Secret>,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
}

/// The hook.
#[derive(Clone, Debug)]
pub struct Hydrate(ServiceClient);

/// What the hook makes of ids.
pub(crate) enum Hydrated {
    /// The event of the whole receipt, or what the hook takes for it.
    Receipt(Bytes),
    /// The hook knows no such receipt, and never will.
    Unknown(CallError),
}

impl Hydrate {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: HydrateConfig) -> Result<Self, ConfigError> {
        let HydrateConfig { url, authorization, max_concurrent, timeout } = config;
        let authorization = authorization.map(Authorization::Whole);
        ServiceClient::new(SERVICE, ServiceConfig { url, authorization, max_concurrent, timeout }).map(Self)
    }

    /// Asks for the receipt with these ids.
    ///
    /// # Errors
    /// The hook cannot be asked now, or is not the hook: asking again may help.
    pub(crate) async fn receipt(&self, ids: &Bytes) -> Result<Hydrated, CallError> {
        let request =
            Request { template: "/", path: &[], idempotency_key: None, body: ids.clone(), successes: &[200] };
        match self.0.call(&request).await {
            Ok(answer) if events::plain(&answer.body).is_ok() => Ok(Hydrated::Receipt(answer.body)),
            // A login page, or what a proxy has to say.
            Ok(answer) => Err(self.0.foreign(answer.status)),
            Err(error @ (CallError::NotFound(..) | CallError::Invalid(..) | CallError::TooLarge(..))) => {
                Ok(Hydrated::Unknown(error))
            }
            Err(error) => Err(error),
        }
    }
}
