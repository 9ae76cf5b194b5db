//! What an event says of itself, before anything else of it is read.

use serde_json::Value;

use crate::decode::value_of;
use crate::{Undecodable, plain};

/// An event's type and id, where it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its type, as in `receipt.settled.v1` or `package.status.packed`.
    pub kind: Option<String>,
    /// What tells it from other events.
    pub id: Option<String>,
}

/// The most characters of either: more is no name, and fits no property of a message.
const MOST: usize = 200;

/// Reads type and id of any event: the till's and Bilag's own have them at the top, Akinon's in their
/// head. An envelope's own count where the event inside has none.
///
/// # Errors
/// The body is not JSON, or an envelope around something else.
pub fn named(body: &[u8]) -> Result<Named, Undecodable> {
    let inside: Value = serde_json::from_str(plain(body)?.get()).unwrap_or_default();
    let outside: Value = serde_json::from_str(value_of(body)?.get()).unwrap_or_default();
    let text = |json: &Value, pointer: &str| {
        let text = json.pointer(pointer)?.as_str()?;
        let fits = (1..=MOST).contains(&text.len()) && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    };
    let first = |at_the_top: &str, in_the_head: &str| {
        text(&inside, at_the_top)
            .or_else(|| text(&inside, in_the_head))
            .or_else(|| text(&outside, at_the_top))
    };
    Ok(Named { kind: first("/type", "/event/type"), id: first("/id", "/event/uuid") })
}
