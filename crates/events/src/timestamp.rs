//! Timestamps: RFC 3339, passed on as they came.

use std::fmt;

use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, Timelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in RFC 3339, with its offset. Keeps the text it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    text: String,
    moment: DateTime<FixedOffset>,
}

impl Timestamp {
    /// The most characters that are read.
    pub const MAX_CHARS: usize = 64;

    /// `None` where the text is not RFC 3339, with its date in the year 1 or later and a second below 60.
    /// The dead letters T and Z may be small.
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 3339 lets a space stand for the T by agreement; there is no agreement here.
        if text.len() > Self::MAX_CHARS || !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
            return None;
        }
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        // No till knows of leap seconds, and nothing was sold before the year 1.
        if moment.year() < 1 || moment.nanosecond() >= 1_000_000_000 {
            return None;
        }
        Some(Self { text: text.to_owned(), moment })
    }

    /// In UTC, to the millisecond.
    pub fn from_utc(moment: DateTime<Utc>) -> Self {
        let text = moment.to_rfc3339_opts(SecondsFormat::Millis, true);
        Self { text, moment: moment.fixed_offset() }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The moment, in the offset it was given with.
    pub fn moment(&self) -> DateTime<FixedOffset> {
        self.moment
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time in RFC 3339, as in 2026-11-02T09:15:42Z")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // Beyond the format: no year 0, no second 60, and not any number of digits.
        json_schema!({
            "type": "string",
            "format": "date-time",
            "maxLength": Timestamp::MAX_CHARS,
            "pattern": r"^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9]"
        })
    }
}
