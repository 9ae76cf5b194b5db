//! Numbers: integers with two implied decimals on the way in, JSON decimals on the way out.

use std::fmt;
use std::iter::Sum;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount, a quantity or a percentage in hundredths: 2500 is 25.00 (Flow: "all amounts,
/// percentages and quantities are integers with two implied decimals").
///
/// At most [`Hundredths::LIMIT`] either way, so that sums over an event cannot overflow and every
/// value survives as a JSON number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Hundredths(i64);

impl Hundredths {
    /// The largest magnitude that is read: a hundred billion units.
    pub const LIMIT: i64 = 10_000_000_000_000;

    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// From a count of hundredths. The caller keeps to [`Hundredths::LIMIT`].
    pub const fn new(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// The count of hundredths.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The number itself: 2500 becomes 25.00.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Whether this is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::Add for Hundredths {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Hundredths {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Hundredths {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, |a, b| a + b)
    }
}

/// Two decimals, a point: `-1.50`.
impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.to_decimal())
    }
}

impl<'de> Deserialize<'de> for Hundredths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hundredths;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "an integer with two implied decimals (25.00 is 2500), between -{0} and {0}",
                    Hundredths::LIMIT
                )
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Hundredths, E> {
                if value.unsigned_abs() <= Hundredths::LIMIT.unsigned_abs() {
                    Ok(Hundredths(value))
                } else {
                    Err(E::invalid_value(de::Unexpected::Signed(value), &self))
                }
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Hundredths, E> {
                match i64::try_from(value) {
                    Ok(value) => self.visit_i64(value),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(value), &self)),
                }
            }
        }
        deserializer.deserialize_i64(Visitor)
    }
}

impl JsonSchema for Hundredths {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hundredths".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": -Hundredths::LIMIT,
            "maximum": Hundredths::LIMIT,
            "description": "A number with two implied decimals: 2500 is 25.00."
        })
    }
}

/// A decimal written as a JSON number (Omnium). What is written reads back as the same decimal:
/// the shortest digits of the nearest float are the decimal's own, up to 15 digits, and
/// [`Hundredths::LIMIT`] keeps every amount below that.
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
        match (normal.scale(), normal.to_i64(), normal.to_f64()) {
            (0, Some(integer), _) => serializer.serialize_i64(integer),
            (_, _, Some(float)) => serializer.serialize_f64(float),
            _ => Err(serde::ser::Error::custom("an amount too large for a JSON number")),
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
            // The float's shortest digits, not its binary value: 3836.5 stays 3836.5.
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
                value
                    .to_string()
                    .parse()
                    .map(Amount)
                    .map_err(|_| E::invalid_value(de::Unexpected::Float(value), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}
