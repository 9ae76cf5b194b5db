//! The messaging runtime: declares the topology, consumes, decides about failures, publishes.
//!
//! It knows no invoice. A [`Handler`] turns one message into what follows from it; everything that
//! makes that safe over RabbitMQ is here: a delivery is acked only once what follows from it is
//! confirmed, failures wait in retry queues, and what a person must look at is dead-lettered.

mod apply;
mod binding_key;
mod browser;
mod bulkheads;
mod bus;
mod check;
mod circuit_breaker;
mod connection;
mod consumer;
mod decide;
mod delay;
mod depth;
mod export;
mod failure;
mod handling;
mod header;
mod hold;
mod in_vain;
mod management;
mod message;
mod metrics;
mod oversized;
mod peek;
mod provenance;
mod publisher;
mod rights;
mod session;
mod status;
mod topology;
mod trace;
mod trial;
mod wire;

pub use apply::{TopologyError, apply, is_declared};
pub use binding_key::{BindingKey, ParseBindingKeyError};
pub use browser::{BrowseError, Browser, DeadLetterQueue, Destination, Found};
pub use check::{CheckError, Difference, check};
pub use connection::{Broker, ConnectError};
pub use consumer::{Consumer, Handler, StartError};
pub use decide::{Action, decide};
pub use delay::{Delay, ParseDelayError};
pub use depth::{DepthError, Depths, QueueDepth};
pub use export::definitions;
pub use failure::{BoxError, Extent, Failure, Outcome, Reached, Reason, chain};
pub use header::{Headers, names as header_names};
pub use hold::{Hold, told_to_stop};
pub use management::{Management, ManagementError};
pub use message::{DeadLetter, Message, Outgoing, Subject, dead_letter_id};
pub use metrics::count_dead_by_broker;
pub use peek::{PeekError, peek, ready};
pub use publisher::{PublishError, Publisher};
pub use rights::Rights;
pub use status::{Pause, StageState, StageStatus};
pub use topology::{
    Argument, DEAD, EVENTS, Exchange, Queue, QueueRole, REQUEUE, RETRY, Stage, Topology, dead_queue_name,
    queue_name, retry_queue_name,
};
pub use trace::continue_from;
pub use trial::{Found as FoundRight, Right, rights};
