//! One delivery, from the broker to its ack: the layers that a message goes through.
//!
//! Each layer is a function over the future of the layers inside it. Until a layer polls that future
//! nothing inside has happened, so a layer turns a message away by dropping it.

mod ack;
mod bulkhead;
mod circuit_breaker;
mod dead_letter;
mod follow_up;
mod isolate;
mod measure;
mod put_aside;
mod retry;
mod scope;
pub(crate) mod trace;

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use lapin::message::Delivery;

pub(crate) use circuit_breaker::Permit;
pub use retry::{Action, decide};

use crate::acks::Acks;
use crate::metrics::Metrics;
use crate::{
    Consumer, Delay, Failure, Handler, Message, Outcome, PublishError, Publisher, StageStatus, Subject,
};
use bulkhead::BulkheadLayer;
use circuit_breaker::{CircuitBreakerLayer, Evidence};
use retry::RetryQueues;
use scope::ScopeLayer;

/// The layers of one stage, with what its deliveries share.
pub(crate) struct Layers {
    handler: Box<dyn Handler>,
    stage: &'static str,
    queue: String,
    scopes: ScopeLayer,
    bulkheads: BulkheadLayer,
    breaker: CircuitBreakerLayer,
    retry_queues: RetryQueues,
    metrics: Metrics,
    pub(crate) status: Arc<StageStatus>,
}

/// What the layers that publish a message share.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    stage: &'static str,
    message: &'a Message,
    subject: &'a (dyn Fn() -> Option<Subject> + Sync),
    publisher: &'a Publisher,
    metrics: &'a Metrics,
}

/// An error means that the message is neither passed on nor put aside: it stays unacked, and the end
/// of its channel gives it back to the broker.
pub(crate) type Settled<T> = Result<T, PublishError>;

/// What came of a message, on its way out through the layers.
pub(crate) enum Handled {
    /// It was turned away before it was handled, and waits this long, spending no attempt.
    Parked(Delay),
    /// It was handled.
    Ended {
        /// What followed from it, or how it failed.
        result: Result<Outcome, Failure>,
        /// What that says about the downstream that all messages of the stage share.
        evidence: Evidence,
        /// Whether what it failed at is paused, because everything fails there.
        paused: bool,
        /// The message's scope, where something is held against it.
        scope: Option<String>,
    },
}

impl Layers {
    pub(crate) fn new(handler: Box<dyn Handler>, consumer: &Consumer) -> Self {
        let (stage, queue, delays) =
            (consumer.queue().stage, consumer.queue().name(), &consumer.topology.delays);
        let status = consumer.status.clone();
        let bulkheads = handler.bulkheads();
        Self {
            handler,
            scopes: ScopeLayer::new(consumer.concurrency.into(), delays, status.clone()),
            bulkheads: BulkheadLayer::new(bulkheads, consumer.concurrency.into(), delays, status.clone()),
            breaker: CircuitBreakerLayer::new(delays[0], status.clone()),
            retry_queues: RetryQueues { work_queue: queue.clone(), delays: delays.clone() },
            metrics: Metrics::of(stage, &queue),
            stage,
            queue,
            status,
        }
    }

    /// Takes a delivery in, from the innermost layer to the outermost one. A probe is handled although the
    /// stage is paused.
    pub(crate) async fn handle(
        &self,
        mut delivery: Delivery,
        publisher: &Publisher,
        acks: &Acks,
        is_probe: bool,
    ) -> Settled<()> {
        self.metrics.delivered();
        let message = &Message::of(&mut delivery);
        let subject = &|| message.subject().or_else(|| self.handler.subject(message));
        let (stage, metrics) = (self.stage, &self.metrics);
        let context = Context { stage, message, subject, publisher, metrics };

        // Pinned in their place: a layer that took the future inside it by value would hold it twice.
        let handled = self.handler.handle(message);
        let isolated = pin!(isolate::layer(message, handled));
        let followed_up = pin!(follow_up::layer(context, isolated));
        let measured = pin!(measure::layer(metrics, &self.status, followed_up));
        let scoped = pin!(self.scopes.layer(message, || self.handler.scope(message), measured));
        let limited = pin!(self.bulkheads.layer(message, || self.handler.bulkhead(message), scoped));
        let guarded = pin!(self.breaker.layer(message, is_probe, limited));
        let retried = pin!(self.retry_queues.layer(context, guarded));
        let settled = pin!(dead_letter::layer(context, retried));
        let traced = pin!(trace::layer(&self.queue, message, settled));
        ack::layer(acks, delivery.delivery_tag, &self.status, message, traced).await
    }

    /// What may be taken from the queue now.
    pub(crate) fn permit(&self, now: Instant) -> Permit {
        self.breaker.permit(now)
    }

    /// Returns once the stage has paused.
    pub(crate) async fn paused(&self) {
        self.breaker.tripped().await;
    }
}
