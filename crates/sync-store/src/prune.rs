//! Removing personal data that nobody needs any more.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{Key, Period, StoreError};

/// How much there is to prune, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Receipts: the event, the order number and what customers are found by.
    pub receipts: u64,
    /// Rounds of packages: the event.
    pub packages: u64,
    /// DeadLetters that were redriven or discarded: headers, payload and error.
    pub letters: u64,
}

impl Pruned {
    /// All of them.
    pub fn total(self) -> u64 {
        self.receipts + self.packages + self.letters
    }
}

/// Removes personal data, and keeps what recognises a late duplicate and what a report counts.
///
/// A receipt is pruned once it has been complete or skipped at every target for longer than `older_than`
/// and none of its dead letters waits for a person. Its uids, store, voucher number, day, type, amount,
/// currency and fingerprint stay, and so do its records with the invoice's id and the file's hash. A round
/// of a package is pruned once it is issued or superseded, a dead letter once it is redriven or discarded.
#[async_trait]
pub trait PruneStore: Send + Sync {
    /// How much there is to prune.
    async fn prunable(&self, older_than: Duration) -> Result<Pruned, StoreError>;

    /// Prunes at most `limit` of each kind, and answers how many. None says that there is no more. May be
    /// left off and begun again at any time, by several at once.
    async fn prune(&self, older_than: Duration, limit: u32) -> Result<Pruned, StoreError>;

    /// When the receipt was pruned, where it was.
    async fn pruned_at(&self, key: &Key) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// How many receipts that were settled in the period are pruned.
    async fn pruned_in(&self, period: Period, tenant: Option<&str>) -> Result<u64, StoreError>;
}
