//! The index of dead letters compared with the queues: whether it lags, and rebuilding it.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use amqp::{BrowseError, Browser, DeadLetterQueue, Found, Handler, dead_queue_name};
use sync_store::{DeadLetterFilter, Place, StoreError};
use tokio::time::timeout;

use super::lease::Lease;
use super::{DeadLetterError, DeadLetterService};

/// How long the broker may take: whoever lists dead letters wants to see them.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The queue of dead letters that are not indexed yet.
const UNINDEXED: &str = "bilag.dead";

/// Dead letters without a cause that get one in a single statement.
const CAUSES: u32 = 500;

/// A difference between index and queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lag {
    /// Dead letters wait for the `dead` consumer.
    Unnoted {
        /// Ready in `bilag.dead`.
        count: u32,
    },
    /// A dead-letter queue and the index differ in number.
    Differs {
        /// Name of the stage.
        stage: String,
        /// Ready in `bilag.STAGE.dead`.
        queue: u64,
        /// Dead letters of the stage in the index.
        index: u64,
        /// Operator who is moving dead letters of the stage, which are in neither place meanwhile.
        moved_by: Option<String>,
    },
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnoted { count } => write!(
                f,
                "{count} dead letter(s) wait in {UNINDEXED} and are not listed yet: `bilag consume dead` is not running, or is behind"
            ),
            Self::Differs { stage, queue, index, moved_by } => {
                write!(f, "bilag.{stage}.dead has {queue} dead letter(s), the index has {index}: ")?;
                match moved_by {
                    Some(who) => write!(f, "{who} is moving dead letters of {stage} now"),
                    None => f.write_str("`bilag dead reindex` updates the index from the queue"),
                }
            }
        }
    }
}

/// Why index and queues could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum LagError {
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queues cannot be inspected.
    #[error(transparent)]
    Queues(#[from] BrowseError),
    /// The broker takes too long.
    #[error("the broker at {broker} did not answer within {} s", TIMEOUT.as_secs())]
    NoAnswer {
        /// Its address.
        broker: String,
    },
}

/// What reindexing found in one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reindexed {
    /// Name of the stage.
    pub stage: &'static str,
    /// Dead letters in its queue.
    pub there: usize,
    /// Those of them that the index did not have.
    pub missing: usize,
    /// Those of the index that were not in the queue.
    pub gone: usize,
}

impl DeadLetterService {
    /// Compares the numbers of dead letters in the queues with those in the index. Those that are not indexed
    /// yet explain as much of a difference as they can.
    ///
    /// # Errors
    /// Store or broker did not answer: whether the index lags is unknown.
    pub async fn lag(&self) -> Result<Vec<Lag>, LagError> {
        let mut queues: Vec<_> = self.stages.iter().map(|stage| dead_queue_name(stage.name)).collect();
        queues.push(UNINDEXED.to_owned());
        let asked = timeout(TIMEOUT, amqp::ready(&self.broker, &queues)).await;
        let ready = asked.map_err(|_| LagError::NoAnswer { broker: self.broker.to_string() })??;
        let unnoted = ready.last().copied().flatten().unwrap_or(0);
        let counts = self.store.dead_counts().await?;
        let mut all = Vec::new();
        if unnoted > 0 {
            all.push(Lag::Unnoted { count: unnoted });
        }
        for (stage, ready) in self.stages.iter().zip(ready) {
            let of_stage = counts.iter().filter(|count| count.stage == stage.name);
            let (index, queue) = (of_stage.map(|count| count.count).sum(), u64::from(ready.unwrap_or(0)));
            if queue != index && !(index..=index + u64::from(unnoted)).contains(&queue) {
                let moved_by = Lease::holder(self.store.as_ref(), stage.name).await?.map(|(who, _)| who);
                all.push(Lag::Differs { stage: stage.name.to_owned(), queue, index, moved_by });
            }
        }
        Ok(all)
    }

    /// Indexes what is missing, by the handler that indexes dead letters, and forgets what is gone. Calls
    /// `stage_done` after each stage. Holds each stage's lease meanwhile: what another operator has in flight
    /// would be missed.
    ///
    /// # Errors
    /// Another operator holds a stage, or store or broker cannot be used; a second call resumes.
    pub async fn reindex(
        &self,
        indexer: &impl Handler,
        who: &str,
        stage_done: impl Fn(&Reindexed),
    ) -> Result<(), DeadLetterError> {
        for stage in &self.stages {
            let lease = Lease::take(self.store.as_ref(), stage.name, who).await?;
            let done = self.reindex_stage(stage.name, indexer, &lease).await;
            lease.give_back().await;
            stage_done(&done?);
        }
        while self.store.fill_causes(CAUSES).await? == u64::from(CAUSES) {}
        Ok(())
    }

