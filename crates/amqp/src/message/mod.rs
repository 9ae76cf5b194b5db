//! A message as a handler meets it, and one that it wants published.

pub(crate) mod delivery_count;
pub(crate) mod header;
mod origin;
mod provenance;

pub use origin::Origin;

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::topology::{DEAD, EVENTS};
use crate::{Failure, Reason};
use delivery_count::delivered_in_vain;
use header::{Headers, names, number, text};
use provenance::distrust;

/// A message that was delivered.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its body, untouched.
    pub body: Bytes,
    /// The exchange it was published to last.
    pub exchange: String,
    /// Its routing key there.
    pub routing_key: String,
    pub(crate) properties: BasicProperties,
    /// How often it was delivered before without an end.
    pub(crate) in_vain: u64,
    /// See [`Message::id`]; to make one takes a hash of the body, and several layers ask for it.
    pub(crate) id: OnceLock<String>,
}

/// What a message is about: whose it is, and its id there. Only both together identify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The headers that say so, each with its value.
    headers: [(&'static str, String); 2],
}

impl Subject {
    /// A subject by the headers that name its owner and its id: one of [`names::SUBJECTS`].
    pub fn new(names: [&'static str; 2], owner: impl Into<String>, id: impl Into<String>) -> Self {
        Self { headers: [(names[0], owner.into()), (names[1], id.into())] }
    }

    /// Owner and id, where it is named by these headers.
    pub fn named(&self, names: [&str; 2]) -> Option<(&str, &str)> {
        let [(owner_name, owner), (id_name, id)] = &self.headers;
        (names == [*owner_name, *id_name]).then_some((owner, id))
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(_, owner), (_, id)] = &self.headers;
        write!(f, "{owner}/{id}")
    }
}

/// A message to be published.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where to.
    pub exchange: String,
    /// With which key.
    pub routing_key: String,
    /// Identifies the message; the same whenever the same thing is said again.
    pub message_id: String,
    /// The event's type.
    pub kind: String,
    /// The body, JSON.
    pub body: Bytes,
    /// What it is about.
    pub subject: Option<Subject>,
}

impl Outgoing {
    /// An event of ours, of this type.
    ///
    /// # Errors
    /// It cannot be written as JSON: a defect of ours, and nothing that its publisher could change.
    pub fn json(
        kind: &str,
        routing_key: String,
        identity: &[&str],
        event: &impl Serialize,
    ) -> Result<Self, Failure> {
        let body =
            serde_json::to_vec(event).map_err(|error| Failure::reject(Reason::UNSERIALIZABLE, error))?;
        Ok(Self::event(kind, routing_key, identity, body))
    }

    /// An event of the chain. `identity` is what the event is about; the same identity makes the
    /// same message id.
    pub fn event(kind: &str, routing_key: String, identity: &[&str], body: impl Into<Bytes>) -> Self {
        let mut hash = Sha256::new();
        for part in identity {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        Self {
            exchange: EVENTS.to_owned(),
            routing_key,
            message_id: format!("{kind}:{}", hex::encode(&hash.finalize()[..12])),
            kind: kind.to_owned(),
            body: body.into(),
            subject: None,
        }
    }

    /// Says what it is about.
    pub fn about(self, subject: Subject) -> Self {
        Self { subject: Some(subject), ..self }
    }
}

impl Message {
    pub(crate) fn of(delivery: &mut Delivery) -> Self {
        Self {
            in_vain: delivered_in_vain(delivery),
            body: Bytes::from(std::mem::take(&mut delivery.data)),
            exchange: delivery.exchange.as_str().to_owned(),
            routing_key: delivery.routing_key.as_str().to_owned(),
            properties: distrust(delivery.exchange.as_str(), std::mem::take(&mut delivery.properties)),
            id: OnceLock::new(),
        }
    }

    /// One that was delivered with this body and nothing else.
    #[cfg(test)]
    pub(crate) fn plain(body: &'static str) -> Self {
        let (exchange, routing_key) = (EVENTS.to_owned(), "a-key".to_owned());
        let properties = BasicProperties::default();
        Self { body: body.into(), exchange, routing_key, properties, in_vain: 0, id: OnceLock::new() }
    }

    /// The id its publisher gave it, else one made of its body: so that a message is the same
    /// message however often it comes.
    pub fn id(&self) -> String {
        let id = self.id.get_or_init(|| match self.properties.message_id() {
            Some(id) if !id.as_str().is_empty() => id.as_str().to_owned(),
            _ => format!("sha256:{}", hex::encode(&Sha256::digest(&self.body)[..16])),
        });
        id.clone()
    }

    /// The type its publisher gave it.
    pub fn kind(&self) -> Option<&str> {
        self.properties.kind().as_ref().map(|kind| kind.as_str())
    }

