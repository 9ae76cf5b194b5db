//! The ERP's client against a server that gives set answers.

#[path = "../../../http-client/tests/common/answers.rs"]
mod answer_table;
mod answers;
mod common;
mod deliver;
#[path = "../../../http-client/tests/common/server.rs"]
mod server;
