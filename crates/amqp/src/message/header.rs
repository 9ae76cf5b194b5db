//! Message headers: the names, and a table that never grows too large for a frame.

use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::Subject;

/// The names of our headers.
pub mod names {
    /// Attempts spent so far (integer).
    pub const ATTEMPT: &str = "x-bilag-attempt";
    /// The stage that the message failed in.
    pub const STAGE: &str = "x-bilag-stage";
    /// Why it is a dead letter: a short stable code.
    pub const REASON: &str = "x-bilag-reason";
    /// The whole error chain, at most 4 KiB.
    pub const ERROR: &str = "x-bilag-error";
    /// Names this death, and no other: the dead letter's id (16 hexadecimal digits).
    pub const DEATH: &str = "x-bilag-death";
    /// When it failed first (RFC 3339).
    pub const FIRST_FAILED_AT: &str = "x-bilag-first-failed-at";
    /// When it failed last (RFC 3339).
    pub const LAST_FAILED_AT: &str = "x-bilag-last-failed-at";
    /// The tenant's uid.
    pub const TENANT: &str = "x-bilag-tenant";
    /// The receipt's uid.
    pub const RECEIPT: &str = "x-bilag-receipt";
    /// The OMS that a package is of.
    pub const OMS: &str = "x-bilag-oms";
    /// The package's id there.
    pub const PACKAGE: &str = "x-bilag-package";
    /// The dead letter whose body an operator corrected: this message is what was sent instead.
    pub const EDITED_FROM: &str = "x-bilag-edited-from";
    /// How often an operator sent it on again (integer).
    pub const REDRIVEN: &str = "x-bilag-redriven";
    /// Deliveries without an end before it last waited in a retry queue, from which the broker's own count
    /// begins again (integer).
    pub const DELIVERED_IN_VAIN: &str = "x-bilag-delivered-in-vain";
    /// The routing key it had on the users' bus.
    pub const SOURCE_KEY: &str = "x-bilag-source-key";
    /// The type it had there.
    pub const SOURCE_TYPE: &str = "x-bilag-source-type";
    /// The tenant that its publisher's header `tenant` named there.
    pub const SOURCE_TENANT: &str = "x-bilag-source-tenant";
    /// Envelopes around it that are opened already: it is one message of a batch (an integer, as text).
    pub const OPENED: &str = "x-bilag-opened";
    /// W3C trace context.
    pub const TRACEPARENT: &str = "traceparent";

    /// The pairs that say what a message is about: whose it is, and its id there.
    pub const SUBJECTS: [[&str; 2]; 2] = [[TENANT, RECEIPT], [OMS, PACKAGE]];
}

/// What is passed on from one message to the next. `x-death` and its kin, `x-delivery-count`, `CC`,
/// `BCC` and every header of others stay behind: copied, they lose or multiply messages.
const KEPT: [&str; 18] = [
    names::ATTEMPT,
    names::STAGE,
    names::REASON,
    names::ERROR,
    names::DEATH,
    names::FIRST_FAILED_AT,
    names::LAST_FAILED_AT,
    names::TENANT,
    names::RECEIPT,
    names::OMS,
    names::PACKAGE,
    names::REDRIVEN,
    names::EDITED_FROM,
    names::SOURCE_KEY,
    names::SOURCE_TYPE,
    names::SOURCE_TENANT,
    names::OPENED,
    names::TRACEPARENT,
];

/// The longest text in a header; an error chain is the only one that comes near.
const MAX_TEXT: usize = 4 * 1024;

/// Headers of a message that we publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(Vec<(&'static str, Value)>);

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
}

impl Headers {
    /// What may be kept of a delivery's headers.
    pub fn kept(from: &FieldTable) -> Self {
        let mut headers = Self::default();
        for name in KEPT {
            if let Some(text) = text(from, name) {
                headers.set_text(name, text);
            } else if let Some(number) = number(from, name) {
                headers.set_number(name, number);
            }
        }
        headers
    }

