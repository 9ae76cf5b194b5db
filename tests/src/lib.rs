//! The world that the chain is tested and measured in: a real broker, a real store, the sandbox, and
//! `bilag` as processes of its own.

mod broker;
mod browser;
mod cluster;
mod console;
mod golden;
mod health;
mod ingress;
mod otlp;
mod outcome;
mod packages;
mod postgres;
mod process;
mod prometheus;
mod samples;
mod till;
mod vhost;
mod wait;
mod wire;
mod world;

pub use broker::OwnBroker;
pub use browser::Browser;
pub use cluster::OwnCluster;
pub use console::{Console, free_port};
pub use golden::normalised;
pub use health::Health;
pub use ingress::Ingress;
pub use otlp::Collector;
pub use packages::another_sandbox;
pub use postgres::{OwnPostgres, database, execute};
pub use process::{Bilag, binary, told, unset_settings};
pub use prometheus::{Sample, samples};
pub use samples::{package, receipt, sample, sample_path, transitioned};
pub use till::Till;
pub use vhost::Vhost;
pub use wait::{TIMEOUT, eventually, eventually_within};
pub use wire::{Line, Wire};
pub use world::{Store, World};
