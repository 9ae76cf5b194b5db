//! What the clients of all services share: connections, rate limits, retries, errors and what they mean,
//! and credentials that stay hidden.
//!
//! [`ServiceClient`] is a whole client for a service that takes JSON and may be called twice. A service
//! with rules of its own (Omnium's token, its calls that must not be repeated) builds on the parts.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use http_client::{Decision, Request, Service, ServiceClient, ServiceConfig, decide};
//!
//! const SHOP: &Service = &Service::new("the shop", "SHOP_URL", "SHOP_TOKEN");
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ServiceConfig {
//!     url: "https://shop.example/api".to_owned(),
//!     authorization: None,
//!     max_concurrent: 8,
//!     timeout: Duration::from_secs(10),
//! };
//! let shop = ServiceClient::new(SHOP, config)?;
//! let request = Request {
//!     template: "/orders/{id}",
//!     path: &["orders", "17"],
//!     idempotency_key: Some("order-17"),
//!     body: "{}".into(),
//!     successes: &[200, 201],
//! };
//! match shop.call(&request).await {
//!     Ok(success) => println!("{}", success.status),
//!     Err(error) if decide(&error) == Decision::Reject => println!("the order is at fault: {error}"),
//!     Err(error) => println!("to be retried: {error}"),
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod authorization;
mod error;
mod http;
mod measured;
mod rate_limiter;
mod retry;
mod service;
mod timing;

pub use answer::{Answer, for_operator};
pub use authorization::Authorization;
pub use config::{FileProblem, Secret, remember};
pub use error::{CallError, Decision, decide};
pub use http::{Http, NoAnswer, Received, Transport, base_url, below, send};
pub use measured::Measured;
pub use rate_limiter::{Bucket, RateLimitError, RateLimiter, SEND_WITHIN, WaitTime};
pub use reqwest::{Method, StatusCode, Url, header};
pub use retry::Retries;
pub use service::{ConfigError, Request, Service, ServiceClient, ServiceConfig, Success};
pub use timing::Timing;
