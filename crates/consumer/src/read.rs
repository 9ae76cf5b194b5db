//! From a message off somebody else's bus to an event, or to the reason why it is none.

use std::borrow::Cow;

use amqp::{Failure, Message, Reason};
use events::{Contradictions, EncodingError, MAX_EVENT, Undecodable, decompress};

/// Why a message is not the event.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than an event may be.
    #[error("the event has {size} bytes, more than the {MAX_EVENT} that are read: it cannot be one")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
    },
    /// Encoded, and not to be decoded.
    #[error(transparent)]
    Encoded(#[from] EncodingError),
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
            Self::TooLarge { .. } | Self::Encoded(EncodingError::TooLarge) => Reason::TOO_LARGE,
            Self::Encoded(_)
            | Self::Undecodable(Undecodable::NotJson { .. } | Undecodable::OtherFormat(_)) => {
                Reason::UNDECODABLE
            }
            Self::Undecodable(Undecodable::OtherEnvelope(_) | Undecodable::NotTheEvent(_))
            | Self::Contradiction(_) => Reason::INVALID_EVENT,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::reject(error.reason(), error)
    }
}

/// The event's own bytes, without the content encoding of the message.
pub fn plain_body(message: &Message) -> Result<Cow<'_, [u8]>, ReadError> {
    fits(&message.body)?;
    Ok(decompress(&message.body, message.content_encoding())?)
}

/// What `read` makes of a plain body, where it is one that can be read at all.
pub fn read_plain<E>(body: &[u8], read: impl FnOnce(&[u8]) -> Result<E, ReadError>) -> Result<E, ReadError> {
    fits(body)?;
    read(body)
}

fn fits(body: &[u8]) -> Result<(), ReadError> {
    match body.len() {
        0..=MAX_EVENT => Ok(()),
        size => Err(ReadError::TooLarge { size }),
    }
}
