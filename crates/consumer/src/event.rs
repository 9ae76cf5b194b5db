//! The layer that reads: from a message to the event that a handler is for, or to the reason why it is none.

use std::borrow::Cow;

use amqp::{BoxError, BulkheadLimits, Failure, Handler, Message, Outcome, Reason, Subject, header_names};
use async_trait::async_trait;
use events::{
    About, Contradictions, EncodingError, InvoiceReady, InvoiceRendered, MAX_EVENT, ReceiptSettled,
    Undecodable, decompress,
};
use transform::{Entry, Made, Makes, Source, TransformError};

use crate::transforms::{StageTransforms, TRANSFORM_FAILED, TransformMetrics, Transformed, source};

/// An event, as a stage reads it.
pub trait Event: Sized + Send + 'static {
    /// The transforms that make it of other messages.
    const MADE_BY: &'static [Makes] = &[];

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

    /// The members of a body that it does not have: see [`events::unknown_members`].
    fn unknown_members(_body: &[u8]) -> Vec<String> {
        Vec::new()
    }
}

/// What a stage does with an event.
pub trait EventHandler: Send + Sync + 'static {
    /// The event.
    type Event: Event;

    /// What follows from the event, or how it failed.
    fn handle(&self, input: Input<'_, Self::Event>) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// What a failed message is about, where its headers do not say so, by the event's own bytes.
    fn subject(&self, _body: &[u8]) -> Option<Subject> {
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

    /// See [`Handler::scope`].
    fn scope(&self, _message: &Message) -> Option<String> {
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
pub(crate) struct Typed<H> {
    handler: H,
    transforms: Option<(StageTransforms, TransformMetrics)>,
}

/// What a message is, before anything is done with it.
enum Read<'a, E> {
    Event(E, Cow<'a, [u8]>),
    PassedOver,
    Split { bodies: Vec<Vec<u8>>, opened: u16 },
}

impl<H: EventHandler> Typed<H> {
    pub(crate) fn new(handler: H, transforms: Option<StageTransforms>) -> Self {
        Self { handler, transforms: transforms.map(|transforms| (transforms, TransformMetrics::new())) }
    }

    fn read<'a>(&self, message: &'a Message) -> Result<Read<'a, H::Event>, ReadError> {
        let body = plain_body(message)?;
        let origin = self.transforms.as_ref().and_then(|transforms| Some((transforms, message.origin()?)));
        let Some(((transforms, metrics), origin)) = origin else {
            return Ok(Read::Event(H::Event::read(&body)?, body));
        };
        let id = message.id();
        let source = source(&origin, Some(&id), &body);
        let Some(found) = transforms.find(&source) else {
            return Ok(Read::Event(H::Event::read(&body)?, body));
        };
        let made = made(found.entry(), &source);
        let outcome = match &made {
            Ok(Made::Event(_)) => "event",
            Ok(Made::Nothing) => "nothing",
            Ok(Made::Batch { .. }) => "batch",
            Err(_) => "failed",
        };
        metrics.count(found.entry(), outcome);
        Ok(match made? {
            Made::Event(event) => Read::Event(read_made(found.entry(), &source, &event)?, event.into()),
            Made::Nothing => Read::PassedOver,
            Made::Batch { bodies, opened } => {
                Read::Split { bodies, opened: u16::try_from(opened).unwrap_or(u16::MAX) }
            }
        })
    }
}

fn made(entry: &Entry, source: &Source<'_>) -> Result<Made, ReadError> {
    limit_size(source.body)?;
    Ok(entry.apply(source)?)
}

/// Reads the event that a transform made. Its errors name the member of the message too.
fn read_made<E: Event>(entry: &Entry, source: &Source<'_>, event: &[u8]) -> Result<E, ReadError> {
    E::read(event).map_err(|error| {
        let note = |path: &str| Some(format!("made from {} of the message", entry.source_of(source, path)?));
        let error = match error {
            ReadError::Undecodable(error) => ReadError::Undecodable(error.annotated(note)),
            ReadError::Contradiction(error) => ReadError::Contradiction(error.annotated(note)),
            other => other,
        };
        ReadError::Made { transform: entry.name.clone(), error: Box::new(error) }
    })
}

/// The events that a transform makes of a message, each checked as its stage would, and what they are about where
/// there is one.
///
/// # Errors
/// What is wrong with the first that is wrong.
pub(crate) fn checked<E: Event>(entry: &Entry, source: &Source<'_>) -> Result<Checked, BoxError> {
    match made(entry, source)? {
        Made::Event(event) => {
            read_made::<E>(entry, source, &event)?;
            let about = E::check(&event)?;
            Ok((vec![event], about))
        }
        Made::Nothing => Ok((Vec::new(), None)),
        Made::Batch { bodies, opened } => {
            let mut events = Vec::new();
            for (index, body) in bodies.iter().enumerate() {
                let member = checked::<E>(entry, &Source { opened, body, ..*source });
                events.extend(member.map_err(|error| format!("event {index} of the batch: {error}"))?.0);
            }
            Ok((events, None))
        }
    }
}

/// Events, and what they are about.
pub(crate) type Checked = (Vec<Vec<u8>>, Option<About>);

#[async_trait]
impl<H: EventHandler> Handler for Typed<H> {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        match self.read(message)? {
            Read::Event(event, body) => self.handler.handle(Input { event, body, message }).await,
            Read::PassedOver => Ok(Outcome::PassedOver),
            Read::Split { bodies, opened } => Ok(Outcome::Split { bodies, opened }),
        }
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        let body = plain_body(message).ok()?;
        // What is too large to be read is not transformed either.
        let transforms = self.transforms.as_ref().filter(|_| limit_size(&body).is_ok());
        let transformed = transforms.and_then(|(transforms, _)| {
            transforms.transformed(&source(&message.origin()?, Some(&message.id()), &body))
        });
        match transformed {
            Some(Transformed { made: Ok(Made::Event(event)), .. }) => self.handler.subject(&event),
            Some(_) => None,
            None => self.handler.subject(&body),
        }
    }

    fn bulkheads(&self) -> Option<BulkheadLimits> {
        self.handler.bulkheads()
    }

    fn bulkhead(&self, message: &Message) -> Option<String> {
        self.handler.bulkhead(message)
    }

    fn scope(&self, message: &Message) -> Option<String> {
        self.handler.scope(message)
    }
}

