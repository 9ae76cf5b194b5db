//! Omnium's rate limits, shared by all processes through the store.
//!
//! A process asks the store for as many permits as it uses, and for tokens of the bucket, a few at a time: most
//! calls need no round trip. It renews its grant while it makes calls, and gives it back once it makes none. A grant
//! expires later than any request sent under it, so that the permits of a killed process come back.
//!
//! ```no_run
//! # async fn example() -> Result<(), sync_store::StoreError> {
//! let permits = permits::Permits::new(sync_store::connect("sqlite://bilag.db").await?);
//! // An `omnium::Allowance`, which every client of Omnium in the process is given.
//! permits.give_back().await;
//! # Ok(())
//! # }
//! ```

mod share;
mod state;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use omnium::{Allowance, Allowed, ApiUser, BUCKET, CONCURRENT, NotAllowed, WaitTime};
use parking_lot::Mutex;
use sync_store::{PermitLimits, PermitStore};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::share::{Asker, Share};

/// Omnium's limits, as the store reckons them.
const LIMITS: PermitLimits = PermitLimits {
    concurrent: CONCURRENT,
    capacity: BUCKET.capacity,
    refill_per_second: BUCKET.refill_per_second,
};

/// Of a bucket, where only the requests at once are limited.
const UNLIMITED: u32 = 1_000_000;

/// This process's part of the limits of every API user that it calls as: one for all clients.
#[derive(Debug)]
pub struct Permits {
    source: Source,
    shares: Mutex<HashMap<String, Asker>>,
}

/// Where permits come from, and who asks for them.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) store: Arc<dyn PermitStore>,
    pub(crate) limits: PermitLimits,
    pub(crate) owner: Arc<str>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Permits {
    /// All processes that call as the same API user must share the store.
    pub fn new(store: Arc<dyn PermitStore>) -> Arc<Self> {
        Self::with_limits(store, LIMITS)
    }

    /// With other limits, which must be the same in all processes.
    pub fn with_limits(store: Arc<dyn PermitStore>, limits: PermitLimits) -> Arc<Self> {
        let source = Source { store, limits, owner: Uuid::new_v4().to_string().into() };
        Arc::new(Self { source, shares: Mutex::default() })
    }

    /// Gives back what is not in use and takes nothing more. What cannot be given back expires.
    pub async fn give_back(&self) {
        let shares: Vec<_> = self.shares.lock().values().map(|asker| Arc::clone(&asker.share)).collect();
        let mut goodbyes = JoinSet::new();
        for share in shares {
            goodbyes.spawn(async move { share.give_back().await });
        }
        while goodbyes.join_next().await.is_some() {}
    }

    fn share(&self, name: &str, limits: PermitLimits) -> Arc<Share> {
        let mut shares = self.shares.lock();
        if let Some(asker) = shares.get(name) {
            return Arc::clone(&asker.share);
        }
        let asker = Asker::start(Source { limits, ..self.source.clone() }, name.to_owned());
        let share = Arc::clone(&asker.share);
        shares.insert(name.to_owned(), asker);
        share
    }

    fn of_user(&self, user: &ApiUser) -> Arc<Share> {
        self.share(user.as_str(), self.source.limits)
    }
}

#[async_trait]
impl Allowance for Permits {
    async fn take<'a>(
        &'a self,
        user: &ApiUser,
        longest: Duration,
        wait_time: &mut WaitTime,
    ) -> Result<Allowed<'a>, NotAllowed> {
        // What is taken from the user's bucket must be used at once, so the tenant's permit comes first.
        let of_tenant = match user.tenant() {
            None => None,
            Some((name, concurrent)) => {
                let limits = PermitLimits { concurrent, capacity: UNLIMITED, refill_per_second: UNLIMITED };
                Some(self.share(name, limits).take(longest, wait_time).await?)
            }
        };
        let own = self.of_user(user).take(longest, wait_time).await?;
        Ok(Allowed::new((of_tenant, own)))
    }

    fn hold(&self, user: &ApiUser, retry_after: Duration) {
        self.of_user(user).hold(retry_after);
    }
}
