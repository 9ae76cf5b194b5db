//! Texts, and how long each may be: what a text is used for bounds it, at the border.
//!
//! | type | characters | without |
//! |---|---|---|
//! | [`Uid`] | 1 to 200 | control and direction characters; it is not `.` or `..` |
//! | [`Number`] | 1 to 100 | control and direction characters |
//! | [`Text`] | 1 to 1,000 | NUL |
//!
//! An identifier is a key in the store, a header and a segment of a URL; a number is the name of a file and
//! the title of a page; any other text is printed. Of an optional member the empty string counts as absent.

use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What texts of one kind may be.
struct Limits {
    /// In characters (Unicode scalar values), as JSON Schema counts them.
    max_chars: usize,
    /// The characters that are allowed, for the schema.
    pattern: &'static str,
    allows: fn(char) -> bool,
    /// Whole texts that are not allowed.
    except: &'static [&'static str],
    /// As errors and help tell it.
    expected: &'static str,
}

/// Neither control characters nor those that change the direction of what follows: what is shown would not
/// be what is stored.
const VISIBLE: &str = r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+$";

fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const TEXT: Limits = Limits {
    max_chars: 1_000,
    pattern: r"^[^\u0000]+$",
    allows: |c| c != '\0',
    except: &[],
    expected: "a text of 1 to 1000 characters, without NUL",
};

const NUMBER: Limits = Limits {
    max_chars: 100,
    pattern: VISIBLE,
    allows: is_visible,
    except: &[],
    expected: "a text of 1 to 100 characters, without control and direction characters",
};

const UID: Limits = Limits {
    max_chars: 200,
    pattern: VISIBLE,
    allows: is_visible,
    except: &[".", ".."],
    expected: "an identifier: 1 to 200 characters, no control and direction characters, neither . nor ..",
};

impl Limits {
    fn allow(&self, text: &str) -> bool {
        // A text has at least as many bytes as characters.
        !text.is_empty()
            && (text.len() <= self.max_chars || text.chars().count() <= self.max_chars)
            && text.chars().all(self.allows)
            && !self.except.contains(&text)
    }

    /// What was expected, and where only the length is wrong, the length.
    fn expectation(&self, text: &str) -> String {
        match text.chars().count() {
            0 => format!("{}, and it is empty", self.expected),
            chars if chars > self.max_chars => format!("{}, and it has {chars}", self.expected),
            _ => self.expected.to_owned(),
        }
    }

    fn schema(&self) -> Schema {
        let mut schema = json_schema!({
            "type": "string", "minLength": 1, "maxLength": self.max_chars, "pattern": self.pattern
        });
        if !self.except.is_empty() {
            schema.insert("not".to_owned(), serde_json::json!({ "enum": self.except }));
        }
        schema
    }

    /// Of a member that may be absent, null or empty.
    fn optional_schema(&self) -> Schema {
        let pattern = self.pattern.replace("]+$", "]*$");
        json_schema!({ "type": ["string", "null"], "maxLength": self.max_chars, "pattern": pattern })
    }
}

/// A text that keeps to limits of its own.
pub(crate) trait Bounded: Sized {
    /// `None` where the text does not keep to them.
    fn within(text: &str) -> Option<Self>;
    /// What was expected instead.
    fn expectation(text: &str) -> String;
    /// Of a member that may be absent.
    fn optional_schema() -> Schema;
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident, $limits:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The most characters that are read.
            pub const MAX_CHARS: usize = $limits.max_chars;

            /// `None` where the text does not keep to the limits.
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                $limits.allow(&text).then_some(Self(text))
            }
        }

        impl Bounded for $name {
            fn within(text: &str) -> Option<Self> {
                $limits.allow(text).then(|| Self(text.to_owned()))
            }
            fn expectation(text: &str) -> String {
                $limits.expectation(text)
            }
            fn optional_schema() -> Schema {
                $limits.optional_schema()
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($limits.expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::within(text).ok_or_else(|| {
                            E::invalid_value(de::Unexpected::Other("a text"), &&*$name::expectation(text))
                        })
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $limits.schema()
            }
        }
    };
}

bounded! {
    /// A text that is printed: a name, an address, a telephone.
    Text, TEXT
}

bounded! {
    /// A number or code that people and systems know something by: of a voucher, an order, a package, an
    /// article; a currency, a kind.
    Number, NUMBER
}

bounded! {
    /// An identifier that becomes a key in the store, a header and a segment of a URL, which would swallow
    /// `.` and `..`.
    Uid, UID
}

/// What is a number is a text.
impl From<Number> for Text {
    fn from(number: Number) -> Self {
        Self(number.0)
    }
}

/// An identifier is a text.
impl From<Uid> for Text {
    fn from(uid: Uid) -> Self {
        Self(uid.0)
    }
}

/// `serde(with)` for optional members: absent, null and the empty string are all "no value".
pub(crate) struct Optional<T>(std::marker::PhantomData<T>);

pub(crate) type OptionalText = Optional<Text>;
pub(crate) type OptionalNumber = Optional<Number>;
pub(crate) type OptionalDate = Optional<crate::Date>;

impl<T: Bounded + Serialize> Optional<T> {
    pub(crate) fn serialize<S: Serializer>(text: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        text.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Bounded> de::Visitor<'de> for Visitor<T> {
            type Value = Option<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or null")
            }
            fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
                Ok(None)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
                deserializer.deserialize_str(self)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<T>, E> {
                if text.is_empty() {
                    return Ok(None);
                }
                let read = T::within(text).map(Some);
                read.ok_or_else(|| E::invalid_value(de::Unexpected::Other("a text"), &&*T::expectation(text)))
            }
        }
        deserializer.deserialize_option(Visitor(std::marker::PhantomData))
    }
}

impl<T: Bounded> JsonSchema for Optional<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Optional".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        T::optional_schema()
    }
}
