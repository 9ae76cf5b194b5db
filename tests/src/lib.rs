//! The world that the chain is tested and measured in: a real broker, a real store, the sandbox, and
//! `bilag` as processes of its own.

mod broker;
mod postgres;
mod process;
mod samples;
mod vhost;
mod wait;
mod world;

pub use broker::OwnBroker;
pub use postgres::OwnPostgres;
pub use process::Bilag;
pub use samples::{receipt, sample, sample_path};
pub use vhost::Vhost;
pub use wait::{eventually, eventually_within};
pub use world::{Store, World};
