//! How handling a message failed, and the decision about it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// How handling a message failed. Each variant is a decision about the message; see
/// [`decide`](crate::decide).
#[derive(Debug)]
pub enum Failure {
    /// The message itself is at fault: a dead letter at once.
    Reject {
        /// Why.
        reason: Reason,
        /// What happened.
        error: BoxError,
    },
    /// Trying again may help. Spends an attempt.
    Retry {
        /// Why it is a dead letter once no attempt is left.
        reason: Reason,
        /// What happened.
        error: BoxError,
    },
    /// Something downstream could not be used: perhaps its fault, perhaps this message's.
    Unavailable {
        /// Whom that concerns besides this message.
        extent: Extent,
        /// Whether the downstream can have met the message.
        reached: Reached,
        /// Why it is a dead letter, should it fail so often while others succeed.
        reason: Reason,
        /// What happened.
        error: BoxError,
    },
    /// Not now: another handler is at it, or its time has not come. Spends no attempt.
    Wait {
        /// At least this long.
        at_least: Duration,
        /// What it waits for.
        error: BoxError,
    },
}

/// Whom an unavailable downstream concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every message of the stage: its store, its broker.
    Stage,
    /// The messages of this one's bulkhead, which have it to themselves; those of the stage where the
    /// handler names no bulkheads.
    Bulkhead,
}

/// Any error, kept with its sources.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What an unavailable downstream says about the message at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It was never reached (refused, no route, wrong password): the message cannot be at fault.
    Never,
    /// It was reached and failed (5xx, no answer): the message may be at fault.
    Perhaps,
    /// It answered that this is forbidden: to all messages, or to this one's kind.
    Forbidden,
}

impl Failure {
    /// The message itself is at fault.
    pub fn reject(reason: Reason, error: impl Into<BoxError>) -> Self {
        Self::Reject { reason, error: error.into() }
    }

    /// Something that every message of the stage needs was not reached.
    pub fn unreached(error: impl Into<BoxError>) -> Self {
        let (extent, reached) = (Extent::Stage, Reached::Never);
        Self::Unavailable { extent, reached, reason: Reason::RETRIES_EXHAUSTED, error: error.into() }
    }

    /// What happened.
    pub fn error(&self) -> &BoxError {
        match self {
            Self::Reject { error, .. }
            | Self::Retry { error, .. }
            | Self::Unavailable { error, .. }
            | Self::Wait { error, .. } => error,
        }
    }

    /// The whole chain of errors, outermost first, as a log may have it.
    pub fn chain(&self) -> String {
        chain(self.error().as_ref())
    }

    /// The same, with what services answered: for the dead letter alone.
    pub fn chain_with_answers(&self) -> String {
        joined(self.error().as_ref(), |error| format!("{error:#}"))
    }
}

/// An error and its sources, outermost first. A source whose text the one before it ends with is
/// not repeated.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    joined(error, ToString::to_string)
}

/// What an error has to say that is no business of a log, it says in its alternate form alone.
fn joined(error: &(dyn Error + 'static), text_of: impl Fn(&(dyn Error + 'static)) -> String) -> String {
    let mut text = text_of(error);
    let mut source = error.source();
    while let Some(error) = source {
        let next = text_of(error);
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

/// Why a message is a dead letter: a short stable code that operators group by, and what they can
/// do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason {
    code: &'static str,
    remedy: &'static str,
}

impl Reason {
    /// A stage's own reason: its code, and what to do in half a line; `docs/reasons.md` says it at
    /// length.
    pub const fn new(code: &'static str, remedy: &'static str) -> Self {
        Self { code, remedy }
    }

    /// Those that any stage may meet.
    pub const COMMON: [Self; 9] = [
        Self::UNDECODABLE,
        Self::INVALID_EVENT,
        Self::TOO_LARGE,
        Self::UNSTORABLE,
        Self::RETRIES_EXHAUSTED,
        Self::HANDLER_PANICKED,
        Self::UNSERIALIZABLE,
        Self::DELIVERY_LIMIT,
        Self::EXPIRED,
    ];

    /// Not JSON.
    pub const UNDECODABLE: Self = Self::new(
        "undecodable",
        "have the publisher correct what the error names, and publish the event again",
    );
    /// JSON, but not the event, or it contradicts itself.
    pub const INVALID_EVENT: Self = Self::new(
        "invalid_event",
        "report the error to the publisher, and have a corrected event published; where the error names a transform, correct that, then redrive",
    );
    /// Larger than an event may be.
    pub const TOO_LARGE: Self =
        Self::new("too_large", "find the publisher: no receipt or package is this large");
    /// The store refuses a value of the message's.
    pub const UNSTORABLE: Self =
        Self::new("unstorable", "fix what the database's error names, then redrive the dead letter");
    /// No attempt is left.
    pub const RETRIES_EXHAUSTED: Self =
        Self::new("retries_exhausted", "fix what the error names, then redrive the dead letter");
    /// The handler panicked: a bug in Bilag.
    pub const HANDLER_PANICKED: Self =
        Self::new("handler_panicked", "report it with the log of that time: it is a bug in Bilag");
    /// What follows from it cannot be written as JSON: a bug in Bilag.
    pub const UNSERIALIZABLE: Self =
        Self::new("unserializable", "report it with the log of that time: it is a bug in Bilag");
    /// Delivered too often without an end, so it likely ends the process that handles it: most often
    /// dead-lettered by the broker.
    pub const DELIVERY_LIMIT: Self = Self::new(
        "delivery_limit",
        "look for a process that crashed or ran out of memory at that time: this message may be the cause",
    );
    /// Dead-lettered by the broker: a time to live set by someone else ran out.
    pub const EXPIRED: Self = Self::new(
        "expired",
        "find who limits the messages' time to live (`bilag topology check --management-url URL`), then redrive the dead letter",
    );

    /// The code.
    pub const fn as_str(self) -> &'static str {
        self.code
    }

    /// What to do.
    pub const fn remedy(self) -> &'static str {
        self.remedy
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}
