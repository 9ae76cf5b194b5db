//! A client and a delivery for the tests.

use std::time::Duration;

use axum::body::Bytes;
use consumer_erp::{Erp, ErpConfig};
use http_client::{CallError, Secret};

/// The configuration of a client under test.
pub(crate) fn config(url: &str) -> ErpConfig {
    ErpConfig {
        url: url.to_owned(),
        authorization: Some(Secret::new("Bearer kept-quiet")),
        max_concurrent: 16,
        timeout: Duration::from_secs(1),
    }
}

/// Delivers an event.
pub(crate) async fn deliver(erp: &Erp) -> Result<(), CallError> {
    erp.deliver("31/r-1", Bytes::from_static(b"{\"id\":\"hush-event\"}")).await
}
