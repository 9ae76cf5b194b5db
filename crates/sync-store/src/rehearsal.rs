//! What a dry run would have sent.

use async_trait::async_trait;

use crate::{Key, Step, StoreError};

/// Keeps what a dry run would have sent.
#[async_trait]
pub trait RehearsalStore: Send + Sync {
    /// The receipt was not sent, because this is a dry run: `pending` becomes `skipped`, with what would
    /// have been sent in words, and the lease is given back. It becomes pending when it is heard again and
    /// wanted.
    async fn rehearsed(&self, key: &Key, target: &str, owner: &str, told: &str) -> Result<Step, StoreError>;

    /// What would have been sent, where the record was skipped by a dry run and is still.
    async fn rehearsal(&self, key: &Key, target: &str) -> Result<Option<String>, StoreError>;
}
