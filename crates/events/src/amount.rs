//! Numbers on the way out: JSON decimals (Omnium).

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Hundredths;

/// A decimal written as a JSON number. What is written reads back as the same decimal: up to 15
/// digits the nearest float's shortest digits are the decimal's own, and [`crate::Hundredths::LIMIT`]
/// keeps every amount of a checked receipt below that. More digits are an error, never another amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Decimal);

impl From<Hundredths> for Amount {
    fn from(value: Hundredths) -> Self {
        Self(value.to_decimal())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let normal = self.0.normalize();
        if let (0, Some(integer)) = (normal.scale(), normal.to_i64()) {
            return serializer.serialize_i64(integer);
        }
        match normal.to_f64() {
            Some(float) if shortest_digits(float) == Some(normal) => serializer.serialize_f64(float),
            _ => Err(serde::ser::Error::custom("an amount has more digits than a JSON number keeps")),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
                Ok(Amount(value.into()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
                Ok(Amount(value.into()))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
                shortest_digits(value)
                    .map(Amount)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The decimal of the fewest digits that means this float, not its binary value: 3836.5 stays 3836.5.
fn shortest_digits(float: f64) -> Option<Decimal> {
    Decimal::from_str_exact(&float.to_string()).ok()
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}
