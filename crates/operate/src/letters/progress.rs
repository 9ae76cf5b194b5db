//! How far it has come.

use std::fmt;

use super::Deed;
use crate::stages::WhyPaused;

/// What happens while dead letters are moved.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// What is about to be redriven may wait in its queue.
    Waits {
        /// The stage.
        stage: &'a str,
        /// Why.
        why: &'a WhyPaused,
    },
    /// A batch was moved, and others follow.
    Batch(&'a Moved),
    /// Its receipt is complete by now, so it was archived instead of sent again.
    Archived {
        /// The dead letter.
        id: &'a str,
    },
    /// What becomes of the batch is watched before the next one is sent.
    Settling {
        /// The stage.
        stage: &'a str,
        /// How many dead letters.
        letters: usize,
    },
    /// All that were found have moved.
    Done(&'a Moved),
    /// The index had these dead letters and the queue has not: moved by another tool, or by one that was
    /// killed before it could say so. The index says so now.
    Gone {
        /// The dead letters.
        ids: &'a [String],
    },
}

/// How many dead letters of a stage have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What was done with them.
    pub deed: Deed,
    /// The stage.
    pub stage: String,
    /// So many have moved.
    pub moved: usize,
    /// Of so many that were selected.
    pub of: usize,
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} letter(s) of {} {}", self.moved, self.of, self.stage, self.deed.done())
    }
}
