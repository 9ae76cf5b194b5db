//! A key by which a queue is bound to the bus, as a setting has it.

use std::fmt;
use std::str::FromStr;

/// What a routing key may come to in AMQP 0-9-1, in bytes.
const LONGEST: usize = 255;

/// A binding key: words separated by dots, with `*` for one word and `#` for any number of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingKey(String);

/// Not a binding key.
#[derive(Debug, thiserror::Error)]
pub enum ParseBindingKeyError {
    /// Nothing.
    #[error("a key is empty: write keys separated by commas, such as receipt.settled.v1,receipt.settled.v2")]
    Empty,
    /// Blanks or control characters in it: no key of an event has them, and a queue bound by it would hear nothing.
    #[error("a key has a blank or a control character in it: separate keys with commas")]
    Blank,
    /// Longer than AMQP takes.
    #[error("a key is longer than {LONGEST} bytes")]
    TooLong,
}

impl FromStr for BindingKey {
    type Err = ParseBindingKeyError;

    /// Blanks around it, as after a comma, do not count.
    fn from_str(text: &str) -> Result<Self, ParseBindingKeyError> {
        let key = text.trim();
        match key.len() {
            0 => Err(ParseBindingKeyError::Empty),
            _ if key.chars().any(|c| c.is_whitespace() || c.is_control()) => Err(ParseBindingKeyError::Blank),
            1..=LONGEST => Ok(Self(key.to_owned())),
            _ => Err(ParseBindingKeyError::TooLong),
        }
    }
}

impl fmt::Display for BindingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_a_key() {
        let key: BindingKey = " receipt.settled.* \n".parse().expect("a key");
        assert_eq!(key.to_string(), "receipt.settled.*");
    }

    #[test]
    fn refuses_impossible_keys() {
        for text in ["", "  ", "receipt.settled.v1 receipt.settled.v2", "receipt\0", &"k".repeat(256)] {
            assert!(text.parse::<BindingKey>().is_err(), "{text:?}");
        }
    }
}