    async fn reindex_stage(
        &self,
        stage: &'static str,
        indexer: &impl Handler,
        lease: &Lease<'_>,
    ) -> Result<Reindexed, DeadLetterError> {
        let known = self.indexed(stage, Place::Dead).await?;
        let mut there = HashSet::new();
        let mut browser = Browser::begin(&self.broker, stage, DeadLetterQueue::Dead).await?;
        while let Some(found) = browser.next().await? {
            lease.check(stage).await?;
            if !known.contains(&found.id) {
                indexer.handle(&found.message).await.map_err(|failure| DeadLetterError::NotNoted {
                    id: found.id.clone(),
                    source: failure.chain().into(),
                })?;
                self.store.move_dead_letter(&found.id, Place::Dead).await?;
            }
            there.insert(found.id);
        }
        let incomplete = incomplete(&browser, stage, "none was forgotten");
        browser.end().await;
        if let Some(error) = incomplete {
            return Err(error);
        }
        let archived = self.unindexed_in_archive(stage, lease).await?;
        let discarded: Vec<_> = archived.difference(&there).cloned().collect();
        self.store.move_dead_letters(&discarded, Place::Discarded).await?;
        let gone: Vec<_> = known.difference(&there).filter(|id| !archived.contains(*id)).cloned().collect();
        self.store.move_dead_letters(&gone, Place::Redriven).await?;
        let missing = there.difference(&known).count();
        Ok(Reindexed { stage, there: there.len(), missing, gone: gone.len() })
    }

    /// Calls `each` with every dead letter of a stage's queue, the oldest first; they stay there. Holds the stage's
    /// lease meanwhile: what another operator has in flight would be missed.
    ///
    /// # Errors
    /// Another operator holds the stage, the queue cannot be read, or not to its end.
    pub async fn export(
        &self,
        stage: &str,
        who: &str,
        each: impl FnMut(&Found),
    ) -> Result<(), DeadLetterError> {
        let lease = Lease::take(self.store.as_ref(), stage, who).await?;
        let exported = self.export_stage(stage, &lease, each).await;
        lease.give_back().await;
        exported
    }

    async fn export_stage(
        &self,
        stage: &str,
        lease: &Lease<'_>,
        mut each: impl FnMut(&Found),
    ) -> Result<(), DeadLetterError> {
        let mut browser = Browser::begin(&self.broker, stage, DeadLetterQueue::Dead).await?;
        while let Some(found) = browser.next().await? {
            lease.check(stage).await?;
            each(&found);
        }
        let incomplete = incomplete(&browser, stage, "what was printed is not all");
        browser.end().await;
        incomplete.map_or(Ok(()), Err)
    }

    async fn indexed(&self, stage: &str, place: Place) -> Result<HashSet<String>, DeadLetterError> {
        let filter = DeadLetterFilter { place, stage: Some(stage.to_owned()), ..Default::default() };
        Ok(self.store.dead_letter_ids(&filter).await?.into_iter().map(|letter| letter.id).collect())
    }

    /// Archived dead letters that the index has elsewhere: whoever archived them was killed before updating it.
    async fn unindexed_in_archive(
        &self,
        stage: &'static str,
        lease: &Lease<'_>,
    ) -> Result<HashSet<String>, DeadLetterError> {
        let known = self.indexed(stage, Place::Discarded).await?;
        let mut archived = HashSet::new();
        let mut browser = Browser::begin(&self.broker, stage, DeadLetterQueue::Discarded).await?;
        while let Some(found) = browser.next().await? {
            lease.check(stage).await?;
            if !known.contains(&found.id) {
                archived.insert(found.id);
            }
        }
        let incomplete = incomplete(&browser, stage, "none was forgotten");
        browser.end().await;
        if let Some(error) = incomplete {
            return Err(error);
        }
        Ok(archived)
    }
}

/// The error of a queue that was not read to its end.
fn incomplete(browser: &Browser, stage: &str, so_far: &'static str) -> Option<DeadLetterError> {
    let (read, count) = browser.read();
    let stage = stage.to_owned();
    (!browser.is_complete()).then_some(DeadLetterError::Incomplete { stage, read, count, so_far })
}
