//! What stopped on its way and is sent on again.

use std::time::Duration;

use amqp::Outgoing;
use async_trait::async_trait;
use sync_store::{Key, PackageKey, StoreError};

/// Looks for what stopped on its way. One process at a time runs a cycle, whatever the number of
/// consumers.
#[async_trait]
pub trait Cycle: Send + Sync {
    /// Names the lease that keeps other processes from it.
    fn name(&self) -> &'static str;

    /// What is untouched for longer than `untouched_for`, longest first, at most `limit`. What was
    /// noted as sent on counts as touched.
    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Again>, StoreError>;
}

/// A message to be sent once more.
#[derive(Clone, Debug)]
pub struct Again {
    /// The message.
    pub message: Outgoing,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What is to be noted as touched once it is sent.
    pub touched: Vec<Touched>,
}

/// What a message that is sent once more is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A receipt's record at a target.
    Record(Key, String),
    /// A round of a package.
    Package(PackageKey, u32),
}
