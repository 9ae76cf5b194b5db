//! The client's configuration.

use std::time::Duration;

use http_client::{Secret, Transport};
use thiserror::Error;

use crate::Call;

/// What the client needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the API is: `https://api.omnium.no`. May have a path, where a gateway is in between.
    pub base_url: String,
    /// The API user's id.
    pub client_id: Secret,
    /// The API user's secret.
    pub client_secret: Secret,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
    /// How a file comes to an invoice.
    pub attach_by: AttachBy,
    /// How many requests all API users of the Omnium tenant may have in flight, where that is a further limit.
    pub tenant: Option<TenantLimit>,
}

/// How many requests all API users of an Omnium tenant may have in flight: the same in all processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantLimit {
    /// Names the Omnium tenant; `None` where this API user is its only one.
    pub name: Option<String>,
    /// At most [`CONCURRENT_OF_TENANT`](crate::CONCURRENT_OF_TENANT).
    pub concurrent: u32,
}

/// How a file comes to an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachBy {
    /// `AddFileToInvoice`, as Flow's page has it. What a repeat does is not documented.
    File,
    /// `AddAsset` with an id of ours, the invoice's: "If assetId is supplied and an asset already exists with the
    /// given ID, then asset will be patched" (Omnium's OpenAPI). So a repeat adds nothing.
    Asset,
}

impl AttachBy {
    /// The call that attaches.
    pub const fn call(self) -> Call {
        match self {
            Self::File => Call::Attach,
            Self::Asset => Call::AddAsset,
        }
    }
}

/// Why there is no client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Not the base of an API.
    #[error(
        "OMNIUM_BASE_URL must be an http or https URL without user, query and fragment, as in https://api.omnium.no"
    )]
    BaseUrl,
    /// TLS cannot be set up.
    #[error("no HTTPS client; install the system's root certificates (package ca-certificates)")]
    Tls(#[source] Transport),
}
