//! Flow Retail's REST API, as far as receipts are read from it: their search, the series of their numbers, and the
//! event that is made of what Flow answers.
//!
//! Paths, parameters and paging are from Flow's public pages (docs.flowretail.com, "Receipt" and "Store"), and were not
//! seen live. Everything that was assumed is in `client.rs` (the calls) and `receipt.rs` (the names), and is to be
//! confirmed with Flow.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use flow::{Flow, FlowConfig, Search, Secret};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let flow = Flow::new(FlowConfig {
//!     base_url: "https://api.flowretail.com/v2".to_owned(),
//!     token: Secret::new("token"),
//!     page_size: 100,
//!     max_concurrent: 4,
//!     timeout: Duration::from_secs(10),
//! })?;
//! let search = Search { voucher_number: Some("1001".to_owned()), ..Search::default() };
//! for found in flow.receipts("7", &search).await? {
//!     println!("{}", found.uid);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod receipt;

pub use client::{Flow, FlowConfig, Ids, NumberSeries, Search};
pub use http_client::{CallError, ConfigError, Secret};
pub use receipt::{Defaults, FoundReceipt, NotAReceipt};
