//! Omnium's API: the client, and one error variant per meaning.
//!
//! The client paces itself, refreshes its token, and repeats a call only where that can do no harm.
//! What to do about an error is [`decide`]'s to say, in one place for every call.

mod answer;
mod client;
mod config;
mod decision;
mod error;
mod http;
mod model;
mod pace;
mod retry;
mod secret;
mod token;

pub use client::Omnium;
pub use config::{Config, ConfigError};
pub use decision::{Call, Decision, decide};
pub use error::{Answer, OmniumError, Transport};
pub use model::{Asset, FoundInvoice};
pub use secret::Secret;
