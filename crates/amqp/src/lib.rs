//! The messaging runtime: declares the topology, consumes, decides about failures, publishes.
//!
//! It knows no invoice. A [`Handler`] turns one message into what follows from it; everything that
//! makes that safe over RabbitMQ is here: a delivery is acked only once what follows from it is
//! confirmed, failures wait in retry queues, and what a person must look at is dead-lettered.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use amqp::{Broker, Consumer, Exchange, Failure, Handler, Message, Outcome, StageStatus, Topology, WorkQueue};
//! use async_trait::async_trait;
//! use tokio::sync::watch;
//! use tokio_util::sync::CancellationToken;
//!
//! struct Print;
//!
//! #[async_trait]
//! impl Handler for Print {
//!     async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
//!         println!("{} bytes by {}", message.body.len(), message.routing_key);
//!         Ok(Outcome::Done(Vec::new()))
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let bindings = vec![(Exchange::Bus, "receipt.settled.v1".to_owned())];
//! let consumer = Consumer {
//!     broker: Broker::parse("amqp://guest:guest@127.0.0.1:5672/%2f", "an example")?,
//!     topology: Topology {
//!         bus: "events".to_owned(),
//!         work_queues: vec![WorkQueue { stage: "print", bindings }],
//!         delays: vec!["5s".parse()?, "1m".parse()?],
//!     },
//!     declares: true,
//!     concurrency: 32,
//!     status: Arc::new(StageStatus::new("print")),
//!     held: watch::channel(None).1,
//! };
//! consumer.run(Print, CancellationToken::new()).await?;
//! # Ok(())
//! # }
//! ```

mod acks;
mod connection;
mod consumer;
mod dead_letters;
mod failure;
mod hold;
mod layers;
mod message;
mod metrics;
mod outcome;
mod run;
mod session;
mod status;
mod topology;

pub use connection::alarm::{Alarms, alarm};
pub use connection::management::{Management, ManagementError};
pub use connection::publisher::{PublishError, Publisher};
pub use connection::{Broker, ConnectError};
pub use consumer::{BulkheadLimits, Consumer, Handler};
pub use dead_letters::{
    BrowseError, Browser, DeadLetterQueue, DepthError, Depths, Destination, Found, QueueDepth, peek, ready,
};
pub use failure::{BoxError, Extent, Failure, Reached, Reason, chain};
pub use layers::trace::continue_from;
pub use layers::{Action, decide};
pub use message::header::{Headers, names as header_names};
pub use message::{DeadLetter, Message, Origin, Outgoing, Subject, dead_letter_id};
pub use metrics::count_dead_by_broker;
pub use outcome::Outcome;
pub use run::StartError;
pub use status::{Hold, Part, Pause, StageState, StageStatus};
pub use topology::{
    Argument, BindingKey, CheckError, DEAD, Delay, Difference, EVENTS, Exchange, FoundRight,
    ParseBindingKeyError, ParseDelayError, Queue, QueueRole, REQUEUE, RETRY, Right, Rights, Topology,
    TopologyError, WorkQueue, apply, check, dead_queue_name, definitions, is_declared, queue_name,
    retry_queue_name, rights,
};
