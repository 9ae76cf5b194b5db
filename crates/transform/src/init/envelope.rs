//! Envelopes of samples, told by their members.

use serde_json::Value;

/// The names of the envelopes, outermost first, as `unwrap` lists them.
pub(super) fn of(message: &Value) -> Vec<&'static str> {
    let (mut names, mut inner) = (Vec::new(), message.clone());
    while let Some((name, events)) = outermost(&inner) {
        names.push(name);
        match events.into_iter().next() {
            Some(event) => inner = event,
            None => break,
        }
    }
    names
}

/// The events within.
pub(super) fn open(message: &Value) -> Vec<Value> {
    match outermost(message) {
        Some((_, events)) => events.iter().flat_map(open).collect(),
        None => vec![message.clone()],
    }
}

fn outermost(message: &Value) -> Option<(&'static str, Vec<Value>)> {
    let has = |keys: &[&str]| keys.iter().all(|key| message.get(key).is_some());
    let one = |name, key: &str| Some((name, vec![text_or_value(message.get(key)?)]));
    match message {
        Value::Array(events) => Some(("batch", events.clone())),
        Value::String(text) => Some(("json-string", vec![serde_json::from_str(text).ok()?])),
        _ if has(&["specversion", "data"]) => one("cloudevents", "data"),
        _ if has(&["messageType", "message"]) => one("masstransit", "message"),
        _ if has(&["Type", "Message"]) && message["Type"] == "Notification" => one("sns", "Message"),
        _ if has(&["pattern", "data"]) => one("nestjs", "data"),
        _ if has(&["schema", "payload"]) || (has(&["payload"]) && message.as_object()?.len() == 1) => {
            one("debezium", "payload")
        }
        _ => None,
    }
}

fn text_or_value(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| value.clone())
}

/// The arrays of objects in a message, as jq has them.
pub(super) fn arrays(message: &Value) -> Vec<String> {
    let (_, tables) = super::table::tables(&open(message));
    tables.iter().map(super::table::Table::each).collect()
}