impl Event for ReceiptSettled {
    const MADE_BY: &'static [Makes] = &[Makes::Receipt];

    fn read(body: &[u8]) -> Result<Self, ReadError> {
        limit_size(body)?;
        let event: Self = events::decode(body)?;
        event.check()?;
        Ok(event)
    }

    fn about(&self) -> Option<About> {
        Some(self.about())
    }

    fn unknown_members(body: &[u8]) -> Vec<String> {
        events::unknown_members::<Self>(body).unwrap_or_default()
    }
}

impl Event for InvoiceReady {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        events::decode_own(body).map_err(ReadError::OfTheChain)
    }

    fn about(&self) -> Option<About> {
        Some(self.about())
    }
}

impl Event for InvoiceRendered {
    fn read(body: &[u8]) -> Result<Self, ReadError> {
        events::decode_own(body).map_err(ReadError::OfTheChain)
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
    /// A transform makes nothing of the message.
    #[error(transparent)]
    Transform(#[from] TransformError),
    /// What a transform made is not the event.
    #[error("transform `{transform}` makes an event that is wrong: {error}")]
    Made {
        /// The transform.
        transform: String,
        /// What is wrong with the event.
        error: Box<ReadError>,
    },
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
            Self::Transform(_) => TRANSFORM_FAILED,
            Self::Made { error, .. } => error.reason(),
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
