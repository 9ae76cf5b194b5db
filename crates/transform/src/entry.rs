//! One transform: which messages it is for, and what it makes of them.

use std::fmt;

use jaq_core::ValT;
use sha2::{Digest, Sha256};

use crate::envelope::{self, Envelope, MOST_MEMBERS};
use crate::filter::{Failed, Filter};
use crate::json::{self, NotJson};
use crate::meter::{Limit, metered};
use crate::pattern::Pattern;
use crate::place::{Key, Place};
use crate::val::{self, Kind, Object, Val};

/// A message, as a transform sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    /// The routing key that its publisher gave it.
    pub key: &'a str,
    /// AMQP's property `type`.
    pub kind: Option<&'a str>,
    /// AMQP's property `message_id`.
    pub id: Option<&'a str>,
    /// Its tenant, as its header `tenant` says.
    pub tenant: Option<&'a str>,
    /// So many envelopes are opened already: it is one event of a batch.
    pub opened: usize,
    /// Its body, without content encoding.
    pub body: &'a [u8],
}

/// Which event a transform makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// `receipt.settled.v1`.
    Receipt,
    /// `package.status.packed`.
    Packed,
    /// `package.status.packed_for_refund`.
    PackedForRefund,
}

impl Makes {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Receipt, Self::Packed, Self::PackedForRefund];

    /// The event's type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt.settled.v1",
            Self::Packed => "package.status.packed",
            Self::PackedForRefund => "package.status.packed_for_refund",
        }
    }
}

impl fmt::Display for Makes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One transform of the file.
#[derive(Debug)]
pub struct Entry {
    /// Names it in errors and measurements.
    pub name: String,
    /// The line of the file that it begins on.
    pub line: usize,
    pub(crate) key: Option<Pattern>,
    pub(crate) kind: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) unwrap: Vec<Envelope>,
    /// What it makes.
    pub makes: Makes,
    pub(crate) filter: Option<Filter>,
}

/// What a transform makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// The event, as JSON.
    Event(Vec<u8>),
    /// Nothing: the filter has no output.
    Nothing,
    /// The bodies of the messages that a batch is split into. So many envelopes are opened then.
    Batch {
        /// Each event's body.
        bodies: Vec<Vec<u8>>,
        /// For [`Source::opened`].
        opened: usize,
    },
}

/// Why a transform makes nothing of a message. Names places and types, never a value of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("transform `{name}`: {problem}")]
pub struct TransformError {
    /// The transform.
    pub name: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a message, or with what a filter makes of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body is not JSON.
    #[error("the body is {0}")]
    NotJson(NotJson),
    /// The body is not text.
    #[error("the body is not UTF-8")]
    NotText,
    /// An envelope is not there, or not as it should be.
    #[error("the envelope {envelope}: {problem}")]
    Envelope {
        /// Which.
        envelope: Envelope,
        /// What is wrong with it.
        problem: String,
    },
    /// The filter fails.
    #[error("the filter fails: {0}")]
    Filter(String),
    /// The filter has several outputs.
    #[error("the filter makes several events of one message: a batch is split by unwrap = [\"batch\"]")]
    Several,
    /// The filter's output is no object.
    #[error("the filter makes no object: {0}")]
    NoObject(String),
    /// The batch has too many events.
    #[error("the batch has {0} events, more than the {MOST_MEMBERS} that are read of one message")]
    LargeBatch(usize),
    /// The filter takes more than it may.
    #[error("the filter is stopped: {0}")]
    Limit(Limit),
}

impl Entry {
    /// Whether it is for this message.
    pub(crate) fn is_for(&self, source: &Source<'_>) -> bool {
        self.key.as_ref().is_none_or(|key| key.matches(source.key)) && self.is_for_any_key(source)
    }

    /// The same, whatever the message's key.
    pub fn is_for_any_key(&self, source: &Source<'_>) -> bool {
        self.kind.as_deref().is_none_or(|kind| source.kind == Some(kind))
            && self.tenant.as_deref().is_none_or(|tenant| source.tenant == Some(tenant))
    }

    /// Whether messages that are bound by this key can be for it.
    pub fn overlaps(&self, binding: &str) -> bool {
        self.key.as_ref().is_none_or(|key| key.overlaps(binding))
    }

    /// What it makes of a message.
    ///
    /// # Errors
    /// The message is not what the transform is for, or its filter fails.
    pub fn apply(&self, source: &Source<'_>) -> Result<Made, TransformError> {
        self.metered(source).map(|(made, _)| made)
    }

    /// The same, with the steps that it took.
    ///
    /// # Errors
    /// Those of [`apply`](Self::apply).
    pub fn metered(&self, source: &Source<'_>) -> Result<(Made, u64), TransformError> {
        self.within_limits(|| match self.made(source)? {
            Output::Event(event) => Ok(Made::Event(val::write(&event).into_bytes())),
            Output::Nothing => Ok(Made::Nothing),
            Output::Batch { bodies, opened } => Ok(Made::Batch { bodies, opened }),
        })
    }

