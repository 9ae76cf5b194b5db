//! Numbers as Akinon writes them: as JSON numbers, or as texts.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// How many: `2`, `1.5`, or the text `"2.00"`. Not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(Decimal);

impl Count {
    /// As a decimal.
    pub fn get(self) -> Decimal {
        self.0
    }
}

/// The value of one of Akinon's enumerations: documented as a text (`"500"`), and taken as a number
/// as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusCode(Count);

impl StatusCode {
    /// From its number.
    pub fn new(code: u32) -> Self {
        Self(Count(code.into()))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits("a number that is not negative, plain or as a text")).map(Count)
    }
}

impl<'de> Deserialize<'de> for StatusCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits("a status, as in \"500\"")).map(|code| Self(Count(code)))
    }
}

/// What was expected.
struct Digits(&'static str);

impl de::Visitor<'_> for Digits {
    type Value = Decimal;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        let refused = || E::invalid_value(de::Unexpected::Other("another text"), &self);
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = plain.then(|| Decimal::from_str(text).ok()).flatten();
        number.ok_or_else(refused)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
        Ok(number.into())
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
        let refused = || E::invalid_value(de::Unexpected::Signed(number), &self);
        u64::try_from(number).map(Decimal::from).map_err(|_| refused())
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
        // The shortest text that reads back as the same number is the one that was written.
        self.visit_str(&number.to_string())
    }
}

impl JsonSchema for Count {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Count".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How many: a number that is not negative, plain or as a text.",
            "type": ["number", "string"],
            "minimum": 0,
            "pattern": "^[0-9]+(\\.[0-9]+)?$"
        })
    }
}
