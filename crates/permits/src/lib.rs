//! Omnium's limits, kept by all processes together: each has a part of them from the store.
//!
//! A process asks the store for as many permits as it uses, and for requests from the bucket, a few at
//! a time: most calls need no round trip. What it holds it renews while it calls, and gives back once
//! it does not. A grant runs out by itself, later than any request that was sent under it, so that
//! those of a process that was killed come back.

mod share;
mod state;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use omnium::{Allowance, Allowed, ApiUser, BUCKET, CONCURRENT, NotAllowed, WaitTime};
use sync_store::{PermitLimits, SyncStore};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::share::{Asker, Share};

/// Omnium's limits, as the store reckons them.
const LIMITS: PermitLimits = PermitLimits {
    concurrent: CONCURRENT,
    capacity: BUCKET.capacity,
    refill_per_second: BUCKET.refill_per_second,
};

/// This process's part of the limits of every API user that it calls as: one for all clients.
#[derive(Debug)]
pub struct Permits {
    source: Source,
    shares: Mutex<HashMap<ApiUser, Asker>>,
}

/// Where permits come from, and who asks for them.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) store: Arc<dyn SyncStore>,
    pub(crate) limits: PermitLimits,
    pub(crate) owner: Arc<str>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Permits {
    /// Permits from a store, which all processes that call as the same API user must share.
    pub fn new(store: Arc<dyn SyncStore>) -> Arc<Self> {
        Self::with_limits(store, LIMITS)
    }

    /// The same, with limits of one's own, which must be the same everywhere.
    pub fn with_limits(store: Arc<dyn SyncStore>, limits: PermitLimits) -> Arc<Self> {
        let source = Source { store, limits, owner: Uuid::new_v4().to_string().into() };
        Arc::new(Self { source, shares: Mutex::default() })
    }

    /// Gives back what is not in use, for good: the process ends. What cannot be given back runs out.
    pub async fn give_back(&self) {
        let shares: Vec<_> = self.lock().values().map(|asker| Arc::clone(&asker.share)).collect();
        let mut goodbyes = JoinSet::new();
        for share in shares {
            goodbyes.spawn(async move { share.give_back().await });
        }
        while goodbyes.join_next().await.is_some() {}
    }

    fn share(&self, user: &ApiUser) -> Arc<Share> {
        let mut shares = self.lock();
        if let Some(asker) = shares.get(user) {
            return Arc::clone(&asker.share);
        }
        let asker = Asker::start(self.source.clone(), user.clone());
        let share = Arc::clone(&asker.share);
        shares.insert(user.clone(), asker);
        share
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ApiUser, Asker>> {
        // Each critical section leaves it whole.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Allowance for Permits {
    async fn take<'a>(
        &'a self,
        user: &ApiUser,
        longest: Duration,
        patience: &mut WaitTime,
    ) -> Result<Allowed<'a>, NotAllowed> {
        self.share(user).take(longest, patience).await
    }

    fn hold(&self, user: &ApiUser, retry_after: Duration) {
        self.share(user).hold(retry_after);
    }
}
