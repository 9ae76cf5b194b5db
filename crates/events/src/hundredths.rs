//! Numbers on the way in: integers with two implied decimals (Flow).

use std::fmt;
use std::iter::Sum;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount, a quantity or a percentage in hundredths: 2500 is 25.00 (Flow: "all amounts,
/// percentages and quantities are integers with two implied decimals").
///
/// At most [`Hundredths::LIMIT`] either way, so that every value survives as a JSON number. Sums
/// stop at the ends of `i64`, which is more than 900,000 values of that size: nothing that fits into
/// an event comes near.
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
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Hundredths {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
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
