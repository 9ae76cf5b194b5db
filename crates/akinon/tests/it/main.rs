//! The clients against a server that answers as it is told.

mod answers;
mod common;
mod invoice_service;
mod oms;
#[path = "../../../http-client/tests/common/server.rs"]
mod server;
