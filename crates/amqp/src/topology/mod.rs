//! The topology as data: every exchange, queue and binding, and every name, derives from here.

pub(crate) mod apply;
mod binding_key;
pub(crate) mod bus;
mod check;
mod delay;
mod export;
mod rights;
mod tried_rights;

pub use apply::{TopologyError, apply, is_declared};
pub use binding_key::{BindingKey, ParseBindingKeyError};
pub use check::{CheckError, Difference, check};
pub use delay::{Delay, ParseDelayError};
pub use export::definitions;
pub use rights::Rights;
pub use tried_rights::{Found as FoundRight, Right, rights};

/// Where a stage's messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The user's own exchange: bound to, never declared.
    Bus,
    /// The chain's events (topic).
    Events,
    /// The dead letters (topic, key = stage).
    Dead,
}

/// The work queue of a stage. Its retry queues, its dead-letter queue and its archive follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkQueue {
    /// Names everything: `bilag.<stage>`, `bilag.<stage>.dead` …
    pub stage: &'static str,
    /// What it is bound to: exchange and key.
    pub bindings: Vec<(Exchange, String)>,
}

impl WorkQueue {
    /// Its name.
    pub fn name(&self) -> String {
        queue_name(self.stage)
    }
}

/// The name of a stage's work queue.
pub fn queue_name(stage: &str) -> String {
    format!("bilag.{stage}")
}

/// The name of a stage's dead-letter queue.
pub fn dead_queue_name(stage: &str) -> String {
    format!("{}.dead", queue_name(stage))
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueRole {
    /// Messages to be handled.
    Work,
    /// Messages that wait to be handled again.
    Retry(Delay),
    /// Messages that a person must look at.
    Dead,
    /// Dead letters that were put aside, for 30 days.
    Discarded,
}

/// A queue with its arguments and bindings. All are durable quorum queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: QueueRole,
    /// Its arguments, without `x-queue-type`.
    pub arguments: Vec<(&'static str, Argument)>,
    /// Exchange and key of each binding.
    pub bindings: Vec<(String, String)>,
}

/// The value of a queue's argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A number.
    Number(u32),
}

/// Everything that Bilag has at the broker, for the stages that are in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The user's exchange.
    pub bus: String,
    /// The work queues of the stages in use.
    pub work_queues: Vec<WorkQueue>,
    /// The retry queues, shortest wait first as given.
    pub delays: Vec<Delay>,
}

/// The exchange of the chain's events.
pub const EVENTS: &str = "bilag";
/// The exchange by which retry queues give back what has waited (direct, key = work queue). Only the broker
/// publishes here, by dead-lettering, for which nobody needs a right.
pub const RETRY: &str = "bilag.retry";
/// The exchange by which a message is put into a retry queue, or back into a work queue (topic, key = queue name).
/// The broker bounds a user's routing keys on topic exchanges alone, so that a stage's user reaches its own queues.
pub const REQUEUE: &str = "bilag.requeue";
/// The dead-letter exchange (topic, key = stage).
pub const DEAD: &str = "bilag.dead";

/// Requeues that a message survives. Each shutdown, broker restart and killed process counts as
/// one up to RabbitMQ 4.2, so it is far above what an innocent message meets.
pub(crate) const DELIVERY_LIMIT: u32 = 50;

/// "Unlimited" on every version: without it 4.0 drops a message at its 21st look, and -1 drops it
/// at the first on 3.10.
const ANY_NUMBER_OF_LOOKS: u32 = 2_147_483_647;

const DISCARDED_TTL_MILLIS: u32 = 30 * 24 * 3_600 * 1_000;

impl Topology {
    /// Our own exchanges with their types.
    pub fn exchanges(&self) -> [(&'static str, &'static str); 4] {
        [(EVENTS, "topic"), (RETRY, "direct"), (REQUEUE, "topic"), (DEAD, "topic")]
    }

    /// All queues of the stages in use.
    pub fn queues(&self) -> Vec<Queue> {
        self.work_queues.iter().flat_map(|queue| self.stage_queues(queue)).collect()
    }

    /// The keys by which queues are bound to the bus.
    pub(crate) fn bus_keys(&self) -> impl Iterator<Item = &str> {
        let bindings = self.work_queues.iter().flat_map(|queue| &queue.bindings);
        bindings.filter(|(exchange, _)| *exchange == Exchange::Bus).map(|(_, key)| key.as_str())
    }

