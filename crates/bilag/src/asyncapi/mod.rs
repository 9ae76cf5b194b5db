//! The topology and the events as an AsyncAPI 3 document, for those who publish to Bilag or listen to it.
//!
//! Sources: AsyncAPI 3.0.0, and its AMQP bindings 0.3.0. A channel is a key of an exchange, or a queue;
//! an operation is what Bilag does with one. Retry queues are nobody else's, and are left out.

mod messages;

use std::collections::BTreeMap;

use amqp::{DEAD, EVENTS, Queue, QueueRole, Topology};
use serde_json::{Map, Value, json};

use consumer::Stage;

const BINDING: &str = "0.3.0";

/// The document of some stages.
pub fn document(topology: &Topology, vhost: &str, stages: &[&Stage]) -> Value {
    let at = At { topology, vhost };
    let queues = topology.queues();
    let keys = keys(&queues);
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (exchange, key) in keys.keys() {
        channels.insert(channel_of_key(exchange, key), at.key(exchange, key));
    }
    for queue in queues.iter().filter(|queue| is_documented(queue)) {
        channels.insert(queue.name.clone(), at.queue(queue));
    }
    for stage in stages {
        operations.insert(format!("{}.receive", stage.name), receive(stage));
        let dead = channel_of_key(DEAD, stage.name);
        if channels.contains_key(&dead) {
            let what = format!("What the stage {} cannot handle and a person must look at", stage.name);
            operations.insert(format!("{}.send.dead", stage.name), send(&dead, &what));
        }
    }
    for (exchange, key) in keys.keys() {
        let channel = channel_of_key(exchange, key);
        if *exchange == topology.bus {
            let what = format!("Webhooks that say {key}, where bilag ingress takes them");
            operations.insert(format!("ingress.send.{}", id(key)), send(&channel, &what));
        } else if *exchange == EVENTS {
            for (event, stage) in senders(key, stages) {
                let what = format!("What follows in the stage {stage}: {event}");
                operations.insert(format!("{stage}.send.{}", id(key)), send(&channel, &what));
            }
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Bilag",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Retail till receipts and packed packages, carried to where their invoices belong, over \
                RabbitMQ. Publish to the channels of your bus; the others are Bilag's own, and may be listened to with \
                queues of your own.",
            "license": { "name": "MIT OR Apache-2.0" }
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "rabbit.example:5672", "protocol": "amqp", "protocolVersion": "0.9.1",
                "description": "RabbitMQ 3.10 or newer, with quorum queues"
            }
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages::all(), "schemas": { "headers": messages::headers() } }
    })
}

/// Which queues each key of each exchange leads to.
fn keys(queues: &[Queue]) -> BTreeMap<(&str, &str), Vec<&str>> {
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for queue in queues.iter().filter(|queue| is_documented(queue)) {
        for (exchange, key) in queue
            .bindings
            .iter()
            .filter(|(exchange, _)| ![amqp::RETRY, amqp::REQUEUE].contains(&exchange.as_str()))
        {
            keys.entry((exchange.as_str(), key.as_str())).or_default().push(queue.name.as_str());
        }
    }
    keys
}

fn is_documented(queue: &Queue) -> bool {
    matches!(queue.role, QueueRole::Work | QueueRole::Dead)
}

/// As names of channels may be written.
fn id(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

/// Queues are called after their stages as keys of the dead-letter exchange are: `key` tells them apart.
fn channel_of_key(exchange: &str, key: &str) -> String {
    format!("{}.key.{}", id(exchange), id(key))
}

/// The stages that emit an event with this key, each with the event's type.
fn senders(key: &str, stages: &[&Stage]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let emits = move |stage: &Stage| stage.emits.iter().find(|event| key.starts_with(**event)).copied();
    stages.iter().filter_map(move |stage| Some((emits(stage)?, stage.name)))
}

fn receive(stage: &Stage) -> Value {
    json!({
        "action": "receive",
        "summary": stage.about,
        "channel": { "$ref": format!("#/channels/{}", amqp::queue_name(stage.name)) },
        "bindings": { "amqp": { "ack": true, "bindingVersion": BINDING } }
    })
}

/// Persistent, mandatory and confirmed: what no queue receives counts as not sent.
fn send(channel: &str, what: &str) -> Value {
    json!({
        "action": "send",
        "summary": what,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "bindings": { "amqp": { "deliveryMode": 2, "mandatory": true, "bindingVersion": BINDING } }
    })
}

/// Where channels are.
struct At<'a> {
    topology: &'a Topology,
    vhost: &'a str,
}

impl At<'_> {
    fn key(&self, exchange: &str, key: &str) -> Value {
        let whose = if exchange == self.topology.bus { "your bus" } else { "Bilag's own" };
        let leads_to = keys(&self.topology.queues()).remove(&(exchange, key)).unwrap_or_default().join(", ");
        json!({
            "address": key,
            "description": format!("The exchange {exchange} ({whose}); leads to {leads_to}"),
            "messages": references(messages::of_key(exchange, key)),
            "bindings": { "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": exchange, "type": "topic", "durable": true, "autoDelete": false, "vhost": self.vhost
                },
                "bindingVersion": BINDING
            } }
        })
    }

    fn queue(&self, queue: &Queue) -> Value {
        let bindings = queue
            .bindings
            .iter()
            .filter(|(exchange, _)| ![amqp::RETRY, amqp::REQUEUE].contains(&exchange.as_str()));
        let mut names: Vec<_> =
            bindings.flat_map(|(exchange, key)| messages::of_key(exchange, key)).collect();
        names.sort_unstable();
        names.dedup();
        let what = match queue.role {
            QueueRole::Dead => "Dead letters: each waits for a person. Look, but do not consume",
            _ => "Work: Bilag's alone to consume",
        };
        json!({
            "address": queue.name,
            "description": format!("{what}. A quorum queue"),
            "messages": references(names),
            "bindings": { "amqp": {
                "is": "queue",
                "queue": {
                    "name": queue.name, "durable": true, "exclusive": false, "autoDelete": false, "vhost": self.vhost
                },
                "bindingVersion": BINDING
            } }
        })
    }
}

fn references(names: Vec<String>) -> Map<String, Value> {
    let reference = |name: String| {
        let message = json!({ "$ref": format!("#/components/messages/{name}") });
        (name, message)
    };
    names.into_iter().map(reference).collect()
}