    /// Sets a text, cut to 4 KiB.
    pub fn set_text(&mut self, name: &'static str, text: impl Into<String>) {
        self.set(name, Value::Text(cut(text.into(), MAX_TEXT)));
    }

    /// Sets a number.
    pub fn set_number(&mut self, name: &'static str, number: i64) {
        self.set(name, Value::Number(number));
    }

    /// Says what the message is about.
    pub(crate) fn set_subject(&mut self, subject: &Subject) {
        subject.headers().for_each(|(name, value)| self.set_text(name, value));
    }

    /// Takes a header away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(present, _)| *present != name);
    }

    /// Whether a header is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(present, _)| *present == name)
    }

    fn set(&mut self, name: &'static str, value: Value) {
        self.remove(name);
        self.0.push((name, value));
    }

    /// As AMQP takes them.
    pub(crate) fn to_table(&self) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in &self.0 {
            let value = match value {
                Value::Text(text) => AMQPValue::LongString(text.as_bytes().to_vec().into()),
                Value::Number(number) => AMQPValue::LongLongInt(*number),
            };
            table.insert(ShortString::from(*name), value);
        }
        table
    }
}

/// A header's text, where it is one.
pub(crate) fn text(table: &FieldTable, name: &str) -> Option<String> {
    match table.inner().get(name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// A header's number, whatever its width.
pub(crate) fn number(table: &FieldTable, name: &str) -> Option<i64> {
    match table.inner().get(name)? {
        AMQPValue::ShortShortInt(n) => Some((*n).into()),
        AMQPValue::ShortShortUInt(n) => Some((*n).into()),
        AMQPValue::ShortInt(n) => Some((*n).into()),
        AMQPValue::ShortUInt(n) => Some((*n).into()),
        AMQPValue::LongInt(n) => Some((*n).into()),
        AMQPValue::LongUInt(n) => Some((*n).into()),
        AMQPValue::LongLongInt(n) => Some(*n),
        _ => None,
    }
}

/// The first `max` bytes of a text, cut between characters.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max - '…'.len_utf8()));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_headers_are_kept() {
        let mut table = FieldTable::default();
        table.insert("x-death".into(), AMQPValue::LongLongInt(1));
        table.insert("CC".into(), AMQPValue::LongString("elsewhere".into()));
        table.insert("x-delivery-count".into(), AMQPValue::LongLongInt(7));
        table.insert("anything".into(), AMQPValue::LongString("x".repeat(200_000).into()));
        table.insert(names::ATTEMPT.into(), AMQPValue::LongInt(3));
        table.insert(names::TRACEPARENT.into(), AMQPValue::LongString("00-1-2-01".into()));
        let kept = Headers::kept(&table).to_table();
        assert_eq!(kept.inner().len(), 2);
        assert_eq!(number(&kept, names::ATTEMPT), Some(3));
        assert_eq!(text(&kept, names::TRACEPARENT).as_deref(), Some("00-1-2-01"));
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let mut headers = Headers::default();
        headers.set_text(names::ERROR, "ø".repeat(10_000));
        let error = text(&headers.to_table(), names::ERROR).expect("an error");
        assert!(error.len() <= MAX_TEXT && error.ends_with("ø…"));
    }

    #[test]
    fn longest_headers_fit_into_a_frame() {
        let mut headers = Headers::default();
        KEPT.iter().for_each(|name| headers.set_text(name, "x".repeat(10_000)));
        headers.set_number(names::DELIVERED_IN_VAIN, i64::MAX);
        let properties = lapin::BasicProperties::default().with_headers(headers.to_table());
        let encoded =
            lapin::protocol::basic::gen_properties(&properties)(Vec::new().into()).expect("encoded");
        // Beside them, an id and what else a message keeps are of 255 bytes at most.
        assert!(encoded.into_inner().0.len() + 4 * 1024 < crate::connection::FRAME_BYTES as usize);
    }
}
