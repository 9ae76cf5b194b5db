//! A letter as it lies in its queue, whole.

use std::time::Duration;

use amqp::{Broker, Message, Shelf, Walk};
use sync_store::{NotedLetter, Place, SyncStore};
use tokio::time::timeout;

use super::LetterError;
use super::lease::Lease;

/// The letter's message with all of its body; `None` where it is not in its queue (any more). It stays
/// where it is. Until it is found, all letters before it are in the reader's hands and missing from the
/// queue: whoever moves letters meanwhile would take them for gone, so that it is done under the same
/// lease.
///
/// # Errors
/// Somebody else has letters of the stage in hand, the queue cannot be read, or that takes longer than
/// `limit`.
pub async fn whole(
    store: &dyn SyncStore,
    broker: &Broker,
    who: &str,
    noted: &NotedLetter,
    limit: Duration,
) -> Result<Option<Message>, LetterError> {
    let stage = &noted.letter.stage;
    let shelf = match noted.place {
        Place::Dead => Shelf::Dead,
        Place::Discarded => Shelf::Discarded,
        Place::Redriven => return Ok(None),
    };
    let lease = Lease::take(store, stage, who).await?;
    let read = read(broker, &lease, noted, shelf, limit).await;
    lease.give_back().await;
    read
}

/// What the walk had in hand is back in the queue before the lease is given back.
async fn read(
    broker: &Broker,
    lease: &Lease<'_>,
    noted: &NotedLetter,
    shelf: Shelf,
    limit: Duration,
) -> Result<Option<Message>, LetterError> {
    let (id, stage) = (&noted.letter.id, &noted.letter.stage);
    let mut walk = Walk::begin(broker, stage, shelf).await?;
    let looked = async {
        while let Some(found) = walk.next().await? {
            if found.id == *id {
                return Ok(Some(found.message));
            }
            if !lease.keep().await? {
                return Err(LetterError::Taken { stage: stage.clone() });
            }
        }
        Ok(None)
    };
    let found = timeout(limit, looked).await;
    walk.end().await;
    match found {
        Ok(found) => found,
        Err(_) => Err(LetterError::TooDeep { id: id.clone(), limit: limit.as_secs() }),
    }
}
