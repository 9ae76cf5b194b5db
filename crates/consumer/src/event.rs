//! The layer that reads: from a message to the event that a handler is for, or to the reason why it is none.

use std::borrow::Cow;

use amqp::{BoxError, BulkheadLimits, Failure, Handler, Message, Outcome, Reason, Subject, header_names};
use events::{
    About, Contradictions, EncodingError, InvoiceReady, InvoiceRendered, MAX_EVENT, ReceiptSettled,
    Undecodable, decompress,
};

/// An event, as a stage reads it.
pub trait Event: Sized + Send + 'static {
    /// Reads a body, without its content encoding.
    ///
    /// # Errors
    /// It is not the event, or contradicts itself.
    fn read(body: &[u8]) -> Result<Self, ReadError>;

    /// What it is about, where it says.
    fn about(&self) -> Option<About>;

    /// Whether a body could be read, and what it is about, where it says.
    ///
    /// # Errors
    /// What is wrong with the body, never its content.
    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Self::read(body)?.about())
    }
}

/// What a stage does with an event.
pub trait EventHandler: Send + Sync + 'static {
    /// The event.
    type Event: Event;

    /// What follows from the event, or how it failed.
    fn handle(&self, input: Input<'_, Self::Event>) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// What a failed message is about, where its headers do not say so.
    fn subject(&self, _message: &Message) -> Option<Subject> {
        None
    }

    /// See [`Handler::bulkheads`].
    fn bulkheads(&self) -> Option<BulkheadLimits> {
        None
    }

    /// See [`Handler::bulkhead`].
    fn bulkhead(&self, _message: &Message) -> Option<String> {
        None
    }
}

/// An event, and how it came.
pub struct Input<'a, E> {
    /// The event.
    pub event: E,
    /// Its own bytes, without content encoding.
    pub body: Cow<'a, [u8]>,
    /// The message.
    pub message: &'a Message,
}

/// Reads events for their handler.
pub(crate) struct Typed<H>(pub(crate) H);

impl<H: EventHandler> Handler for Typed<H> {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let body = plain_body(message)?;
        let event = H::Event::read(&body)?;
        self.0.handle(Input { event, body, message }).await
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        self.0.subject(message)
    }

    fn bulkheads(&self) -> Option<BulkheadLimits> {
        self.0.bulkheads()
    }

    fn bulkhead(&self, message: &Message) -> Option<String> {
        self.0.bulkhead(message)
    }
}

impl Event for ReceiptSettled {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        limit_size(body)?;
        let event: Self = events::decode(body)?;
        event.check()?;
        Ok(event)
    }

    fn about(&self) -> Option<About> {
        Some(self.about())
    }
}

impl Event for InvoiceReady {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        events::decode(body).map_err(ReadError::OfTheChain)
    }

    fn about(&self) -> Option<About> {
        Some(self.about())
    }
}

impl Event for InvoiceRendered {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        events::decode(body).map_err(ReadError::OfTheChain)
    }

    fn about(&self) -> Option<About> {
        Some(self.about())
    }
}

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
    /// Not the event, where only the chain itself publishes it.
    #[error(transparent)]
    OfTheChain(Undecodable),
    /// The event contradicts itself.
    #[error(transparent)]
    Contradiction(#[from] Contradictions),
    /// The event has not what this stage needs.
    #[error("at {path}: expected {expected}")]
    Missing {
        /// Where, as a JSON path.
        path: &'static str,
        /// What.
        expected: &'static str,
    },
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
            | Self::OfTheChain(_)
            | Self::Contradiction(_)
            | Self::Missing { .. } => Reason::INVALID_EVENT,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::reject(error.reason(), error)
    }
}

/// The event's own bytes, without the content encoding of the message.
///
/// # Errors
/// The encoding is unknown, or hides more than an event may have.
pub fn plain_body(message: &Message) -> Result<Cow<'_, [u8]>, ReadError> {
    let encoding = message.content_encoding();
    if encoding.is_some() {
        limit_size(&message.body)?;
    }
    Ok(decompress(&message.body, encoding)?)
}

/// Refuses what is larger than an event of others may be.
///
/// # Errors
/// It is larger.
pub fn limit_size(body: &[u8]) -> Result<(), ReadError> {
    match body.len() {
        0..=MAX_EVENT => Ok(()),
        size => Err(ReadError::TooLarge { size }),
    }
}

/// A receipt, as messages name it.
pub fn receipt_subject(tenant: &str, receipt: &str) -> Subject {
    Subject::new([header_names::TENANT, header_names::RECEIPT], tenant, receipt)
}

/// A package, as messages name it.
pub fn package_subject(oms: &str, package: u64) -> Subject {
    Subject::new([header_names::OMS, header_names::PACKAGE], oms, package.to_string())
}
