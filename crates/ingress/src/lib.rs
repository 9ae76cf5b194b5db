//! Webhook endpoints for vendors without access to the bus: a webhook is checked, published with a confirm, and
//! only then answered 202. A request of Akinon's OMS for an invoice is a webhook that may wait for its answer.
//!
//! Nothing is stored. Whatever is not confirmed is answered 503, so that the vendor retries; a webhook that was
//! published twice is one event to the chain.
//!
//! ```no_run
//! # async fn example(ingress: ingress::Ingress) -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8097").await?;
//! let shutdown = tokio_util::sync::CancellationToken::new();
//! ingress::serve(listener, ingress, shutdown).await?;
//! # Ok(())
//! # }
//! ```

mod bus;
mod event;
mod hydrate;
mod invoice;
mod outcome;
mod secret;
mod server;
mod state;
mod webhook;

pub use event::Vendor;
pub use http_client::{ConfigError, Secret};
pub use hydrate::{Hydrate, HydrateConfig};
pub use invoice::Invoices;
pub use secret::{Key, WeakSecret};
pub use server::{Ingress, ServeError, serve};
