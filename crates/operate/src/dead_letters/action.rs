//! What an operator requests, and its progress.

use std::fmt;

use amqp::{DeadLetterQueue, Destination};
use sync_store::{DeadLetterFilter, Place};
use tokio_util::sync::CancellationToken;

use crate::stages::WhyPaused;

/// What an operator does with dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Back to the work queue each came from.
    Redrive,
    /// Into the archive.
    Discard,
    /// From the archive back into the dead-letter queue.
    Restore,
}

impl Action {
    /// In declaration order.
    pub const ALL: [Self; 3] = [Self::Redrive, Self::Discard, Self::Restore];

    /// The verb of the command line and the audit log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
            Self::Restore => "restore",
        }
    }

    /// Past participle of [`name`](Self::name).
    pub fn done(self) -> &'static str {
        match self {
            Self::Redrive => "redriven",
            Self::Discard => "discarded",
            Self::Restore => "restored",
        }
    }

    /// Where it takes dead letters from.
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

/// Which dead letters. Whatever place a filter names, an action takes those of [`Action::place`].
#[derive(Clone, Debug)]
pub enum Selection {
    /// By id.
    Ids(Vec<String>),
    /// All that match.
    Filter(DeadLetterFilter),
    /// Those of a group, by its id, that also match the filter.
    Group(String, DeadLetterFilter),
}

/// An action on selected dead letters.
#[derive(Clone)]
pub struct MoveRequest<'a> {
    /// What to do.
    pub action: Action,
    /// The operator, for the audit log and for whoever finds the lease taken.
    pub who: &'a str,
    /// Maximum dead letters a second; unlimited without one.
    pub rate: Option<u16>,
    /// Redrive even into a stage that is paused by an operator: its dead letters wait in its queue until it is
    /// resumed, and their outcome is not watched.
    pub into_paused: bool,
    /// Stops after what is in flight.
    pub cancel: CancellationToken,
    /// Called between two dead letters: must not block.
    pub progress: &'a (dyn Fn(&Progress<'_>) + Send + Sync),
}

/// What happens while dead letters are moved.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// What is about to be redriven may wait in its queue.
    Waits {
        /// Name of the stage.
        stage: &'a str,
        /// Why it takes no messages.
        why: &'a WhyPaused,
    },
    /// A batch was moved; others follow.
    Batch(&'a Moved),
    /// Archived instead of redriven, because its receipt is complete.
    Archived {
        /// Of the dead letter.
        id: &'a str,
    },
    /// The outcome of a batch is awaited before the next one is sent.
    Settling {
        /// Name of the stage.
        stage: &'a str,
        /// Size of the batch.
        count: usize,
    },
    /// The stage is done.
    Done(&'a Moved),
    /// Indexed, but no longer in the queue: moved by another tool, or by one that was killed before it could
    /// update the index. The index has been updated.
    Gone {
        /// Of the dead letters.
        ids: &'a [String],
    },
}

/// How many dead letters of a stage have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What was done with them.
    pub action: Action,
    /// Name of the stage.
    pub stage: String,
    /// Moved so far.
    pub moved: usize,
    /// Selected.
    pub of: usize,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} dead letter(s) of {} {}", self.moved, self.of, self.stage, self.action.done())
    }
}
