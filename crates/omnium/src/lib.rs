//! The client of Omnium's API.
//!
//! It keeps to what Omnium allows its API user, together with all other processes ([`Allowance`]),
//! refreshes its token, and repeats a call only where that can do no harm. [`decide`] says what an error means
//! for a message.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use omnium::{Alone, AttachBy, Call, Config, Omnium, Secret, decide};
//!
//! # async fn example(invoice: events::Invoice, pdf: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config {
//!     base_url: "https://apitest.omnium.no".to_owned(),
//!     client_id: Secret::new("client"),
//!     client_secret: Secret::new("secret"),
//!     max_concurrent: 16,
//!     timeout: Duration::from_secs(30),
//!     attach_by: AttachBy::File,
//!     tenant: None,
//! };
//! let omnium = Omnium::new(config, Arc::new(Alone::default()))?;
//! omnium.upsert_invoice(&invoice).await?;
//! if let Err(error) = omnium.attach(&invoice.id, "1001.pdf", pdf).await {
//!     println!("{error}: {:?}", decide(Call::Attach, &error));
//! }
//! # Ok(())
//! # }
//! ```

mod allowance;
mod client;
mod config;
mod decision;
mod environment;
mod http;
mod metrics;
mod model;
mod token;

pub use allowance::{
    Allowance, Allowed, Alone, ApiUser, BUCKET, CONCURRENT, CONCURRENT_OF_TENANT, NotAllowed,
};
pub use client::Omnium;
pub use config::{AttachBy, Config, ConfigError, TenantLimit};
pub use decision::{Call, decide};
pub use environment::Environment;
pub use http_client::{Bucket, CallError, Decision, RateLimitError, Secret, WaitTime};
pub use model::{Asset, FoundInvoice};
