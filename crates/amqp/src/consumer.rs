//! What one stage does with its messages, and what its consumer needs besides.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{Broker, Failure, Hold, Message, Outcome, StageStatus, Subject, Topology, WorkQueue};

/// What one stage does with a message. Used behind a pointer, so that what every message goes through is compiled once.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// What follows from the message, or how it failed.
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure>;

    /// What a failed message is about, where its headers do not say so.
    fn subject(&self, _message: &Message) -> Option<Subject> {
        None
    }

    /// What the downstreams of its bulkheads are like; `None` where all messages share one downstream.
    fn bulkheads(&self) -> Option<BulkheadLimits> {
        None
    }

    /// The message's bulkhead, where there are any: messages that share a downstream of their own, which may
    /// be away or slow while those of others are not. There must be few.
    fn bulkhead(&self, _message: &Message) -> Option<String> {
        None
    }

    /// Within which the downstream may forbid messages while it allows others, for people ("store 70"). Asked for
    /// while something is forbidden only.
    fn scope(&self, _message: &Message) -> Option<String> {
        None
    }
}

/// What the downstream of one bulkhead is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BulkheadLimits {
    /// A bulkhead is slow while a message of it has been in flight for so long.
    pub slow_after: Duration,
    /// So many messages of a paused bulkhead come back from each retry queue each second, at most twice as
    /// many at first; the rest wait in longer retry queues. So what is parked costs the same however much it
    /// is, and is back about as soon as it can be handled.
    pub returns_per_second: f64,
}

/// Everything a stage's consumer needs besides its handler.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The broker.
    pub broker: Broker,
    /// The topology of this stage alone: one work queue.
    pub topology: Topology,
    /// Whether the topology is declared at the start of each session. Where it is not, somebody else
    /// declares it, and is waited for: the broker's user then needs no right to.
    pub declares: bool,
    /// Messages in flight at once.
    pub concurrency: u16,
    /// What the stage is doing.
    pub status: Arc<StageStatus>,
    /// Who has paused the stage by hand, as long as they have. It stays connected meanwhile, and
    /// finishes what is in flight. A sender that is gone changes nothing.
    pub held: watch::Receiver<Option<Hold>>,
}

impl Consumer {
    pub(crate) fn queue(&self) -> &WorkQueue {
        &self.topology.work_queues[0]
    }
}
