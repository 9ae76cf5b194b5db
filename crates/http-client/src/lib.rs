//! What every vendor's client stands on: connections, pace, repeats, and credentials that stay unseen.
//!
//! [`ServiceClient`] is the whole of a client for a service that takes JSON and may be asked twice.
//! A vendor with a way of its own (Omnium's token, its calls that must not be repeated) builds on the
//! parts.

mod answer;
mod decision;
mod error;
mod http;
mod pace;
mod reach;
mod retry;
mod secret;
mod service;

pub use answer::{Answer, BODY_KEPT, for_operator, retry_after};
pub use decision::{Decision, decide};
pub use error::CallError;
pub use http::{Http, NoAnswer, Received, Transport, base_url, below, send};
pub use pace::{Bucket, Gate, NoTurn, Patience, SEND_WITHIN};
pub use reqwest::{Method, StatusCode, Url, header};
pub use retry::Retries;
pub use secret::Secret;
pub use service::{ConfigError, Request, Service, ServiceClient, ServiceConfig, Success};
