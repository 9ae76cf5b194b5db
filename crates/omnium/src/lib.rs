//! Omnium's API: the client, and one error variant per meaning.
//!
//! The client keeps to what Omnium allows its API user, together with all other processes ([`Allowance`]),
//! refreshes its token, and repeats a call only where that can do no harm.
//! What to do about an error is [`decide`]'s to say, in one place for every call.

mod allowance;
mod answer;
mod client;
mod config;
mod decision;
mod error;
mod http;
mod metrics;
mod model;
mod retry;
mod token;

pub use allowance::{Allowance, Allowed, Alone, ApiUser, BUCKET, CONCURRENT, NotAllowed};
pub use client::Omnium;
pub use config::{AttachBy, Config, ConfigError};
pub use decision::{Call, decide};
pub use error::OmniumError;
pub use http_client::{Answer, Bucket, Decision, NoTurn, Patience, Secret, Transport};
pub use model::{Asset, FoundInvoice};
