//! Why a value is refused: the path and what was expected there, never the value.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

/// One thing that is wrong with the shape of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The JSON path, as in `orderReceipt.items[0].total`; `$` is the whole body.
    pub path: String,
    /// What was expected there.
    pub expected: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: expected {}", self.path, self.expected)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { path: refusal.path(), expected: refusal.expected }
    }
}

/// Why a value is not what the type wants.
#[derive(Debug)]
pub struct Refusal {
    /// From the value outwards, so the last part is the outermost.
    reversed_path: Vec<String>,
    /// What was expected there.
    expected: String,
}

impl Refusal {
    /// Of the value itself, not of one inside it.
    pub fn new(expected: impl Into<String>) -> Self {
        Self { reversed_path: Vec::new(), expected: expected.into() }
    }

    /// The same, seen from one level further out.
    pub fn within(mut self, part: String) -> Self {
        self.reversed_path.push(part);
        self
    }

    /// The path from the outermost value, as in `.items`, `[0]`, `.total`.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.reversed_path.iter().rev().map(String::as_str)
    }

    /// As in `orderReceipt.items[0].total`; `$` is the whole body.
    fn path(&self) -> String {
        let path: String = self.parts().collect();
        match path.strip_prefix('.') {
            Some(members) => members.to_owned(),
            None => format!("${path}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: expected {}", self.path(), self.expected)
    }
}

/// Of all that serde tells, only what was expected is kept.
impl de::Error for Refusal {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new("another value")
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(expected.to_string())
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(expected.to_string())
    }
    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(expected.to_string())
    }
    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::new(one_of(variants))
    }
    fn unknown_field(_: &str, members: &'static [&'static str]) -> Self {
        Self::new(format!("no member but {}", members.join(", ")))
    }
    fn missing_field(member: &'static str) -> Self {
        Self::new("the member, which is missing").within(format!(".{member}"))
    }
    fn duplicate_field(member: &'static str) -> Self {
        Self::new("the member once, not twice").within(format!(".{member}"))
    }
}

/// What is expected of an enum.
pub(crate) fn one_of(variants: &[&str]) -> String {
    format!("the text {}", variants.join(" or "))
}
