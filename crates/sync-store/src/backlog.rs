//! What waits in the store: for a person, or on its way.

use std::time::Duration;

use async_trait::async_trait;

use crate::{State, StoreError};

/// What waits, counted. Groups that nothing waits in are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Dead letters that wait for a person, by stage.
    pub letters: Vec<WaitingDeadLetters>,
    /// Records that are neither complete nor skipped, by target and state.
    pub records: Vec<OpenRecords>,
}

/// Dead letters of one stage that are neither redriven nor discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDeadLetters {
    /// The stage.
    pub stage: String,
    /// How many.
    pub count: u64,
    /// How long ago the oldest was noted, by the store's clock.
    pub oldest_age: Duration,
}

/// Records of one target in one state that is not the end of their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRecords {
    /// Where their invoices go.
    pub target: String,
    /// Their state: on their way, or dead.
    pub state: State,
    /// How many.
    pub count: u64,
    /// How long ago the oldest was opened, by the store's clock.
    pub oldest_age: Duration,
    /// Of the dead ones, those that died after their invoice was created and before its file was known
    /// to be attached.
    pub without_file: u64,
}

/// What waits, told in a moment whatever the number of receipts that have arrived.
#[async_trait]
pub trait BacklogStore: Send + Sync {
    /// What waits now.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}
