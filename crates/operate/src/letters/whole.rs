//! A dead letter as it lies in its queue, whole.

use std::time::Duration;

use amqp::{Broker, Browser, DeadLetterQueue, Message};
use sync_store::{NotedDeadLetter, Place, SyncStore};
use tokio::time::timeout;

use super::DeadLetterError;
use super::lease::Lease;

/// The dead letter's message with all of its body; `None` where it is not in its queue (any more). It stays
/// where it is. Until it is found, all dead letters before it are in the reader's hands and missing from the
/// queue: whoever moves dead letters meanwhile would take them for gone, so that it is done under the same
/// lease.
///
/// # Errors
/// Somebody else has dead letters of the stage in flight, the queue cannot be read, or that takes longer than
/// `limit`.
pub async fn whole(
    store: &dyn SyncStore,
    broker: &Broker,
    who: &str,
    noted: &NotedDeadLetter,
    limit: Duration,
) -> Result<Option<Message>, DeadLetterError> {
    let stage = &noted.letter.stage;
    let shelf = match noted.place {
        Place::Dead => DeadLetterQueue::Dead,
        Place::Discarded => DeadLetterQueue::Discarded,
        Place::Redriven => return Ok(None),
    };
    let lease = Lease::take(store, stage, who).await?;
    let read = read(broker, &lease, noted, shelf, limit).await;
    lease.give_back().await;
    read
}

/// What the walk had in flight is back in the queue before the lease is given back.
async fn read(
    broker: &Broker,
    lease: &Lease<'_>,
    noted: &NotedDeadLetter,
    shelf: DeadLetterQueue,
    limit: Duration,
) -> Result<Option<Message>, DeadLetterError> {
    let (id, stage) = (&noted.letter.id, &noted.letter.stage);
    let mut walk = Browser::begin(broker, stage, shelf).await?;
    let looked = async {
        while let Some(found) = walk.next().await? {
            if found.id == *id {
                return Ok(Some(found.message));
            }
            if !lease.keep().await? {
                return Err(DeadLetterError::Taken { stage: stage.clone() });
            }
        }
        Ok(None)
    };
    let found = timeout(limit, looked).await;
    walk.end().await;
    match found {
        Ok(found) => found,
        Err(_) => Err(DeadLetterError::TooDeep { id: id.clone(), limit: limit.as_secs() }),
    }
}
