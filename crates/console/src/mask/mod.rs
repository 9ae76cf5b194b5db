//! What viewers see of what is personal: nothing.
//!
//! The mask is a list of what is shown. A member that is not on it is withheld, so that one which the
//! events get tomorrow, or which a till adds on its own, shows nobody's name.

mod members;
mod told;

use serde_json::{Map, Value};

use members::{Members, SHOWN};

pub(crate) use told::Told;

/// Stands for a value that is not shown.
pub(crate) const WITHHELD: &str = "•••";

/// Names how many members stood there whose very names are not known.
const OTHERS: &str = "(other members)";

/// A body without what is personal, and without an envelope of CloudEvents; `None` where it is no JSON
/// object, of which nothing can be known.
pub(crate) fn body(body: &[u8]) -> Option<Value> {
    match serde_json::from_str(events::plain(&events::legible(body)).ok()?.get()) {
        Ok(Value::Object(object)) => Some(members(object, &SHOWN)),
        _ => None,
    }
}

fn members(object: Map<String, Value>, known: &Members) -> Value {
    let mut shown = Map::new();
    let mut others = 0_usize;
    for (name, value) in object {
        match known.get(&name) {
            Some(known) => {
                shown.insert(name, self::value(value, known));
            }
            None => others += 1,
        }
    }
    if others > 0 {
        shown.insert(OTHERS.to_owned(), Value::from(format!("{others} withheld")));
    }
    Value::Object(shown)
}

fn value(value: Value, known: &Member) -> Value {
    match (value, known) {
        (Value::Null, _) => Value::Null,
        (Value::Array(values), known) => {
            Value::Array(values.into_iter().map(|value| self::value(value, known)).collect())
        }
        (Value::Object(object), Member::Within(known)) => members(object, known),
        (value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)), Member::Shown) => value,
        _ => Value::from(WITHHELD),
    }
}

/// What is known of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Member {
    /// Its value is shown: a text, a number, or a list of such.
    Shown,
    /// Its name is, its value is not.
    Withheld,
    /// It is an object, or a list of such, with these members.
    Within(&'static Members),
}

/// Headers that are ours and say nothing of a person.
const HEADERS: [&str; 13] = [
    "x-bilag-attempt",
    "x-bilag-stage",
    "x-bilag-reason",
    "x-bilag-death",
    "x-bilag-first-failed-at",
    "x-bilag-last-failed-at",
    "x-bilag-tenant",
    "x-bilag-receipt",
    "x-bilag-oms",
    "x-bilag-package",
    "x-bilag-redriven",
    "x-bilag-edited-from",
    "traceparent",
];

/// A header's value without what is personal; the error as [`error`] has it.
pub(crate) fn header(name: &str, value: &str) -> String {
    match name {
        amqp::header_names::ERROR => error(value),
        name if HEADERS.contains(&name) => value.to_owned(),
        _ => WITHHELD.to_owned(),
    }
}

/// An error without what is personal: what a foreign service answered is left out, as it may repeat
/// what it was sent, and so are quoted values and everything with a digit in it.
pub(crate) fn error(error: &str) -> String {
    match error.split_once(" answered ") {
        Some((before, after)) => {
            let status: String = after.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("{} answered {status} ({WITHHELD})", sync_store::cause(before))
        }
        None => sync_store::cause(error.split(": \"").next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
