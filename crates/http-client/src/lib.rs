//! What every vendor's client stands on: connections, pace, repeats, and credentials that stay unseen.
//!
//! [`ServiceClient`] is the whole of a client for a service that takes JSON and may be asked twice.
//! A vendor with a way of its own (Omnium's token, its calls that must not be repeated) builds on the
//! parts.

mod answer;
mod authorization;
mod decision;
mod error;
mod http;
mod measured;
mod pace;
mod reach;
mod retry;
mod service;
mod timing;

pub use answer::{Answer, BODY_KEPT, for_operator, retry_after};
pub use authorization::Authorization;
pub use decision::{Decision, decide};
pub use error::CallError;
pub use http::{Http, NoAnswer, Received, Transport, base_url, below, send};
pub use measured::Measured;
pub use pace::{Bucket, Gate, NoTurn, Patience, SEND_WITHIN};
pub use reqwest::{Method, StatusCode, Url, header};
pub use retry::Retries;
pub use config::{FileProblem, Secret, remember};
pub use service::{ConfigError, Request, Service, ServiceClient, ServiceConfig, Success};
pub use timing::Timing;
