//! A service's client against a server that gives set answers.

mod answers;
mod client;
mod cut_off;
mod rate_limiter;
mod repeats;
#[path = "../common/server.rs"]
mod server;
mod setup;
