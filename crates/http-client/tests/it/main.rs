//! A service's client against a server that answers as it is told.

mod answers;
mod client;
mod cut_off;
mod rate_limiter;
mod repeats;
#[path = "../common/server.rs"]
mod server;
mod setup;
