//! What follows from a message that was handled.

use crate::Outgoing;

/// What follows from a message that was handled.
#[derive(Debug)]
pub enum Outcome {
    /// These events; none where the handler did all there was to do.
    Done(Vec<Outgoing>),
    /// Nothing: it had been handled before. Proves nothing about what lies downstream.
    AlreadyDone,
    /// Nothing: it is none of those that this stage is for. Counted, and proves nothing either.
    PassedOver,
}
