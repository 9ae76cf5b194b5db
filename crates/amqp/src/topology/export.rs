//! The topology as RabbitMQ's definitions JSON, for those who declare by `rabbitmqctl
//! import_definitions` instead of giving consumers the right to.

use serde_json::{Map, Value, json};

use crate::Topology;
use crate::topology::Argument;

/// Definitions of everything of ours in one vhost; the bus is bound to, but is not among them.
pub fn definitions(topology: &Topology, vhost: &str) -> Value {
    let exchanges: Vec<Value> = topology
        .exchanges()
        .iter()
        .map(|(name, kind)| {
            json!({ "name": name, "vhost": vhost, "type": kind, "durable": true,
                    "auto_delete": false, "internal": false, "arguments": {} })
        })
        .collect();
    let queues = topology.queues();
    let bindings: Vec<Value> = queues
        .iter()
        .flat_map(|queue| {
            queue.bindings.iter().map(|(exchange, key)| {
                json!({ "source": exchange, "vhost": vhost, "destination": queue.name,
                        "destination_type": "queue", "routing_key": key, "arguments": {} })
            })
        })
        .collect();
    let queues: Vec<Value> = queues
        .iter()
        .map(|queue| {
            json!({ "name": queue.name, "vhost": vhost, "durable": true, "auto_delete": false,
                    "arguments": arguments(&queue.arguments) })
        })
        .collect();
    json!({ "exchanges": exchanges, "queues": queues, "bindings": bindings })
}

/// A queue's arguments as the broker's API shows them.
pub(crate) fn arguments(arguments: &[(&'static str, Argument)]) -> Map<String, Value> {
    let mut map = Map::from_iter([("x-queue-type".to_owned(), json!("quorum"))]);
    map.extend(arguments.iter().map(|(name, argument)| {
        let value = match argument {
            Argument::Text(text) => json!(text),
            Argument::Number(number) => json!(number),
        };
        ((*name).to_owned(), value)
    }));
    map
}
