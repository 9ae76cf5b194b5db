//! Why dead letters were not moved, or not all of them.

use amqp::{BoxError, BrowseError};
use sync_store::{Place, StoreError};

use super::progress::Moved;

/// Why dead letters were not moved, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The index cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queues cannot be read or written.
    #[error(transparent)]
    Browser(#[from] BrowseError),
    /// The index has no such dead letter.
    #[error("no dead letter {id} in {store}; `bilag dead list` shows the ids; nothing was moved")]
    Unknown {
        /// The dead letter.
        id: String,
        /// The store.
        store: String,
    },
    /// The dead letter is in another place.
    #[error("letter {id} is {}, not {}; nothing was moved", is.as_str(), should.as_str())]
    Elsewhere {
        /// The dead letter.
        id: String,
        /// Where it is.
        is: Place,
        /// Where it would have to be.
        should: Place,
    },
    /// No dead letter is of this group.
    #[error("no {} letter is of group {group}; `bilag dead list --group` shows the groups; nothing was moved", place.as_str())]
    UnknownGroup {
        /// The group.
        group: String,
        /// Where its dead letters would have to be.
        place: Place,
    },
    /// Somebody else moves dead letters of the stage, or reads its queue.
    #[error(
        "{who} is moving dead letters of {stage} now, or reads its queue, and nothing was done by you; try again when they are done, or after {until} should their tool have been killed"
    )]
    Busy {
        /// Who.
        who: String,
        /// The stage.
        stage: String,
        /// When the lease runs out unless it is extended.
        until: String,
    },
    /// The stage is paused by hand: its dead letters would wait in its queue.
    #[error(
        "{stage} is {why}; nothing was moved. `bilag resume {stage}` ends that; --into-paused redrives all the same, and the dead letters wait in bilag.{stage}"
    )]
    Paused {
        /// The stage.
        stage: String,
        /// By whom, since when and why.
        why: String,
    },
    /// Somebody said so.
    #[error("stopped by you: {so_far}; the others are where they were")]
    Stopped {
        /// How far it came.
        so_far: Moved,
    },
    /// What was redriven fails again, or is not taken.
    #[error("stopped: {why}{}; {so_far}; the others are where they were", after(error.as_deref()))]
    Failing {
        /// What was seen.
        why: String,
        /// The error of the first dead letter that died again. It may repeat what a service answered, and so
        /// name people.
        error: Option<String>,
        /// How far it came.
        so_far: Moved,
    },
    /// The lease ran out, and somebody else has it.
    #[error("stopped: somebody else moves dead letters now; {so_far}; the others are where they were")]
    Lost {
        /// How far it came.
        so_far: Moved,
    },
    /// DeadLetters that were to be moved are not in the queue, but somebody reads it: they may have them.
    #[error(
        "{left} letter(s) of {stage} are not to be found while somebody else reads the queue, perhaps with `bilag dead export`; {so_far}; try again when that has ended"
    )]
    InOtherHands {
        /// How many.
        left: usize,
        /// The stage.
        stage: String,
        /// How far it came.
        so_far: Moved,
    },
    /// The lease ran out while the queue was read, and somebody else has it.
    #[error(
        "somebody else moves dead letters of {stage} now; nothing was changed; try again when they are done"
    )]
    Taken {
        /// The stage.
        stage: String,
    },
    /// A dead letter was not reached in time.
    #[error(
        "letter {id} lies so deep in its queue that it was not reached within {limit} s; `bilag dead show {id}` takes longer"
    )]
    TooDeep {
        /// The dead letter.
        id: String,
        /// How long it was looked for, in seconds.
        limit: u64,
    },
    /// A dead letter could not be noted in the index.
    #[error("letter {id} could not be noted in the index")]
    NotNoted {
        /// The dead letter.
        id: String,
        /// Why.
        #[source]
        source: BoxError,
    },
}

fn after(error: Option<&str>) -> String {
    error.map_or(String::new(), |error| format!(": {error}"))
}
