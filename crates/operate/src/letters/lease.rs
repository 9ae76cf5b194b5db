//! One operator at a time moves the dead letters of a stage.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use sync_store::{StoreError, SyncStore};
use uuid::Uuid;

use super::DeadLetterError;

/// How long a tool that was killed keeps others away.
const LEASE: Duration = Duration::from_secs(60);

/// The right to move the dead letters of one stage.
pub(super) struct Lease<'a> {
    store: &'a dyn SyncStore,
    name: String,
    owner: String,
    /// When it was extended last; `None` once it is lost.
    kept: Mutex<Option<Instant>>,
}

impl<'a> Lease<'a> {
    /// Takes it, or tells who has it.
    pub(super) async fn take(
        store: &'a dyn SyncStore,
        stage: &str,
        who: &str,
    ) -> Result<Self, DeadLetterError> {
        let name = format!("dead:{stage}");
        let owner = format!("{} {}", who.replace(' ', "_"), Uuid::new_v4());
        if store.named_lease(&name, &owner, LEASE).await? {
            return Ok(Self { store, name, owner, kept: Mutex::new(Some(Instant::now())) });
        }
        let holder = store.named_lease_holder(&name).await?;
        let (who, until) = holder.map_or_else(
            || ("somebody else".to_owned(), "a moment".to_owned()),
            |holder| {
                let who = holder.owner.split(' ').next().unwrap_or_default().to_owned();
                (who, holder.until.format("%H:%M:%S UTC").to_string())
            },
        );
        Err(DeadLetterError::Busy { who, stage: stage.to_owned(), until })
    }

    /// Extends it where that is due. Answers whether it is still ours. Once lost, it stays lost.
    pub(super) async fn keep(&self) -> Result<bool, StoreError> {
        let kept = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept {
            None => return Ok(false),
            Some(kept) if kept.elapsed() < LEASE / 6 => return Ok(true),
            // Somebody else may have had it meanwhile, and have given it back.
            Some(kept) if kept.elapsed() >= LEASE => {}
            Some(_) if self.store.named_lease(&self.name, &self.owner, LEASE).await? => {
                *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                return Ok(true);
            }
            Some(_) => {}
        }
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(false)
    }

    /// Lets others in.
    pub(super) async fn give_back(&self) {
        // Where this fails, it runs out by itself.
        let _ = self.store.named_lease(&self.name, &self.owner, Duration::ZERO).await;
    }
}
