//! From a message off somebody else's bus to an event, or to the reason why it is none.

use amqp::{Message, Reason};
use events::{Contradictions, Undecodable};

/// The largest event that is read, in bytes.
pub const MAX_EVENT: usize = 1024 * 1024;

/// Why a message is not the event.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than an event may be.
    #[error("the event has {size} bytes, more than the {MAX_EVENT} that are read: it cannot be one")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Compressed, or otherwise encoded.
    #[error("the message's content_encoding is set: publish the event as plain JSON without one")]
    Encoded,
    /// Not JSON, or not the event.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// The event contradicts itself.
    #[error(transparent)]
    Contradiction(#[from] Contradictions),
}

impl ReadError {
    /// The reason on the dead letter.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::TOO_LARGE,
            Self::Encoded | Self::Undecodable(Undecodable::NotJson { .. }) => Reason::UNDECODABLE,
            Self::Undecodable(Undecodable::NotTheEvent { .. }) | Self::Contradiction(_) => {
                Reason::INVALID_EVENT
            }
        }
    }
}

/// Reads what `read` makes of the body, where the body is one that can be read at all.
pub fn read<E>(message: &Message, read: impl FnOnce(&[u8]) -> Result<E, ReadError>) -> Result<E, ReadError> {
    if message.content_encoding().is_some_and(|encoding| {
        !encoding.is_empty() && !["identity", "utf-8", "utf8"].contains(&encoding.to_lowercase().as_str())
    }) {
        return Err(ReadError::Encoded);
    }
    read_plain(&message.body, read)
}

/// The same, of a body that is known to be plain.
pub fn read_plain<E>(body: &[u8], read: impl FnOnce(&[u8]) -> Result<E, ReadError>) -> Result<E, ReadError> {
    match body.len() {
        0..=MAX_EVENT => read(body),
        size => Err(ReadError::TooLarge { size }),
    }
}
