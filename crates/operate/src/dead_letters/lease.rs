//! The lease on a stage's dead letters: one operator at a time moves them or browses their queue.

use std::time::{Duration, Instant};

use amqp::{Browser, DeadLetterQueue, Message};
use parking_lot::Mutex;
use sync_store::{NotedDeadLetter, Place, StoreError, SyncStore};
use tokio::time::timeout;
use uuid::Uuid;

use super::{DeadLetterError, DeadLetterService};

/// How long a tool that was killed keeps others away.
const LEASE: Duration = Duration::from_secs(60);

/// The right to move the dead letters of one stage.
pub(super) struct Lease<'a> {
    store: &'a dyn SyncStore,
    name: String,
    owner: String,
    /// When it was extended last; `None` once it is lost.
    extended: Mutex<Option<Instant>>,
}

impl<'a> Lease<'a> {
    /// # Errors
    /// [`DeadLetterError::Busy`] names the holder.
    pub(super) async fn take(
        store: &'a dyn SyncStore,
        stage: &str,
        who: &str,
    ) -> Result<Self, DeadLetterError> {
        let name = name(stage);
        let owner = format!("{} {}", who.replace(' ', "_"), Uuid::new_v4());
        if store.named_lease(&name, &owner, LEASE).await? {
            return Ok(Self { store, name, owner, extended: Mutex::new(Some(Instant::now())) });
        }
        let (who, until) = Self::holder(store, stage)
            .await?
            .unwrap_or_else(|| ("somebody else".to_owned(), "a moment".to_owned()));
        Err(DeadLetterError::Busy { who, stage: stage.to_owned(), until })
    }

    /// Who holds the lease of a stage, and the time of day at which it expires.
    pub(super) async fn holder(
        store: &dyn SyncStore,
        stage: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let holder = store.named_lease_holder(&name(stage)).await?;
        Ok(holder.map(|holder| {
            let who = holder.owner.split(' ').next().unwrap_or_default().to_owned();
            (who, holder.until.format("%H:%M:%S UTC").to_string())
        }))
    }

    /// Extends the lease when due; `false` once it is lost, which is final.
    pub(super) async fn keep(&self) -> Result<bool, StoreError> {
        let extended = *self.extended.lock();
        match extended {
            None => return Ok(false),
            Some(last) if last.elapsed() < LEASE / 6 => return Ok(true),
            // Somebody else may have held it meanwhile, and have given it back.
            Some(last) if last.elapsed() >= LEASE => {}
            Some(_) if self.store.named_lease(&self.name, &self.owner, LEASE).await? => {
                *self.extended.lock() = Some(Instant::now());
                return Ok(true);
            }
            Some(_) => {}
        }
        *self.extended.lock() = None;
        Ok(false)
    }

    /// [`keep`](Self::keep), where a lost lease ends the operation.
    pub(super) async fn check(&self, stage: &str) -> Result<(), DeadLetterError> {
        if self.keep().await? { Ok(()) } else { Err(DeadLetterError::Taken { stage: stage.to_owned() }) }
    }

    pub(super) async fn give_back(&self) {
        // Should this fail, it expires.
        let _ = self.store.named_lease(&self.name, &self.owner, Duration::ZERO).await;
    }
}

fn name(stage: &str) -> String {
    format!("dead:{stage}")
}

impl DeadLetterService {
    /// The message of a dead letter, whole, from its queue, where it stays; `None` if it is no longer there.
    /// Dead letters before it are unacknowledged until it is found, and would seem gone to an operator who
    /// moves dead letters meanwhile: hence the lease.
    ///
    /// # Errors
    /// Another operator holds the stage, the queue cannot be read, or it took longer than `limit`.
    pub async fn read_whole(
        &self,
        who: &str,
        noted: &NotedDeadLetter,
        limit: Duration,
    ) -> Result<Option<Message>, DeadLetterError> {
        let queue = match noted.place {
            Place::Dead => DeadLetterQueue::Dead,
            Place::Discarded => DeadLetterQueue::Discarded,
            Place::Redriven => return Ok(None),
        };
        let lease = Lease::take(self.store.as_ref(), &noted.letter.stage, who).await?;
        let read = self.browse_for(&lease, noted, queue, limit).await;
        lease.give_back().await;
        read
    }

    /// What was unacknowledged is back in the queue before this returns.
    async fn browse_for(
        &self,
        lease: &Lease<'_>,
        noted: &NotedDeadLetter,
        queue: DeadLetterQueue,
        limit: Duration,
    ) -> Result<Option<Message>, DeadLetterError> {
        let (id, stage) = (&noted.letter.id, &noted.letter.stage);
        let mut browser = Browser::begin(&self.broker, stage, queue).await?;
        let search = async {
            while let Some(found) = browser.next().await? {
                if found.id == *id {
                    return Ok(Some(found.message));
                }
                lease.check(stage).await?;
            }
            Ok(None)
        };
        let found = timeout(limit, search).await;
        browser.end().await;
        found.map_err(|_| DeadLetterError::TooDeep { id: id.clone(), limit: limit.as_secs() })?
    }
}
