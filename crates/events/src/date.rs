//! Dates without a time: `YYYY-MM-DD`.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text::Bounded;

/// A day of the calendar, as in `2026-11-30` (RFC 3339 `full-date`), in the year 1 or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

/// As errors tell it.
const EXPECTED: &str = "a date, as in 2026-11-30";

/// What the format alone does not refuse: the year 0.
const PATTERN: &str = "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}$";

impl Date {
    /// `None` where the text is not a date of exactly ten characters, in the year 1 or later.
    pub fn parse(text: &str) -> Option<Self> {
        // chrono alone takes signs, blanks and years of any length.
        let is_written_so = text.len() == 10
            && text.bytes().enumerate().all(|(i, byte)| match i {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let day = is_written_so.then(|| text.parse::<NaiveDate>().ok()).flatten()?;
        (day.year() >= 1).then_some(Self(day))
    }

    /// The day.
    pub fn day(self) -> NaiveDate {
        self.0
    }
}

/// A day that was computed.
impl From<NaiveDate> for Date {
    fn from(day: NaiveDate) -> Self {
        Self(day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Date;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Date, E> {
                Date::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Other("a text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Date {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": PATTERN })
    }
}

/// As an optional member: absent, null and the empty string are all "no value".
impl Bounded for Date {
    fn within(text: &str) -> Option<Self> {
        Self::parse(text)
    }
    fn expectation(_: &str) -> String {
        EXPECTED.to_owned()
    }
    fn optional_schema() -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "format": "date", "pattern": PATTERN },
                { "type": ["string", "null"], "maxLength": 0 }
            ]
        })
    }
}
