//! From a message to a receipt that holds together, or to the reason why it is none.

use amqp::{Message, Reason};
use events::{Contradiction, ReceiptSettled, Undecodable};

/// The largest event that is read, in bytes.
pub const MAX_EVENT: usize = 1024 * 1024;

/// Heard before with different content.
pub const CONFLICTING_RECEIPT: Reason = Reason::new("conflicting_receipt");

/// Why a message is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than an event may be.
    #[error("the event has {size} bytes, more than the {MAX_EVENT} that are read: it cannot be a receipt")]
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
    Contradiction(#[from] Contradiction),
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

/// Reads a receipt and checks that it does not contradict itself.
pub fn read(message: &Message) -> Result<ReceiptSettled, ReadError> {
    if message.body.len() > MAX_EVENT {
        return Err(ReadError::TooLarge { size: message.body.len() });
    }
    if message.content_encoding().is_some_and(|encoding| {
        !encoding.is_empty() && !["identity", "utf-8", "utf8"].contains(&encoding.to_lowercase().as_str())
    }) {
        return Err(ReadError::Encoded);
    }
    let event: ReceiptSettled = events::decode(&message.body)?;
    event.check()?;
    Ok(event)
}