    fn stage_queues(&self, work_queue: &WorkQueue) -> Vec<Queue> {
        let (name, stage) = (work_queue.name(), work_queue.stage);
        let mut queues = vec![self.work_queue(work_queue)];
        queues.extend(self.delays.iter().map(|&delay| retry_queue(&name, delay)));
        queues.push(Queue {
            name: dead_queue_name(stage),
            role: QueueRole::Dead,
            arguments: vec![("x-delivery-limit", Argument::Number(ANY_NUMBER_OF_LOOKS))],
            bindings: vec![(DEAD.to_owned(), stage.to_owned())],
        });
        queues.push(Queue {
            name: format!("{name}.discarded"),
            role: QueueRole::Discarded,
            arguments: vec![
                ("x-delivery-limit", Argument::Number(ANY_NUMBER_OF_LOOKS)),
                ("x-message-ttl", Argument::Number(DISCARDED_TTL_MILLIS)),
            ],
            bindings: vec![(DEAD.to_owned(), format!("{stage}.discarded"))],
        });
        queues
    }

    fn work_queue(&self, queue: &WorkQueue) -> Queue {
        let name = queue.name();
        let mut bindings = vec![(RETRY.to_owned(), name.clone()), (REQUEUE.to_owned(), name.clone())];
        bindings.extend(queue.bindings.iter().map(|(exchange, key)| {
            let exchange = match exchange {
                Exchange::Bus => self.bus.clone(),
                Exchange::Events => EVENTS.to_owned(),
                Exchange::Dead => DEAD.to_owned(),
            };
            (exchange, key.clone())
        }));
        let mut arguments = dead_lettering_to(DEAD, queue.stage);
        arguments.push(("x-delivery-limit", Argument::Number(DELIVERY_LIMIT)));
        Queue { name, role: QueueRole::Work, arguments, bindings }
    }
}

/// A retry queue: whatever enters returns to exactly the queue it came from, once its time is over.
fn retry_queue(work_queue: &str, delay: Delay) -> Queue {
    let name = retry_queue_name(work_queue, delay);
    let mut arguments = dead_lettering_to(RETRY, work_queue);
    arguments.push(("x-message-ttl", Argument::Number(delay.as_millis())));
    arguments.push(("x-delivery-limit", Argument::Number(ANY_NUMBER_OF_LOOKS)));
    Queue {
        bindings: vec![(REQUEUE.to_owned(), name.clone())],
        name,
        role: QueueRole::Retry(delay),
        arguments,
    }
}

/// The name, and so the routing key, of a retry queue.
pub fn retry_queue_name(work_queue: &str, delay: Delay) -> String {
    format!("{work_queue}.retry.{delay}")
}

/// Whether a queue of this name is a retry queue.
pub(crate) fn is_retry(queue: &str) -> bool {
    queue.starts_with("bilag.") && queue.contains(".retry.")
}

/// At-least-once dead-lettering needs all of these; with another overflow it silently becomes
/// at-most-once.
fn dead_lettering_to(exchange: &str, key: &str) -> Vec<(&'static str, Argument)> {
    vec![
        ("x-dead-letter-exchange", Argument::Text(exchange.to_owned())),
        ("x-dead-letter-routing-key", Argument::Text(key.to_owned())),
        ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned())),
        ("x-overflow", Argument::Text("reject-publish".to_owned())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology() -> Topology {
        Topology {
            bus: "events".into(),
            work_queues: vec![WorkQueue {
                stage: "receipt",
                bindings: vec![(Exchange::Bus, "receipt.settled.v1".into())],
            }],
            delays: ["5s", "1h"].map(|delay| delay.parse().expect("a delay")).to_vec(),
        }
    }

    #[test]
    fn every_name_derives_from_the_stage() {
        let names: Vec<_> = topology().queues().into_iter().map(|queue| queue.name).collect();
        assert_eq!(
            names,
            [
                "bilag.receipt",
                "bilag.receipt.retry.5s",
                "bilag.receipt.retry.1h",
                "bilag.receipt.dead",
                "bilag.receipt.discarded"
            ]
        );
    }

    #[test]
    fn retry_queue_returns_to_its_own_work_queue() {
        let queues = topology().queues();
        let retry_queue = &queues[1];
        assert!(retry_queue.arguments.contains(&("x-dead-letter-exchange", Argument::Text(RETRY.into()))));
        assert!(
            retry_queue
                .arguments
                .contains(&("x-dead-letter-routing-key", Argument::Text("bilag.receipt".into())))
        );
        assert_eq!(retry_queue.bindings, [(REQUEUE.to_owned(), "bilag.receipt.retry.5s".to_owned())]);
    }

    #[test]
    fn dead_lettering_queues_do_so_at_least_once() {
        for queue in topology().queues() {
            let has = |name| queue.arguments.iter().any(|(argument, _)| *argument == name);
            assert_eq!(has("x-dead-letter-exchange"), has("x-dead-letter-strategy"), "{}", queue.name);
            assert_eq!(has("x-dead-letter-exchange"), has("x-overflow"), "{}", queue.name);
        }
    }
}
