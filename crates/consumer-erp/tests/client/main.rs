//! The ERP's client against a server that answers as it is told.

mod answers;
mod common;
mod deliver;
#[path = "../../../http-client/tests/common/server.rs"]
mod server;
