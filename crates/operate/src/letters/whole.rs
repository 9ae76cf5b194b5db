//! A letter as it lies in its queue, whole.

use amqp::{Broker, Message, Shelf, Walk, WalkError};
use sync_store::{NotedLetter, Place};

/// The letter's message with all of its body; `None` where it is not in its queue (any more). It stays
/// where it is.
///
/// # Errors
/// The queue cannot be read.
pub async fn whole(broker: &Broker, noted: &NotedLetter) -> Result<Option<Message>, WalkError> {
    let shelf = match noted.place {
        Place::Dead => Shelf::Dead,
        Place::Discarded => Shelf::Discarded,
        Place::Redriven => return Ok(None),
    };
    let mut walk = Walk::begin(broker, &noted.letter.stage, shelf).await?;
    let mut message = None;
    while let Some(found) = walk.next().await? {
        if found.id == noted.letter.id {
            message = Some(found.message);
            break;
        }
    }
    walk.end().await;
    Ok(message)
}
