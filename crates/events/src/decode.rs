//! From bytes to an event, or to the JSON path of what is wrong and what was expected there.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::encoding::MAX_EVENT;
use crate::foreign::{self, Foreign};
use crate::node::Node;
use crate::refusal::{Fault, Refusal};
use crate::refused::{Added, Refused};
use crate::{Uid, envelope};

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
        /// Column in bytes, from 1.
        column: usize,
    },
    /// No JSON, but recognized: compressed, of another encoding, of another format.
    OtherFormat(Foreign),
    /// JSON that is recognized: another system's envelope, or several events.
    OtherEnvelope(Foreign),
    /// JSON, but not the event: everything that is wrong with its shape, or the beginning of it.
    NotTheEvent(Vec<Fault>),
}

/// So many faults are reported: an event of a thousand lines may have one in each.
const MOST_TOLD: usize = 12;

impl Undecodable {
    /// The same, each fault of the event with what is to be said of its path in parentheses.
    pub fn annotated(mut self, note: impl Fn(&str) -> Option<String>) -> Self {
        if let Self::NotTheEvent(faults) = &mut self {
            for Fault { path, expected } in faults.iter_mut().take(MOST_TOLD) {
                if let Some(note) = note(path) {
                    *expected = format!("{expected} ({note})");
                }
            }
        }
        self
    }
}

impl std::error::Error for Undecodable {}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { problem, line, column } => {
                write!(f, "the body is not JSON: {problem} at line {line}, column {column}")
            }
            Self::OtherFormat(foreign) | Self::OtherEnvelope(foreign) => foreign.fmt(f),
            Self::NotTheEvent(faults) => {
                for (i, fault) in faults.iter().take(MOST_TOLD).enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}{fault}")?;
                }
                f.write_str(if faults.len() > MOST_TOLD { "; and more" } else { "" })
            }
        }
    }
}

impl From<Refusal> for Undecodable {
    fn from(refusal: Refusal) -> Self {
        Self::NotTheEvent(vec![refusal.into()])
    }
}

/// [`decode`](crate::decode) to a type of one's own. Where it is called, the reader is compiled once more.
///
/// # Errors
/// As there.
pub fn decode_as<E: DeserializeOwned>(body: &[u8]) -> Result<E, Undecodable> {
    let body = value_of(body)?;
    read(body).map_err(|refusal| match foreign::of_json(body) {
        Some(foreign) => Undecodable::OtherEnvelope(foreign),
        None => not_the_event::<E>(body).unwrap_or_else(|| refusal.into()),
    })
}

/// [`decoded`](crate::decoded) to a type of one's own.
pub(crate) fn decoded_as<E: DeserializeOwned>(body: &[u8]) -> Option<E> {
    read(json(body).ok()?).ok()
}

/// See [`crate::unknown_members`].
pub(crate) fn unknown_members_of<E: DeserializeOwned>(body: &[u8]) -> Option<Vec<String>> {
    let content = envelope::open(json(body).ok()?).ok()?;
    let mut unknown = Vec::new();
    let note = |path: serde_ignored::Path<'_>| {
        let path = path_of(&path);
        if !unknown.contains(&path) {
            unknown.push(path);
        }
    };
    serde_ignored::deserialize::<_, _, E>(Node::new(&content.value), note).ok()?;
    Some(unknown)
}

fn path_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, .. } => format!("{}[]", path_of(parent)),
        Path::Map { parent: Path::Root, key } => key.clone(),
        Path::Map { parent, key } => format!("{}.{key}", path_of(parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            path_of(parent)
        }
    }
}

fn read<E: DeserializeOwned>(body: &RawValue) -> Result<E, Refusal> {
    let content = envelope::open(body)?;
    E::deserialize(Node::new(&content.value)).map_err(|refusal| content.outside(refusal))
}

/// All that is wrong with what is in an envelope; `None` where that itself is refused. Of what is larger than
/// an event, which is not read again and again, only the first.
fn not_the_event<E: DeserializeOwned>(body: &RawValue) -> Option<Undecodable> {
    let content = envelope::open(body).ok()?;
    let most = if content.value.get().len() > MAX_EVENT { 1 } else { MOST_TOLD + 1 };
    let faults = faults::<E>(&content.value, most);
    Some(Undecodable::NotTheEvent(faults.into_iter().map(|fault| content.outside(fault).into()).collect()))
}

/// Everything that is refused in a value that is not `E`, in the order in which it is met; at most `most`.
fn faults<E: DeserializeOwned>(value: &RawValue, most: usize) -> Vec<Refusal> {
    let (mut refused, mut found) = (Refused::default(), Vec::new());
    while found.len() < most {
        let Err(refusal) = E::deserialize(Node::without(value, &refused)) else { break };
        let path: Vec<String> = refusal.parts().map(str::to_owned).collect();
        if path.is_empty() {
            // The whole is refused: there is nothing more to be learnt.
            found.push(refusal);
            break;
        }
        match refused.add(&path) {
            Added::New => found.push(refusal),
            Added::OtherStandIn => {}
            // No stand-in is taken: what comes after this place stays unread.
            Added::NoStandIn => break,
        }
    }
    found
}

/// The event as it would be carried plain: the body itself, or what is in its envelope of CloudEvents.
///
/// # Errors
/// The body is not JSON, or an envelope around something else.
pub fn plain(body: &[u8]) -> Result<Cow<'_, RawValue>, Undecodable> {
    Ok(envelope::open(value_of(body)?)?.value)
}

/// Whether a body is an envelope of CloudEvents around an event.
pub fn is_enveloped(body: &[u8]) -> bool {
    let content = |body| Some(envelope::open(value_of(body).ok()?).ok()?.member.is_some());
    content(body).unwrap_or(false)
}

/// Whose envelope a body is, or which other JSON that holds an event.
pub fn foreign(body: &[u8]) -> Option<Foreign> {
    foreign::of_json(value_of(body).ok()?)
}

/// The body as JSON, envelope and all.
pub(crate) fn value_of(body: &[u8]) -> Result<&RawValue, Undecodable> {
    json(body).map_err(|error| foreign::of_bytes(body).map_or(error, Undecodable::OtherFormat))
}

fn json(body: &[u8]) -> Result<&RawValue, Undecodable> {
    let text = utf8(body)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).map_err(|error| not_json(&error, text))
}

/// The tenant's and the receipt's uid, where they can be read from a body that is otherwise
/// refused: so that a dead letter can be found by its receipt.
pub fn receipt_uid(body: &[u8]) -> Option<(Uid, Uid)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Envelope {
        tenant: HasUid,
        order_receipt: HasUid,
    }
    #[derive(Deserialize)]
    struct HasUid {
        uid: Uid,
    }
    let envelope: Envelope = decoded_as(body)?;
    Some((envelope.tenant.uid, envelope.order_receipt.uid))
}

fn utf8(body: &[u8]) -> Result<&str, Undecodable> {
    std::str::from_utf8(body).map_err(|error| {
        let before = &body[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        Undecodable::NotJson { problem: "not UTF-8", line, column }
    })
}

fn not_json(error: &serde_json::Error, text: &str) -> Undecodable {
    let problem = match error.classify() {
        _ if text.trim_ascii().is_empty() => "the body is empty",
        Category::Eof => "it ends too early",
        _ if error.to_string().starts_with("trailing characters") => "something follows the event",
        _ => "a mistake of syntax",
    };
    // An empty text has no line 1 for the parser; for a person it has.
    Undecodable::NotJson { problem, line: error.line().max(1), column: error.column().max(1) }
}
