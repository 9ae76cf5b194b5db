//! What each user of the broker needs and no more, where every consumer has a user of its own.

use crate::topology::{DEAD, EVENTS, REQUEUE, Topology, WorkQueue, queue_name};

/// Rights in one vhost, as regular expressions of names (RabbitMQ: "Access Control").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What it may declare and delete.
    pub configure: String,
    /// The exchanges it may publish to, and the queues it may ask about. To publish by the name of a queue takes
    /// the right to write to the default exchange, and to bind one the right to read from the other exchange:
    /// neither is given.
    pub write: String,
    /// The queues it may read from.
    pub read: String,
    /// Topic exchanges with the routing keys it may publish there. The broker bounds keys on no others.
    pub keys: Vec<(&'static str, String)>,
}

/// Matches no name.
const NOTHING: &str = "^$";

impl Rights {
    /// Of the one that declares: everything of ours, and to bind queues to the bus.
    pub fn to_declare(topology: &Topology) -> Self {
        let ours = r"bilag(\..*)?";
        Self {
            configure: format!("^{ours}$"),
            write: format!("^{ours}$"),
            read: format!("^({ours}|{})$", literal(&topology.bus)),
            keys: Vec::new(),
        }
    }

    /// Of a stage that finds its queues declared. `emits` names the events that follow from its messages;
    /// their routing keys begin with the name.
    pub fn to_consume(work_queue: &WorkQueue, emits: &[&str]) -> Self {
        let queue = literal(&work_queue.name());
        let mut written =
            vec![literal(REQUEUE), literal(DEAD), format!(r"{queue}\.(retry\..+|dead|discarded)")];
        let mut keys = vec![
            (REQUEUE, exactly([format!(r"{queue}(\.retry\..+)?")])),
            (DEAD, exactly([literal(work_queue.stage)])),
        ];
        if !emits.is_empty() {
            written.push(literal(EVENTS));
            keys.push((EVENTS, exactly(emits.iter().map(|event| format!(r"{}(\..+)?", literal(event))))));
        }
        Self { configure: NOTHING.to_owned(), write: exactly(written), read: exactly([queue]), keys }
    }

    /// Of operators: to look at dead letters, and to move them.
    pub fn to_operate(topology: &Topology) -> Self {
        let queues: Vec<_> =
            topology.work_queues.iter().map(|queue| literal(&queue_name(queue.stage))).collect();
        let asked = queues.iter().map(|queue| format!(r"{queue}(\.retry\..+)?"));
        Self {
            configure: NOTHING.to_owned(),
            write: exactly([REQUEUE, DEAD].map(literal).into_iter().chain(asked)),
            read: exactly(queues.iter().map(|queue| format!(r"{queue}\.(dead|discarded)"))),
            keys: Vec::new(),
        }
    }

    /// Of one that only puts events on the bus: webhooks, and receipts of an earlier time.
    pub fn to_publish(topology: &Topology) -> Self {
        Self {
            configure: NOTHING.to_owned(),
            write: exactly([literal(&topology.bus)]),
            read: NOTHING.to_owned(),
            keys: Vec::new(),
        }
    }

    /// Of one that only asks the management API how long the queues are.
    pub fn to_watch() -> Self {
        let nothing = || NOTHING.to_owned();
        Self { configure: nothing(), write: nothing(), read: nothing(), keys: Vec::new() }
    }
}

/// Matches these expressions from their beginning to their end.
fn exactly(any: impl IntoIterator<Item = String>) -> String {
    let any: Vec<_> = any.into_iter().collect();
    match &any[..] {
        [one] => format!("^{one}$"),
        any => format!("^({})$", any.join("|")),
    }
}

/// Matches this text.
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() && !matches!(character, '-' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(stage: &'static str) -> WorkQueue {
        WorkQueue { stage, bindings: Vec::new() }
    }

    #[test]
    fn stage_reads_its_queue_and_writes_what_it_emits() {
        let rights = Rights::to_consume(&queue("render"), &["invoice.rendered.v1"]);
        assert_eq!(rights.configure, "^$");
        assert_eq!(
            rights.write,
            r"^(bilag\.requeue|bilag\.dead|bilag\.render\.(retry\..+|dead|discarded)|bilag)$"
        );
        assert_eq!(rights.read, r"^bilag\.render$");
        assert_eq!(
            rights.keys,
            [
                (REQUEUE, r"^bilag\.render(\.retry\..+)?$".to_owned()),
                (DEAD, "^render$".to_owned()),
                (EVENTS, r"^invoice\.rendered\.v1(\..+)?$".to_owned())
            ]
        );
    }

    #[test]
    fn stage_without_events_may_not_publish() {
        let rights = Rights::to_consume(&queue("upload"), &[]);
        assert_eq!(rights.write, r"^(bilag\.requeue|bilag\.dead|bilag\.upload\.(retry\..+|dead|discarded))$");
        let keys: Vec<_> = rights.keys.iter().map(|(exchange, _)| *exchange).collect();
        assert_eq!(keys, [REQUEUE, DEAD]);
    }

    #[test]
    fn escapes_the_name_of_the_bus() {
        let topology = Topology { bus: "shop.*".to_owned(), work_queues: Vec::new(), delays: Vec::new() };
        assert_eq!(Rights::to_declare(&topology).read, r"^(bilag(\..*)?|shop\.\*)$");
    }
}
