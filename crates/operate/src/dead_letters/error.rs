//! Why dead letters were not moved or edited, or not all of them.

use amqp::{BoxError, BrowseError};
use events::About;
use sync_store::{Place, StoreError};

use super::Moved;

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
        /// Of the dead letter.
        id: String,
        /// Its address.
        store: String,
    },
    /// The dead letter is in another place than the action takes it from.
    #[error("dead letter {id} is {}, not {}; nothing was moved", is.as_str(), should.as_str())]
    Elsewhere {
        /// Of the dead letter.
        id: String,
        /// Where it is.
        is: Place,
        /// Where the action takes it from.
        should: Place,
    },
    /// No dead letter belongs to the group.
    #[error("no dead letter of group {group} is {}; `bilag dead list --group` shows the groups; nothing was moved", place.as_str())]
    UnknownGroup {
        /// Its id.
        group: String,
        /// Where the action takes dead letters from.
        place: Place,
    },
    /// Another operator holds the lease of the stage.
    #[error(
        "{who} is moving dead letters of {stage} or reading its queue, and nothing was done; retry when they are done, or after {until} if their tool was killed"
    )]
    Busy {
        /// The holder.
        who: String,
        /// Its name.
        stage: String,
        /// Expiry of the lease, as a time of day.
        until: String,
    },
    /// The stage is paused by an operator: its dead letters would wait in its queue.
    #[error(
        "{stage} is {why}; nothing was moved. `bilag resume {stage}` ends the pause; with --into-paused, redriven dead letters wait in bilag.{stage}"
    )]
    Paused {
        /// Its name.
        stage: String,
        /// By whom, since when and why.
        why: String,
    },
    /// The operator cancelled.
    #[error("stopped by you: {so_far}; the others were not moved")]
    Cancelled {
        /// Until then.
        so_far: Moved,
    },
    /// Redriven dead letters fail again, or are not consumed.
    #[error("stopped: {why}{}; {so_far}; the others were not moved", after(error.as_deref()))]
    Failing {
        /// What was seen.
        why: String,
        /// Error of the first one that died again. May quote a service's answer, and so personal data.
        error: Option<String>,
        /// Until then.
        so_far: Moved,
    },
    /// The lease expired and another operator has taken it.
    #[error("stopped: another operator is moving dead letters now; {so_far}; the others were not moved")]
    Lost {
        /// Until then.
        so_far: Moved,
    },
    /// Selected dead letters are not in the queue while another consumer reads it and may hold them.
    #[error(
        "{left} dead letter(s) of {stage} were not found while another program reads the queue; {so_far}; retry when that has ended"
    )]
    HeldByOthers {
        /// How many.
        left: usize,
        /// Its name.
        stage: String,
        /// Until then.
        so_far: Moved,
    },
    /// The lease expired while the queue was read, and another operator has taken it.
    #[error(
        "another operator is moving dead letters of {stage} now; nothing was changed; retry when they are done"
    )]
    Taken {
        /// Its name.
        stage: String,
    },
    /// The queue was not read to its end: somebody else receives from it, or takes dead letters out of it.
    #[error(
        "{read} of {count} dead letter(s) of {stage} were read, because another program reads {} and may hold others; {so_far}; retry when it has ended",
        amqp::dead_queue_name(stage)
    )]
    Incomplete {
        /// Its name.
        stage: String,
        /// Read.
        read: u32,
        /// In the queue when reading began.
        count: u32,
        /// What that means for the operation.
        so_far: &'static str,
    },
    /// The dead letter was not reached in time.
    #[error(
        "dead letter {id} is too deep in its queue to be reached within {limit} s; `bilag dead show {id}` has a longer limit"
    )]
    TooDeep {
        /// Of the dead letter.
        id: String,
        /// Seconds.
        limit: u64,
    },
    /// Indexing failed.
    #[error("dead letter {id} could not be indexed")]
    NotNoted {
        /// Of the dead letter.
        id: String,
        /// The failure.
        #[source]
        source: BoxError,
    },
}

fn after(error: Option<&str>) -> String {
    error.map_or(String::new(), |error| format!(": {error}"))
}

/// Why a corrected body was not sent.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The dead letter is unknown, elsewhere, or its stage is held by another operator.
    #[error(transparent)]
    DeadLetter(Box<DeadLetterError>),
    /// No stage of this version has the name.
    #[error("dead letter {id} is of stage {stage}, which this version does not have; nothing was sent")]
    UnknownStage {
        /// Of the dead letter.
        id: String,
        /// Its name.
        stage: String,
    },
    /// The stage cannot decode the body.
    #[error("{stage} cannot decode the corrected body; nothing was sent")]
    Unreadable {
        /// Its name.
        stage: String,
        /// The decode error.
        #[source]
        source: BoxError,
    },
    /// The body is about another receipt or package than the dead letter.
    #[error(
        "the dead letter is about {letter}, the corrected body about {body}: nothing was sent; publish an event about another one with `bilag publish`"
    )]
    AboutAnother {
        /// Receipt or package of the dead letter.
        letter: String,
        /// Receipt or package of the body.
        body: About,
    },
    /// Nothing was changed.
    #[error("the body is unchanged: nothing was sent; `bilag dead redrive {id}` sends it on unchanged")]
    Unchanged {
        /// Of the dead letter.
        id: String,
    },
    /// Indexed, but no longer in the queue.
    #[error(
        "dead letter {id} is no longer in bilag.{stage}.dead: nothing was sent; `bilag dead reindex` updates the index"
    )]
    Gone {
        /// Of the dead letter.
        id: String,
        /// Its name.
        stage: String,
    },
}

impl From<DeadLetterError> for EditError {
    fn from(error: DeadLetterError) -> Self {
        Self::DeadLetter(Box::new(error))
    }
}

impl From<StoreError> for EditError {
    fn from(error: StoreError) -> Self {
        DeadLetterError::from(error).into()
    }
}

impl From<BrowseError> for EditError {
    fn from(error: BrowseError) -> Self {
        DeadLetterError::from(error).into()
    }
}
