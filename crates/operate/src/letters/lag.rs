//! Whether the index says what the queues hold.

use std::fmt;
use std::time::Duration;

use amqp::{Broker, BrowseError, queue_name};
use sync_store::{StoreError, SyncStore};
use tokio::time::timeout;

use crate::Stage;

/// How long the broker may take: whoever lists dead letters wants to see them.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The queue of the dead letters that are not in the index yet.
const TO_BE_NOTED: &str = "bilag.dead";

/// Where index and queues differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lag {
    /// DeadLetters wait for the dead consumer.
    Unnoted {
        /// How many.
        letters: u32,
    },
    /// A queue and the index have different numbers of dead letters.
    Differs {
        /// The stage.
        stage: String,
        /// DeadLetters in `bilag.STAGE.dead`.
        queue: u64,
        /// DeadLetters of the stage in the index.
        index: u64,
        /// Who is moving dead letters of the stage, which have neither place meanwhile.
        moved_by: Option<String>,
    },
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnoted { letters } => write!(
                f,
                "{letters} letter(s) wait in {TO_BE_NOTED} and are not listed yet: `bilag consume dead` is not running, or has not come to them"
            ),
            Self::Differs { stage, queue, index, moved_by: Some(who) } => write!(
                f,
                "bilag.{stage}.dead has {queue} letter(s), the index has {index}: {who} is moving dead letters of {stage} now"
            ),
            Self::Differs { stage, queue, index, moved_by: None } => write!(
                f,
                "bilag.{stage}.dead has {queue} letter(s), the index has {index}: `bilag dead reindex` makes the index say what the queue holds"
            ),
        }
    }
}

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub enum LagError {
    /// The index cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queues cannot be looked at.
    #[error(transparent)]
    Queues(#[from] BrowseError),
    /// The broker takes too long.
    #[error("the broker at {broker} did not answer within {} s", TIMEOUT.as_secs())]
    NoAnswer {
        /// Where.
        broker: String,
    },
}

/// Compares the numbers of dead letters in the queues with those in the index. What waits to be noted
/// explains as much of a difference as it can.
///
/// # Errors
/// Store or broker cannot be asked: whether the index lags is not known.
pub async fn lag(store: &dyn SyncStore, broker: &Broker, stages: &[Stage]) -> Result<Vec<Lag>, LagError> {
    let mut queues: Vec<_> = stages.iter().map(|stage| format!("{}.dead", queue_name(stage.name))).collect();
    queues.push(TO_BE_NOTED.to_owned());
    let asked = timeout(TIMEOUT, amqp::ready(broker, &queues)).await;
    let ready = asked.map_err(|_| LagError::NoAnswer { broker: broker.to_string() })??;
    let unnoted = ready.last().copied().flatten().unwrap_or(0);
    let counts = store.dead_counts().await?;
    let mut all = Vec::new();
    if unnoted > 0 {
        all.push(Lag::Unnoted { letters: unnoted });
    }
    for (stage, ready) in stages.iter().zip(ready) {
        let of_stage = counts.iter().filter(|count| count.stage == stage.name);
        let (index, queue) = (of_stage.map(|count| count.count).sum(), u64::from(ready.unwrap_or(0)));
        if queue != index && !(index..=index + u64::from(unnoted)).contains(&queue) {
            let holder = store.named_lease_holder(&format!("dead:{}", stage.name)).await?;
            let moved_by = holder.map(|holder| holder.owner.split(' ').next().unwrap_or_default().to_owned());
            all.push(Lag::Differs { stage: stage.name.to_owned(), queue, index, moved_by });
        }
    }
    Ok(all)
}
