//! Dead letters on their way: back to work, into the archive, and back from it.

use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};

use crate::connection::Link;
use crate::header::names;
use crate::topology::{DEAD, RETRY, rung_name};
use crate::{Broker, ConnectError, Delay, Message, PublishError, Publisher, dead_letter_id, queue_name};

/// Where letters of a stage lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// `bilag.<stage>.dead`: they wait for a person.
    Dead,
    /// `bilag.<stage>.discarded`: put aside, for 30 days.
    Discarded,
}

/// Where a letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Back to the work queue it came from, with all its attempts.
    Work,
    /// Into the archive.
    Discarded,
    /// Back among the dead letters.
    Dead,
}

/// Why letters cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
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
    /// A letter could not be put where it should go; it is where it was.
    #[error("a letter could not be moved; it is where it was")]
    Publish(#[from] PublishError),
}

/// A walk over the letters of a stage, the oldest first. A letter is put in its new place before it
/// is taken from the old one, so that it is nowhere missing. What is not taken returns to its place
/// when the walk ends, however it ends.
pub struct Walk {
    stage: String,
    queue: String,
    link: Link,
    channel: Channel,
    publisher: Publisher,
    left: u32,
}

/// A letter in hand.
pub struct Found {
    /// Names the letter.
    pub id: String,
    /// The letter.
    pub message: Message,
    delivery: Delivery,
}

impl Walk {
    /// Begins at the oldest letter. A queue that is not there has none.
    pub async fn begin(broker: &Broker, stage: &str, shelf: Shelf) -> Result<Self, WalkError> {
        let queue = match shelf {
            Shelf::Dead => format!("{}.dead", queue_name(stage)),
            Shelf::Discarded => format!("{}.discarded", queue_name(stage)),
        };
        let link = broker.connect("dead letters").await?;
        let publisher = Publisher::connect(broker).await?;
        let failed = |source| WalkError::Queue { queue: queue.clone(), source };
        let left = link.ready(&queue).await.map_err(failed)?.unwrap_or(0);
        let channel = link.connection.create_channel().await.map_err(failed)?;
        Ok(Self { stage: stage.to_owned(), queue, link, channel, publisher, left })
    }

    /// The next letter; `None` after those that lay there when the walk began.
    pub async fn next(&mut self) -> Result<Option<Found>, WalkError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let got = self.channel.basic_get(self.queue.as_str().into(), BasicGetOptions::default()).await;
        let failed = |source| WalkError::Queue { queue: self.queue.clone(), source };
        let Some(mut got) = got.map_err(failed)? else { return Ok(None) };
        let message = Message::of(&mut got.delivery);
        Ok(Some(Found { id: dead_letter_id(&message), message, delivery: got.delivery }))
    }

    /// Puts a copy of the letter in its new place, and returns once it is safe there.
    pub async fn put(&self, found: &Found, to: Destination) -> Result<(), WalkError> {
        let message = &found.message;
        let mut headers = message.kept_headers();
        let (exchange, key) = match to {
            Destination::Work => {
                for spent in
                    [names::ATTEMPT, names::STAGE, names::REASON, names::ERROR, names::LAST_FAILED_AT]
                {
                    headers.remove(spent);
                }
                let before = message.header_number(names::REDRIVEN).unwrap_or(0);
                headers.set_number(names::REDRIVEN, before.saturating_add(1));
                (RETRY, queue_name(&self.stage))
            }
            Destination::Discarded => (DEAD, format!("{}.discarded", self.stage)),
            Destination::Dead => (DEAD, self.stage.clone()),
        };
        let properties = message.kept_properties(&message.id()).with_headers(headers.to_table());
        Ok(self.publisher.publish_raw(exchange, &key, &message.body, properties).await?)
    }

    /// Takes the letter from its old place.
    pub async fn take(&self, found: Found) -> Result<(), WalkError> {
        let taken = found.delivery.acker.ack(BasicAckOptions::default()).await;
        taken.map(drop).map_err(|source| WalkError::Queue { queue: self.queue.clone(), source })
    }

    /// How many messages wait in the stage's work queue, and how many in its rungs.
    pub async fn waiting(&self, delays: &[Delay]) -> Result<(u32, u32), WalkError> {
        let work = queue_name(&self.stage);
        let mut retrying = 0;
        for delay in delays {
            retrying += self.depth(rung_name(&work, *delay)).await?;
        }
        Ok((self.depth(work).await?, retrying))
    }

    async fn depth(&self, queue: String) -> Result<u32, WalkError> {
        let ready = self.link.ready(&queue).await;
        Ok(ready.map_err(|source| WalkError::Queue { queue, source })?.unwrap_or(0))
    }

    /// Ends the walk; what was not taken is in its place again.
    pub async fn end(self) {
        self.publisher.close().await;
        self.link.close().await;
    }
}
