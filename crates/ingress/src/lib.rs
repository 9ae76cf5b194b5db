//! The way in for vendors that have webhooks and no bus: what they send is checked, published with a
//! confirm, and only then answered 202.
//!
//! Nothing is kept here. Whatever cannot be on the bus for certain is answered 503, so that the vendor
//! sends it again; what was published twice so is one event to the chain.

mod answer;
mod bus;
mod heard;
mod hydrate;
mod key;
mod metrics;
mod server;
mod take;

pub use heard::Vendor;
pub use http_client::{ConfigError, Secret};
pub use hydrate::{Hydrate, HydrateConfig};
pub use key::{Key, WeakSecret};
pub use server::{Ingress, ServeError, serve};
