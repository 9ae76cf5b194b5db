//! Reading dead letters in their queues, moving them, and how full queues are.

mod browser;
mod depth;

use lapin::options::BasicGetOptions;

pub use browser::{Browser, DeadLetterQueue, Destination, Found};
pub use depth::{DepthError, Depths, QueueDepth};

use crate::{Broker, ConnectError, Message, PublishError};

/// Why a queue cannot be read, or dead letters in it cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The queue may not be read, or the connection was lost.
    #[error("queue {queue} could not be read")]
    Queue {
        /// Its name.
        queue: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// A dead letter could not be put where it should go; it is where it was.
    #[error("a dead letter could not be moved; it is where it was")]
    Publish(#[from] PublishError),
}

/// The first messages of a queue, oldest first, and how many are ready in all. They return to their
/// places when the channel closes; a queue that is not there has none.
pub async fn peek(broker: &Broker, queue: &str, limit: usize) -> Result<(Vec<Message>, u32), BrowseError> {
    let link = broker.connect("look").await?;
    let failed = |source| BrowseError::Queue { queue: queue.to_owned(), source };
    let Some(ready) = link.ready(queue).await.map_err(failed)? else { return Ok((Vec::new(), 0)) };
    let channel = link.connection.create_channel().await.map_err(failed)?;
    let mut messages = Vec::new();
    while messages.len() < limit {
        match channel.basic_get(queue.into(), BasicGetOptions::default()).await.map_err(failed)? {
            Some(mut got) => messages.push(Message::of(&mut got.delivery)),
            None => break,
        }
    }
    link.close().await;
    Ok((messages, ready))
}

/// How many messages are ready in each queue; `None` where there is no such queue.
pub async fn ready(broker: &Broker, names: &[String]) -> Result<Vec<Option<u32>>, BrowseError> {
    let link = broker.connect("look").await?;
    let mut queues = link.queues();
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let failed = |source| BrowseError::Queue { queue: name.clone(), source };
        all.push(queues.find(name).await.map_err(failed)?.map(|queue| queue.message_count()));
    }
    link.close().await;
    Ok(all)
}
