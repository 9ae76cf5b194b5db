//! Clients of Akinon's world: the invoice service that makes a packed package's invoice, and the OMS
//! that the invoice is written back to.
//!
//! Both may be asked twice: the invoice service knows a repeat by its key, and the OMS gets the same
//! invoice again. What an error means for a message is [`decide`]'s to say.

mod command;
mod config;
mod invoice_service;
mod oms;

pub use command::{InvalidCommand, InvoiceCommand};
pub use config::ConfigError;
pub use http_client::{Answer, CallError, Decision, Secret, Transport, decide};
pub use invoice_service::{Asked, InvoiceService, InvoiceServiceConfig};
pub use oms::{Oms, OmsConfig, PackageInvoice};
