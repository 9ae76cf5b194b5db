//! Leases, and the steps that are taken under them.

use std::time::Duration;

use crate::Record;

/// The answer to asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Lease {
    /// The owner acts now. A record found `attaching` must be looked up first.
    Granted(Record),
    /// Another one acts. Come again later.
    Held {
        /// How long that lease still runs unless it is extended or given back.
        left: Duration,
    },
    /// There is nothing left to do.
    Complete(Record),
    /// The target does not want this receipt.
    Skipped,
    /// The receipt was never opened for this target.
    NoRecord,
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// The record has moved, and will not forget it.
    Taken,
    /// The record has not moved: the owner holds no lease that still runs, or the record is past
    /// this step. Make no further call for it; take a lease again later.
    Lost,
}

/// What is about to be attached, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Attach<'a> {
    /// Who holds the lease.
    pub owner: &'a str,
    /// The invoice's id in Omnium.
    pub invoice_id: &'a str,
    /// The file's name there.
    pub file_name: &'a str,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub pdf_sha256: &'a str,
    /// How long the lease runs from now.
    pub ttl: Duration,
}
