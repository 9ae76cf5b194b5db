//! The messages of the document: the events as `schemas/` has them, plain and in an envelope of
//! CloudEvents, and dead letters.

use amqp::{DEAD, header_names as names};
use serde_json::{Map, Value, json};

use super::BINDING;

/// Asked over HTTP, and never a message.
const NO_MESSAGE: &str = "invoice.request.v1";

const DEAD_LETTER: &str = "dead.letter";

/// Flow's webhooks of settled orders and receipts, which hold ids only.
const IDS: &str = "flow.ids";

/// What an event is called that comes in an envelope.
fn enveloped(event: &str) -> String {
    format!("{event}.cloudevent")
}

/// Every message, by its name.
pub fn all() -> Map<String, Value> {
    let mut messages = Map::new();
    for event in events() {
        messages.insert(event.clone(), plain(&event));
        messages.insert(enveloped(&event), in_envelope(&event));
    }
    messages.insert(DEAD_LETTER.to_owned(), dead_letter());
    messages.insert(IDS.to_owned(), ids());
    messages
}

/// The names of the messages that come with a key of an exchange. An event's keys begin with its name;
/// a key of the user's own may bring any.
pub fn of_key(exchange: &str, key: &str) -> Vec<String> {
    if exchange == DEAD {
        return vec![DEAD_LETTER.to_owned()];
    }
    if ["ORDER_SETTLED", "ORDER_RECEIPT_SETTLED"].contains(&key) {
        return vec![IDS.to_owned()];
    }
    let family =
        |event: &str| event.rsplit_once('.').map_or(event.to_owned(), |(family, _)| family.to_owned());
    let mut found: Vec<_> = events().filter(|event| key.starts_with(event.as_str())).collect();
    if found.is_empty() {
        found = events().filter(|event| key.starts_with(&family(event))).collect();
    }
    if found.is_empty() {
        found = events().collect();
    }
    found.into_iter().flat_map(|event| [enveloped(&event), event]).collect()
}

fn events() -> impl Iterator<Item = String> {
    let names =
        events::schemas().into_iter().map(|(file, _)| file.trim_end_matches(".schema.json").to_owned());
    names.filter(|name| name != NO_MESSAGE)
}

fn ids() -> Value {
    let named = json!({ "type": "object", "properties": { "Uid": { "type": "string" } } });
    json!({
        "name": IDS,
        "title": "Flow's webhook of a settled order or receipt",
        "summary": "Ids only: the stage hydrate reads the receipt from Flow.",
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": {
            "type": "object",
            "required": ["tenant"],
            "properties": {
                "action": { "enum": ["ORDER_SETTLED", "ORDER_RECEIPT_SETTLED"] },
                "tenant": { "type": "object", "required": ["Uid"], "properties": { "Uid": { "type": "string" } } },
                "store": named, "order": named, "orderReceipt": named
            }
        }
    })
}

fn schema(event: &str) -> Value {
    json!({ "$ref": format!("./{event}.schema.json") })
}

fn plain(event: &str) -> Value {
    json!({
        "name": event,
        "title": event,
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": schema(event),
        "bindings": { "amqp": { "messageType": event, "bindingVersion": BINDING } }
    })
}

fn in_envelope(event: &str) -> Value {
    let text = json!({ "type": "string", "minLength": 1 });
    json!({
        "name": enveloped(event),
        "title": format!("{event} as a CloudEvent"),
        "summary": "The same event in the structured JSON of CloudEvents 1.0; data_base64 may stand for data.",
        "contentType": "application/cloudevents+json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type"],
            "properties": {
                "specversion": { "const": "1.0" },
                "id": text, "source": text, "type": text,
                "datacontenttype": text,
                "data": schema(event),
                "data_base64": { "type": "string", "contentEncoding": "base64" }
            }
        },
        "bindings": { "amqp": { "messageType": event, "bindingVersion": BINDING } }
    })
}

fn dead_letter() -> Value {
    json!({
        "name": DEAD_LETTER,
        "title": "Dead letter",
        "summary": "A message as it came, byte by byte, with the reason in its headers.",
        "headers": { "allOf": [
            { "$ref": "#/components/schemas/headers" },
            { "type": "object", "required": [names::STAGE, names::REASON, names::ERROR] }
        ] },
        "payload": {},
        "bindings": { "amqp": { "bindingVersion": BINDING } }
    })
}

/// The headers that Bilag sets; of those it is sent, it keeps these and no others.
pub fn headers() -> Value {
    let text = |what: &str| json!({ "type": "string", "description": what });
    let number = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    let time = |what: &str| json!({ "type": "string", "format": "date-time", "description": what });
    json!({
        "type": "object",
        "properties": {
            names::ATTEMPT: number("Attempts spent so far."),
            names::STAGE: text("The stage that the message failed in."),
            names::REASON: text("Why it is a dead letter: a short stable code."),
            names::ERROR: text("The whole error chain, at most 4 KiB."),
            names::FIRST_FAILED_AT: time("When it failed first."),
            names::LAST_FAILED_AT: time("When it failed last."),
            names::TENANT: text("The tenant's uid."),
            names::RECEIPT: text("The receipt's uid."),
            names::OMS: text("The OMS that a package is of."),
            names::PACKAGE: text("The package's id there."),
            names::DEATH: text("Names this death, and no other: the dead letter's id."),
            names::SOURCE_KEY: text("The routing key that it had on the users' bus."),
            names::SOURCE_TYPE: text("The AMQP type that it had there."),
            names::SOURCE_TENANT: text("What its publisher's header `tenant` said there."),
            names::OPENED: text("Envelopes around it that are opened already: it is one event of a batch."),
            names::EDITED_FROM: text("The dead letter whose body an operator corrected: this is what was sent instead."),
            names::REDRIVEN: number("How often an operator sent it on again."),
            names::TRACEPARENT: text("W3C Trace Context.")
        }
    })
}
