//! A client and a request for the tests.

use std::time::Duration;

use axum::body::Bytes;
use http_client::{
    Authorization, CallError, Request, Secret, Service, ServiceClient, ServiceConfig, Success,
};

/// The service of the tests.
pub(crate) const SERVICE: &Service = &Service::new("the service", "SERVICE_URL", "SERVICE_TOKEN");

/// The configuration of a client under test.
pub(crate) fn config(url: &str) -> ServiceConfig {
    ServiceConfig {
        url: url.to_owned(),
        authorization: Some(Authorization::Whole(Secret::new("Token kept-quiet"))),
        max_concurrent: 64,
        timeout: Duration::from_secs(5),
    }
}

/// A client for a URL.
pub(crate) fn client(url: &str) -> ServiceClient {
    ServiceClient::new(SERVICE, config(url)).expect("a client")
}

/// Asks for a path below the service's URL, where 200 is a success.
pub(crate) async fn ask(client: &ServiceClient, path: &str) -> Result<Success, CallError> {
    let request = Request {
        template: "/{path}",
        path: &[path],
        idempotency_key: Some("key-1"),
        body: Bytes::from_static(b"{\"a\":1}"),
        successes: &[200],
    };
    client.call(&request).await
}

/// The error of a call that does not succeed.
pub(crate) async fn error(client: &ServiceClient, path: &str) -> CallError {
    ask(client, path).await.err().expect("no success")
}
