//! The clients of packages: the invoice service that makes a packed package's invoice, and Akinon's OMS,
//! which the invoice is written back to.
//!
//! Both may be called twice: the invoice service recognizes a repeat by its key, and the OMS gets the same
//! invoice again. [`http_client::decide`] says what an error means for a message.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use akinon::{InvoiceCommand, Oms, OmsConfig, PackageInvoice, Secret};
//!
//! # async fn example(pdf: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let oms = Oms::new(OmsConfig {
//!     base_url: "https://shop-oms.example".to_owned(),
//!     token: Secret::new("token"),
//!     command: InvoiceCommand::default(),
//!     max_concurrent: 8,
//!     timeout: Duration::from_secs(10),
//! })?;
//! let invoice = PackageInvoice { package_id: 73, number: "90001", date: "2026-11-02", document: pdf };
//! oms.update_invoice(&invoice).await?;
//! # Ok(())
//! # }
//! ```

mod command;
mod invoice_service;
mod oms;

pub use command::{InvalidCommand, InvoiceCommand};
pub use http_client::{CallError, Secret};
pub use invoice_service::{Asked, InvoiceService, InvoiceServiceConfig};
pub use oms::{Oms, OmsConfig, PackageInvoice};

/// Why there is no client of the invoice service or of the OMS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL, the credentials or TLS.
    #[error(transparent)]
    Client(#[from] http_client::ConfigError),
    /// A user without a password, or a password without a user.
    #[error("set both INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD, or neither")]
    HalfOfTheCredentials,
    /// Basic authentication ends the user's name at its first colon (RFC 7617).
    #[error("INVOICE_SERVICE_USERNAME must not hold a colon: basic authentication ends the name there")]
    ColonInUsername,
    /// The OMS's command cannot be built.
    #[error("the command that gives a package its invoice cannot be built")]
    Command(#[from] InvalidCommand),
}
