//! From bytes to an event, or to the JSON path of what is wrong and what was expected there.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Why bytes are not the event. Names the place and what was expected, never the value that was
/// found: it may be anybody's personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecodable {
    /// Not JSON at all: what was expected, with line and column.
    NotJson {
        /// What went wrong, in a few words.
        problem: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but not the event.
    NotTheEvent {
        /// The JSON path; `$` is the whole body.
        path: String,
        /// What was expected there.
        expected: String,
    },
}

impl std::error::Error for Undecodable {}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { problem, line, column } => {
                write!(f, "the body is not JSON: {problem} at line {line}, column {column}")
            }
            Self::NotTheEvent { path, expected } => write!(f, "at {path}: expected {expected}"),
        }
    }
}

/// Reads one event from its body.
pub fn decode<E: DeserializeOwned>(body: &[u8]) -> Result<E, Undecodable> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let event = E::deserialize(serde_path_to_error::Deserializer::new(&mut deserializer, &mut track))
        .map_err(|error| explain(&error, &track.path().to_string(), body))?;
    deserializer.end().map_err(|error| explain(&error, "", body))?;
    Ok(event)
}

/// The tenant's and the receipt's uid, where they can be read from a body that is otherwise
/// refused: so that a dead letter can be found by its receipt.
pub fn receipt_uid(body: &[u8]) -> Option<(crate::Uid, crate::Uid)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope {
        tenant: HasUid,
        order_receipt: HasUid,
    }
    #[derive(Deserialize)]
    struct HasUid {
        uid: crate::Uid,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    Some((envelope.tenant.uid, envelope.order_receipt.uid))
}

fn explain(error: &serde_json::Error, path: &str, body: &[u8]) -> Undecodable {
    let not_json = |problem| Undecodable::NotJson { problem, line: error.line(), column: error.column() };
    match error.classify() {
        Category::Io => not_json("unreadable"),
        Category::Eof if body.iter().all(u8::is_ascii_whitespace) => not_json("the body is empty"),
        Category::Eof => not_json("it ends too early"),
        Category::Syntax => not_json(syntax_problem(&error.to_string(), body)),
        Category::Data => Undecodable::NotTheEvent {
            path: if path.is_empty() || path == "." { "$".to_owned() } else { path.to_owned() },
            expected: expectation(&error.to_string()),
        },
    }
}

fn syntax_problem(message: &str, body: &[u8]) -> &'static str {
    if message.starts_with("recursion limit exceeded") {
        "nested deeper than 128 levels"
    } else if message.starts_with("number out of range") {
        "a number out of range"
    } else if message.starts_with("trailing characters") {
        "something follows the event"
    } else if std::str::from_utf8(body).is_err() {
        "not UTF-8, or a mistake of syntax"
    } else {
        "a mistake of syntax"
    }
}

/// Serde's messages tell the value found and then what was expected; only the latter is kept. What
/// serde expected stands after the last `, expected `, whatever the value contained.
fn expectation(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(head, _)| head);
    if let Some((_, expected)) = message.rsplit_once(", expected ") {
        expected.to_owned()
    } else if let Some(member) = message.strip_prefix("missing field ") {
        format!("the member {member}, which is missing")
    } else if let Some(member) = message.strip_prefix("duplicate field ") {
        format!("the member {member} once, not twice")
    } else {
        "another kind of value".to_owned()
    }
}