    /// The content encoding its publisher gave it.
    pub fn content_encoding(&self) -> Option<&str> {
        self.properties.content_encoding().as_ref().map(|encoding| encoding.as_str())
    }

    /// A header's text.
    pub fn header_text(&self, name: &str) -> Option<String> {
        text(self.table(), name)
    }

    /// A header's number.
    pub fn header_number(&self, name: &str) -> Option<i64> {
        number(self.table(), name)
    }

    /// Attempts spent so far.
    pub fn attempt(&self) -> u32 {
        self.header_number(names::ATTEMPT).and_then(|spent| u32::try_from(spent).ok()).unwrap_or(0)
    }

    /// When it was first published, where it says: the earlier of its publisher's timestamp and its first failure,
    /// which retries and redriving both keep. A timestamp of 0 says nothing.
    pub fn published_at(&self) -> Option<DateTime<Utc>> {
        let stamp = self.properties.timestamp().filter(|seconds| *seconds > 0);
        let stamp = stamp.and_then(|seconds| DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0));
        let failed = self.header_text(names::FIRST_FAILED_AT);
        let failed = failed.and_then(|time| Some(DateTime::parse_from_rfc3339(&time).ok()?.to_utc()));
        stamp.into_iter().chain(failed).min()
    }

    /// What it is about, where its headers say so.
    pub fn subject(&self) -> Option<Subject> {
        names::SUBJECTS.into_iter().find_map(|[owner, id]| {
            Some(Subject::new([owner, id], self.header_text(owner)?, self.header_text(id)?))
        })
    }

    /// Whether it was a dead letter that somebody has sent on again.
    pub fn was_dead(&self) -> bool {
        let headers = self.table().inner();
        [names::REASON, names::REDRIVEN].iter().any(|name| headers.contains_key(*name))
    }

    /// What its headers say of its death, be it ours or the broker's own dead-lettering.
    pub fn letter(&self) -> DeadLetter {
        let ours = DeadLetter {
            stage: self.header_text(names::STAGE).unwrap_or_else(|| self.routing_key.clone()),
            reason: self.header_text(names::REASON).unwrap_or_default(),
            error: self.header_text(names::ERROR).unwrap_or_default(),
            first_failed_at: self.header_text(names::FIRST_FAILED_AT),
            last_failed_at: self.header_text(names::LAST_FAILED_AT),
        };
        match self.broker_death() {
            Some((reason, time)) if self.exchange == DEAD && ours.reason.is_empty() => DeadLetter {
                stage: self.routing_key.clone(),
                error: format!("dead-lettered by the broker: {reason}"),
                reason,
                last_failed_at: time,
                ..ours
            },
            _ => ours,
        }
    }

    /// Reason and time of the broker's own dead-lettering.
    fn broker_death(&self) -> Option<(String, Option<String>)> {
        let death = last_death(self.table())?;
        let time = match death.inner().get("time") {
            Some(AMQPValue::Timestamp(seconds)) => i64::try_from(*seconds).ok(),
            _ => None,
        };
        let time = time.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        Some((text(death, "reason")?, time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true))))
    }

    /// All headers with their values as text, for people to read.
    pub fn headers_for_people(&self) -> Vec<(String, String)> {
        self.table().inner().iter().map(|(name, value)| (name.as_str().to_owned(), shown(value))).collect()
    }

    /// Headers that may be passed on. What the broker noted of a death is put into our own words,
    /// because its own must stay behind.
    pub(crate) fn kept_headers(&self) -> Headers {
        let mut headers = Headers::kept(self.table());
        if self.exchange == DEAD {
            let letter = self.letter();
            headers.set_text(names::STAGE, letter.stage);
            headers.set_text(names::REASON, letter.reason);
            headers.set_text(names::ERROR, letter.error);
            if let Some(time) = letter.last_failed_at {
                headers.set_text(names::LAST_FAILED_AT, time);
            }
        }
        if let Some(origin) = self.origin() {
            origin.set(&mut headers);
        }
        headers
    }

    /// Properties that may be passed on. `expiration`, `user_id`, `reply_to`, priority and the like
    /// stay behind: they would expire the message, or close the channel.
    pub(crate) fn kept_properties(&self, id: &str) -> BasicProperties {
        let from = &self.properties;
        let mut to = BasicProperties::default().with_message_id(ShortString::from(id));
        if let Some(kind) = from.kind() {
            to = to.with_type(kind.clone());
        }
        if let Some(content_type) = from.content_type() {
            to = to.with_content_type(content_type.clone());
        }
        if let Some(encoding) = from.content_encoding() {
            to = to.with_content_encoding(encoding.clone());
        }
        if let Some(timestamp) = from.timestamp() {
            to = to.with_timestamp(*timestamp);
        }
        to
    }

    /// Headers and properties of one of the messages that this one holds, the first of which is 0.
    pub(crate) fn part(&self, index: usize, opened: u16) -> BasicProperties {
        let mut headers = Headers::default();
        for name in [names::TRACEPARENT, names::EDITED_FROM] {
            if let Some(text) = self.header_text(name) {
                headers.set_text(name, text);
            }
        }
        if let Some(redriven) = self.header_number(names::REDRIVEN) {
            headers.set_number(names::REDRIVEN, redriven);
        }
        if let Some(origin) = self.origin() {
            Origin { opened, ..origin }.set(&mut headers);
        }
        let id = match self.id() {
            id if id.len() < MAX_PART_OF => id,
            id => format!("sha256:{}", hex::encode(&Sha256::digest(id)[..16])),
        };
        // The body is plain, whatever that around it was.
        let properties = self.kept_properties(&format!("{id}/{index}")).with_content_encoding("".into());
        properties.with_headers(headers.to_table())
    }

    fn table(&self) -> &FieldTable {
        static NONE: OnceLock<FieldTable> = OnceLock::new();
        self.properties.headers().as_ref().unwrap_or_else(|| NONE.get_or_init(FieldTable::default))
    }
}

