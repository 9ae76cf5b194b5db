//! Who wants an invoice, by name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// Who wants an invoice: `omnium`, `package`, `erp`. Each target has its own routing key, its own
/// queue and its own state.
///
/// The events know no list of them: a target is named by the consumer that serves it, so that a
/// further consumer changes no event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Target(Cow<'static, str>);

/// The last word of a routing key.
const PATTERN: &str = "^[a-z][a-z0-9_]{0,31}$";

impl Target {
    /// A target by its name: a lower-case letter, then at most 31 of `a-z`, `0-9` and `_`.
    pub const fn new(name: &'static str) -> Self {
        assert!(is_name(name), "not the name of a target");
        Self(Cow::Borrowed(name))
    }

    /// As on the wire and in the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// See [`PATTERN`].
const fn is_name(name: &str) -> bool {
    let name = name.as_bytes();
    if name.is_empty() || name.len() > 32 || !name[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if !(name[i].is_ascii_lowercase() || name[i].is_ascii_digit() || name[i] == b'_') {
            return false;
        }
        i += 1;
    }
    true
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Target;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a target: a-z, then at most 31 of a-z, 0-9 and _")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Target, E> {
                if is_name(text) {
                    Ok(Target(Cow::Owned(text.to_owned())))
                } else {
                    Err(E::invalid_value(de::Unexpected::Other("another text"), &self))
                }
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Target {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": PATTERN,
            "description": "Who wants an invoice: `omnium`, `package`, `erp`. Each target has its own routing key, its own queue and its own state."
        })
    }
}