    /// Where in the source a member of the event comes from, by its path as errors name it. `None` where the
    /// filter made it up, or where nobody knows.
    pub fn source_of(&self, source: &Source<'_>, path: &str) -> Option<String> {
        let place = self.within_limits(|| {
            let Output::Event(event) = self.made(source)? else { return Ok(None) };
            Ok(value_at(event, path).and_then(|value| value.place.path()))
        });
        place.ok()?.0
    }

    fn within_limits<T>(
        &self,
        work: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<(T, u64), TransformError> {
        let failed = |problem| TransformError { name: self.name.clone(), problem };
        match metered(work) {
            Ok((Ok(made), steps)) => Ok((made, steps)),
            Ok((Err(problem), _)) => Err(failed(problem)),
            Err(limit) => Err(failed(Problem::Limit(limit))),
        }
    }

    fn made(&self, source: &Source<'_>) -> Result<Output, Problem> {
        let root = Place::start();
        let text = std::str::from_utf8(source.body).map_err(|_| Problem::NotText)?;
        let unwrap = self.unwrap.get(source.opened..).unwrap_or_default();
        let mut value = match json::read(text, root) {
            Ok(value) => value,
            Err(error) => {
                let lines = if unwrap.first() == Some(&Envelope::Batch) { json::lines(text) } else { None };
                let bodies = lines.ok_or(Problem::NotJson(error))?;
                return batch(bodies, source.opened + 1);
            }
        };
        let whole = value.clone();
        for (i, envelope) in unwrap.iter().enumerate() {
            let failed = |problem| Problem::Envelope { envelope: *envelope, problem };
            if *envelope == Envelope::Batch {
                let members = envelope::members(value).map_err(failed)?;
                let bodies = members.iter().map(|member| val::write(member).into_bytes()).collect();
                return batch(bodies, source.opened + i + 1);
            }
            value = envelope::open(*envelope, value).map_err(failed)?;
        }
        let Some(filter) = &self.filter else { return self.event(value, source).map(Output::Event) };
        match filter.run(value, [whole, message(source)]) {
            Ok(Some(event)) => self.event(event, source).map(Output::Event),
            Ok(None) => Ok(Output::Nothing),
            Err(Failed::Several) => Err(Problem::Several),
            Err(Failed::Error(text)) => Err(Problem::Filter(text)),
        }
    }

    /// The event, with what a filter may leave out of it.
    fn event(&self, event: Val, source: &Source<'_>) -> Result<Val, Problem> {
        let Kind::Object(object) = &event.kind else { return Err(Problem::NoObject(event.to_string())) };
        let mut object = Object::clone(object);
        let id = || match source.id {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("sha256:{}", hex::encode(&Sha256::digest(source.body)[..16])),
        };
        let text = |text: String| Val::text(text, Place::FILTER);
        match self.makes {
            Makes::Receipt => {
                object.supply("type", || Some(text(self.makes.name().to_owned())));
                object.supply("id", || Some(text(id())));
                let settled_at = value_at(event.clone(), "orderReceipt.settledAt");
                let settled_at = settled_at.filter(|value| !matches!(value.kind, Kind::Null(_)));
                object.supply("occurredAt", || settled_at);
            }
            Makes::Packed | Makes::PackedForRefund => {
                let mut head = match object.members.get("event").map(|head| &head.kind) {
                    Some(Kind::Object(head)) => Object::clone(head),
                    _ => Object::default(),
                };
                head.supply("type", || Some(text(self.makes.name().to_owned())));
                head.supply("uuid", || Some(text(id())));
                object.insert("event".into(), Val::object(head, Place::MIXED));
            }
        }
        Ok(Val::object(object, event.place))
    }
}

/// What comes of a message, with the places of its values.
enum Output {
    Event(Val),
    Nothing,
    Batch { bodies: Vec<Vec<u8>>, opened: usize },
}

fn batch(bodies: Vec<Vec<u8>>, opened: usize) -> Result<Output, Problem> {
    match bodies.len() {
        0..=MOST_MEMBERS => Ok(Output::Batch { bodies, opened }),
        count => Err(Problem::LargeBatch(count)),
    }
}

/// `$message`.
fn message(source: &Source<'_>) -> Val {
    let root = Place::root("$message");
    let mut object = Object::default();
    let members =
        [("key", Some(source.key)), ("type", source.kind), ("id", source.id), ("tenant", source.tenant)];
    for (name, value) in members {
        let place = root.within(|| Key::Member(name.into()));
        object.insert(
            name.into(),
            value.map_or(Val::new(Kind::Null(0), place), |value| Val::text(value, place)),
        );
    }
    Val::object(object, root)
}

/// The value at a path as errors name it: `orderReceipt.items[0].total`, `$`, `$[0]`.
fn value_at(value: Val, path: &str) -> Option<Val> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    parts.into_iter().try_fold(value, |value, part| {
        let index = match part.strip_suffix(']') {
            Some(index) => Val::from(index.parse::<usize>().ok()?),
            None => Val::from(part.to_owned()),
        };
        value.index(&index).ok()
    })
}
