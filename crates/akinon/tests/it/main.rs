//! The clients against a server that gives set answers.

#[path = "../../../http-client/tests/common/answers.rs"]
mod answer_table;
mod answers;
mod common;
mod invoice_service;
mod oms;
#[path = "../../../http-client/tests/common/server.rs"]
mod server;
