//! What a receipt's document could not show as it was.

use std::fmt;

/// The document was made, but not quite as the receipt says. Worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// The fonts have no such character; a replacement sign is printed in its place.
    Character(char),
    /// The text cannot be a barcode or QR code of this kind, and was left out.
    Code {
        /// `QR code` or `barcode`.
        kind: &'static str,
        /// Line of the template, from 1.
        line: usize,
        /// What such a code can hold.
        allowed: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => {
                write!(
                    f,
                    "no embedded font has the character U+{:04X} ({c}): a replacement sign is printed",
                    u32::from(*c)
                )
            }
            Self::Code { kind, line, allowed } => {
                write!(f, "the {kind} of the template's line {line} is left out: it can hold {allowed}")
            }
        }
    }
}