/// The longest id that an index is added to: AMQP has room for 255 bytes.
const MAX_PART_OF: usize = 200;

/// The broker's note of when it last dead-lettered the message: the first entry of `x-death`.
pub(crate) fn last_death(table: &FieldTable) -> Option<&FieldTable> {
    let AMQPValue::FieldArray(deaths) = table.inner().get("x-death")? else { return None };
    let AMQPValue::FieldTable(death) = deaths.as_slice().first()? else { return None };
    Some(death)
}

/// What a dead letter's headers say of its death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stage it died in.
    pub stage: String,
    /// Why: a short stable code.
    pub reason: String,
    /// The whole error chain.
    pub error: String,
    /// When it failed first (RFC 3339).
    pub first_failed_at: Option<String>,
    /// When it failed last (RFC 3339).
    pub last_failed_at: Option<String>,
}

/// What [`names::DEATH`] says: half of a random UUID.
pub(crate) fn death_id() -> String {
    hex::encode(&Uuid::new_v4().as_bytes()[..8])
}

fn is_death_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Names one dead letter: the same for the message in its dead-letter queue and for its copy in the
/// index, however often either is delivered. What we dead-letter is given a name of its own. What the
/// broker gives up, and what older versions dead-lettered, is known by what it is: copies that die in the
/// same second, or millisecond, are one dead letter then.
pub fn dead_letter_id(message: &Message) -> String {
    if let Some(death) = message.header_text(names::DEATH).filter(|death| is_death_id(death)) {
        return death;
    }
    let letter = message.letter();
    let mut hash = Sha256::new();
    for part in [&letter.stage, &message.id(), &letter.reason, &letter.last_failed_at.unwrap_or_default()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(&message.body);
    hex::encode(&hash.finalize()[..8])
}

fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::Timestamp(seconds) => seconds.to_string(),
        AMQPValue::FieldArray(values) => {
            format!("[{}]", values.as_slice().iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        AMQPValue::FieldTable(table) => {
            let members = table.inner().iter().map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => {
            let mut table = FieldTable::default();
            table.insert("value".into(), other.clone());
            number(&table, "value").map_or_else(|| "(binary)".to_owned(), |number| number.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_published_by_timestamp_or_first_failure() {
        let at = |stamp: Option<u64>, failed: Option<&str>| {
            let mut headers = Headers::default();
            if let Some(time) = failed {
                headers.set_text(names::FIRST_FAILED_AT, time);
            }
            let mut message = Message::plain("{}");
            message.properties = BasicProperties::default().with_headers(headers.to_table());
            if let Some(seconds) = stamp {
                message.properties = message.properties.with_timestamp(seconds);
            }
            // As it is after a retry.
            message.properties =
                message.kept_properties("id").with_headers(message.kept_headers().to_table());
            message.published_at().map(|time| time.timestamp())
        };
        let (failed, seconds) = ("2026-11-02T12:00:00.000Z", 1_793_620_800);
        assert_eq!(at(Some(100), None), Some(100));
        assert_eq!(at(None, Some(failed)), Some(seconds));
        assert_eq!(at(Some(seconds_before(seconds)), Some(failed)), Some(seconds - 60));
        assert_eq!(at(Some(u64::MAX), Some(failed)), Some(seconds));
        assert_eq!(at(Some(0), Some("yesterday")), None);
        assert_eq!(at(None, None), None);
    }

    fn seconds_before(seconds: i64) -> u64 {
        u64::try_from(seconds - 60).expect("after 1970")
    }
}
