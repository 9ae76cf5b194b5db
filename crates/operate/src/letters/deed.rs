//! What is done with dead letters.

use amqp::{DeadLetterQueue, Destination};
use sync_store::Place;

/// What is done with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Back to the queue each came from.
    Redrive,
    /// Into the archive.
    Discard,
    /// Back among the dead letters.
    Restore,
}

impl Deed {
    /// As the audit log has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
            Self::Restore => "restore",
        }
    }

    /// As it is told once it is done.
    pub fn done(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Discard => "discarded",
            Self::Restore => "restored",
        }
    }

    /// Where the dead letters are before.
    pub fn place(self) -> Place {
        self.from().1
    }

    pub(super) fn from(self) -> (DeadLetterQueue, Place) {
        match self {
            Self::Redrive | Self::Discard => (DeadLetterQueue::Dead, Place::Dead),
            Self::Restore => (DeadLetterQueue::Discarded, Place::Discarded),
        }
    }

    pub(super) fn to(self) -> (Destination, Place) {
        match self {
            Self::Redrive => (Destination::Work, Place::Redriven),
            Self::Discard => (Destination::Discarded, Place::Discarded),
            Self::Restore => (Destination::Dead, Place::Dead),
        }
    }
}
