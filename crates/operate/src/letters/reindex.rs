//! Making the index say what the queues hold.

use std::collections::HashSet;

use amqp::{Browser, DeadLetterQueue, Handler};
use sync_store::{DeadLetterFilter, Place};

use super::lease::Lease;
use super::{DeadLetterError, Desk};

/// DeadLetters of the index that get their cause in one go.
const CAUSES: u32 = 500;

/// What was found of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindexed {
    /// The stage.
    pub stage: &'static str,
    /// DeadLetters in its queue.
    pub there: usize,
    /// Those of them that the index did not have.
    pub missing: usize,
    /// Those of the index that were not in the queue.
    pub gone: usize,
}

/// Notes what is missing in the index, by the handler that notes dead letters, and forgets what is gone.
/// DeadLetters of an earlier version get their cause. `stage_done` hears of each stage in turn. `who` keeps
/// others from moving the dead letters of a stage meanwhile: what either has in flight, the other would miss.
///
/// # Errors
/// Somebody else moves dead letters of a stage, or store or broker cannot be used; asking again goes on where
/// it stopped.
pub async fn reindex(
    desk: &Desk<'_>,
    notes: &impl Handler,
    who: &str,
    stage_done: impl Fn(&Reindexed),
) -> Result<(), DeadLetterError> {
    for stage in desk.stages {
        let lease = Lease::take(desk.store, stage.name, who).await?;
        let done = one(desk, stage.name, notes, &lease).await;
        lease.give_back().await;
        stage_done(&done?);
    }
    while desk.store.fill_causes(CAUSES).await? == u64::from(CAUSES) {}
    Ok(())
}

async fn one(
    desk: &Desk<'_>,
    stage: &'static str,
    notes: &impl Handler,
    lease: &Lease<'_>,
) -> Result<Reindexed, DeadLetterError> {
    let known = known(desk, stage, Place::Dead).await?;
    let mut there = HashSet::new();
    let mut walk = Browser::begin(desk.broker, stage, DeadLetterQueue::Dead).await?;
    while let Some(found) = walk.next().await? {
        if !lease.keep().await? {
            return Err(DeadLetterError::Taken { stage: stage.to_owned() });
        }
        if !known.contains(&found.id) {
            let noted = notes.handle(&found.message).await;
            noted.map_err(|failure| DeadLetterError::NotNoted {
                id: found.id.clone(),
                source: failure.chain().into(),
            })?;
            desk.store.move_dead_letter(&found.id, Place::Dead).await?;
        }
        there.insert(found.id);
    }
    walk.end().await;
    let archived = archived(desk, stage, lease).await?;
    let told: Vec<_> = archived.difference(&there).cloned().collect();
    desk.store.move_dead_letters(&told, Place::Discarded).await?;
    let gone = known.difference(&there).filter(|id| !archived.contains(*id));
    let gone: Vec<_> = gone.cloned().collect();
    desk.store.move_dead_letters(&gone, Place::Redriven).await?;
    let missing = there.difference(&known).count();
    Ok(Reindexed { stage, there: there.len(), missing, gone: gone.len() })
}

/// The dead letters that the index has in a place.
async fn known(desk: &Desk<'_>, stage: &str, place: Place) -> Result<HashSet<String>, DeadLetterError> {
    let filter = DeadLetterFilter { place, stage: Some(stage.to_owned()), ..Default::default() };
    Ok(desk.store.dead_letter_ids(&filter).await?.into_iter().map(|letter| letter.id).collect())
}

/// The dead letters in the archive of which the index does not say so: who put them there was killed before
/// it could tell.
async fn archived(
    desk: &Desk<'_>,
    stage: &'static str,
    lease: &Lease<'_>,
) -> Result<HashSet<String>, DeadLetterError> {
    let known = known(desk, stage, Place::Discarded).await?;
    let mut archived = HashSet::new();
    let mut walk = Browser::begin(desk.broker, stage, DeadLetterQueue::Discarded).await?;
    while let Some(found) = walk.next().await? {
        if !lease.keep().await? {
            return Err(DeadLetterError::Taken { stage: stage.to_owned() });
        }
        if !known.contains(&found.id) {
            archived.insert(found.id);
        }
    }
    walk.end().await;
    Ok(archived)
}
