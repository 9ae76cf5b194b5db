//! The environment for tests and benchmarks of the chain: a real broker, a real store, the sandbox, and
//! `bilag` processes.

mod broker;
mod browser;
mod cluster;
mod console;
mod golden;
mod health;
mod ingress;
mod ledger;
mod network;
mod otlp;
mod outcome;
mod packages;
mod postgres;
mod process;
mod prometheus;
mod retrying_publisher;
mod samples;
mod smtp;
mod test_env;
mod vhost;
mod wait;

pub use broker::PrivateBroker;
pub use browser::Browser;
pub use cluster::PrivateCluster;
pub use console::{Console, free_port};
pub use golden::normalised;
pub use health::Health;
pub use ingress::Ingress;
pub use ledger::delays_after_429;
pub use network::{Route, TestNetwork};
pub use otlp::Collector;
pub use packages::second_sandbox;
pub use postgres::{PrivatePostgres, database, execute};
pub use process::{Bilag, binary, cpu_of, exit_output, installed, unset_settings};
pub use prometheus::{Sample, samples};
pub use retrying_publisher::RetryingPublisher;
pub use samples::{flow_ids, flow_receipt, package, receipt, sample, sample_path, transitioned};
pub use smtp::SmtpServer;
pub use test_env::{Store, TestEnv};
pub use vhost::Vhost;
pub use wait::{TIMEOUT, eventually, eventually_with_progress, eventually_within};
