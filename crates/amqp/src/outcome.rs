//! What follows from a message that was handled.

use crate::Outgoing;

/// What follows from a message that was handled.
#[derive(Debug)]
pub enum Outcome {
    /// These events; none where the handler did all there was to do.
    Done(Vec<Outgoing>),
    /// It holds several messages. Each is put into the stage's own queue, where it succeeds or dies alone.
    Split {
        /// Their bodies.
        bodies: Vec<Vec<u8>>,
        /// For [`Origin::opened`](crate::Origin::opened).
        opened: u16,
    },
    /// Nothing: it had been handled before. Proves nothing about what lies downstream.
    AlreadyDone,
    /// Nothing: it is none of those that this stage is for. Counted, and proves nothing either.
    PassedOver,
}
