//! Dead letters on their way: back to work, into the archive, and back from it.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{StreamExt, TryStreamExt, iter};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::connection::Link;
use crate::header::{Headers, names};
use crate::message::hex;
use crate::topology::{DEAD, REQUEUE, dead_queue_name, rung_name};
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

/// Letters that the broker sends unasked before one of them is looked at. The first window is small,
/// because most walks are for one letter; the last, and the bytes of a window, bound what is in memory.
const FIRST_WINDOW: u16 = 16;
const LAST_WINDOW: u16 = 256;
const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// How long the broker may let a walk keep a letter, in milliseconds. RabbitMQ 4.3 does; before, a shorter limit of
/// the queue or of the broker, half an hour unless it was changed, takes all letters back.
const KEPT_FOR: i64 = 24 * 3_600 * 1_000;

/// After this long without a letter it is looked whether there is one.
const SILENCE: Duration = Duration::from_millis(500);

/// Copies that are on their way to their new places at once.
const ON_THEIR_WAY: usize = 64;

/// A walk over the letters of a stage, the oldest first. A letter is put in its new place before it
/// is taken from the old one, so that it is nowhere missing. What is not taken returns to its place
/// when the walk ends, however it ends.
pub struct Walk {
    stage: String,
    queue: String,
    link: Link,
    channel: Channel,
    publisher: Publisher,
    begun: Instant,
    /// Letters that lay there when the walk began, and were not looked at yet.
    left: u32,
    window: Option<Window>,
    window_size: u16,
    /// The largest body that was met, in bytes.
    largest: usize,
    /// The last letter of each window that is closed, by the broker's number of it.
    closed: Vec<u64>,
    /// What was sent and not taken, by the broker's numbers.
    in_hand: Mutex<BTreeSet<u64>>,
    /// Letters that the broker sent beyond the last window.
    beyond: VecDeque<Delivery>,
}

/// Letters that the broker sends: a consumer that may have so many unsettled. What it has had stays in
/// hand once it is cancelled, and the next one goes on after it.
struct Window {
    letters: Consumer,
    left: u16,
    last: u64,
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
            Shelf::Dead => dead_queue_name(stage),
            Shelf::Discarded => format!("{}.discarded", queue_name(stage)),
        };
        let link = broker.connect("dead letters").await?;
        let publisher = Publisher::connect(broker).await?;
        let failed = |source| WalkError::Queue { queue: queue.clone(), source };
        let left = link.ready(&queue).await.map_err(failed)?.unwrap_or(0);
        let channel = link.connection.create_channel().await.map_err(failed)?;
        Ok(Self {
            stage: stage.to_owned(),
            queue,
            link,
            channel,
            publisher,
            begun: Instant::now(),
            left,
            window: None,
            window_size: FIRST_WINDOW,
            largest: 1,
            closed: Vec::new(),
            in_hand: Mutex::default(),
            beyond: VecDeque::new(),
        })
    }

    /// The next letter; `None` after those that lay there when the walk began.
    pub async fn next(&mut self) -> Result<Option<Found>, WalkError> {
        while self.left > 0 {
            let next = match self.beyond.pop_front() {
                Some(delivery) => Some(delivery),
                None => self.next_of_window().await.map_err(|source| self.unread(source))?,
            };
            let Some(mut delivery) = next else { continue };
            self.left -= 1;
            let message = Message::of(&mut delivery);
            self.largest = self.largest.max(message.body.len());
            return Ok(Some(Found { id: dead_letter_id(&message), message, delivery }));
        }
        self.close_window().await.map_err(|source| self.unread(source))?;
        Ok(None)
    }

    /// The next letter that the broker sends, where it sends one soon.
    async fn next_of_window(&mut self) -> Result<Option<Delivery>, lapin::Error> {
        let window = match &mut self.window {
            Some(window) => window,
            None => {
                let window = self.open_window().await?;
                self.window.insert(window)
            }
        };
        match timeout(SILENCE, window.letters.next()).await {
            Ok(Some(delivery)) => {
                let delivery = delivery?;
                window.left -= 1;
                window.last = delivery.delivery_tag;
                let is_last = window.left == 0;
                self.in_hand().insert(delivery.delivery_tag);
                if is_last {
                    self.close_window().await?;
                }
                Ok(Some(delivery))
            }
            // The queue was deleted, or the broker wants it read no longer.
            Ok(None) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            // Somebody else may have taken what lay there. What was on its way here comes before the end of
            // the window.
            Err(_) => {
                self.close_window().await?;
                if self.beyond.is_empty() && self.link.ready(&self.queue).await?.unwrap_or(0) == 0 {
                    self.left = 0;
                }
                Ok(None)
            }
        }
    }

    async fn open_window(&mut self) -> Result<Window, lapin::Error> {
        let in_bytes = u16::try_from(WINDOW_BYTES / self.largest).unwrap_or(u16::MAX).max(1);
        let left = self.window_size.min(in_bytes).min(u16::try_from(self.left).unwrap_or(u16::MAX));
        self.window_size = (self.window_size * 2).min(LAST_WINDOW);
        self.channel.basic_qos(left, BasicQosOptions::default()).await?;
        let (options, mut arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(KEPT_FOR));
        let letters = self.channel.basic_consume(self.queue.as_str().into(), "".into(), options, arguments);
        Ok(Window { letters: letters.await?, left, last: 0 })
    }

    /// Takes in what the broker had sent before it heard of the end: for each letter that was taken from
    /// the queue meanwhile it may send another.
    async fn close_window(&mut self) -> Result<(), lapin::Error> {
        let Some(mut window) = self.window.take() else { return Ok(()) };
        self.channel.basic_cancel(window.letters.tag(), BasicCancelOptions::default()).await?;
        while let Some(delivery) = window.letters.next().await {
            let delivery = delivery?;
            window.last = delivery.delivery_tag;
            self.in_hand().insert(delivery.delivery_tag);
            self.beyond.push_back(delivery);
        }
        if window.last > 0 {
            self.closed.push(window.last);
        }
        Ok(())
    }

    /// Whether the broker has taken back what is in hand, as it does with letters that were kept for too long: the walk
    /// is over, and another one may begin. Where the connection is lost it may not have heard of that yet.
    pub fn is_lost(&self) -> bool {
        self.link.is_connected() && !self.channel.status().connected()
    }

    /// How long ago it began.
    pub fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Puts a copy of the letter in its new place, and returns once it is safe there.
    pub async fn put(&self, found: &Found, to: Destination) -> Result<(), WalkError> {
        let message = &found.message;
        let (exchange, key, headers) = match to {
            Destination::Work => (REQUEUE, queue_name(&self.stage), self.as_new(message)),
            Destination::Discarded => (DEAD, format!("{}.discarded", self.stage), message.kept_headers()),
            Destination::Dead => (DEAD, self.stage.clone(), message.kept_headers()),
        };
        let properties = message.kept_properties(&message.id()).with_headers(headers.to_table());
        Ok(self.publisher.publish_raw(exchange, &key, &message.body, properties).await?)
    }

    /// Puts copies of several letters in their new places, and returns once all are safe there. After
    /// an error some may be.
    pub async fn put_all(&self, letters: &[(Found, Destination)]) -> Result<(), WalkError> {
        let put = letters.iter().map(|(found, to)| self.put(found, *to));
        let put: Vec<_> = put.collect();
        iter(put).buffer_unordered(ON_THEIR_WAY).try_collect().await
    }

    /// Sends a corrected body on in the letter's place, and returns once it is safe in the work queue.
    /// The same body once more is the same message: its id is made of the letter's and of the body.
    pub async fn put_edited(&self, found: &Found, body: &[u8]) -> Result<(), WalkError> {
        let message = &found.message;
        let mut headers = self.as_new(message);
        headers.remove(names::FIRST_FAILED_AT);
        headers.set_text(names::EDITED_FROM, found.id.as_str());
        let properties =
            message.kept_properties(&edited_id(&message.id(), body)).with_headers(headers.to_table());
        // The body is plain, whatever the one before was.
        let properties = properties.with_content_encoding("".into());
        Ok(self.publisher.publish_raw(REQUEUE, &queue_name(&self.stage), body, properties).await?)
    }

    /// The headers of a letter that goes back to work, with all its attempts.
    fn as_new(&self, message: &Message) -> Headers {
        let mut headers = message.kept_headers();
        for spent in
            [names::ATTEMPT, names::STAGE, names::REASON, names::ERROR, names::DEATH, names::LAST_FAILED_AT]
        {
            headers.remove(spent);
        }
        let before = message.header_number(names::REDRIVEN).unwrap_or(0);
        headers.set_number(names::REDRIVEN, before.saturating_add(1));
        headers
    }

    /// Takes letters from their old place, and returns once the broker has heard it.
    pub async fn take(&self, letters: impl IntoIterator<Item = Found>) -> Result<(), WalkError> {
        for found in letters {
            let taken = found.delivery.acker.ack(BasicAckOptions::default()).await;
            taken.map_err(|source| self.unread(source))?;
            self.in_hand().remove(&found.delivery.delivery_tag);
        }
        // A channel's methods are done in their order: what is answered has the acks before it.
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let asked = self.channel.queue_declare(self.queue.as_str().into(), options, FieldTable::default());
        asked.await.map(drop).map_err(|source| self.unread(source))
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unread(&self, source: lapin::Error) -> WalkError {
        WalkError::Queue { queue: self.queue.clone(), source }
    }

    /// Whether somebody else receives letters of the queue, and may have in hand what this walk did not
    /// find. To be asked after the walk's last letter, when it receives none itself.
    pub async fn is_read_by_others(&self) -> Result<bool, WalkError> {
        let consumers = self.link.consumers(&self.queue).await.map_err(|source| self.unread(source))?;
        Ok(consumers.unwrap_or(0) > 0)
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
    pub async fn end(mut self) {
        // Window by window: with the connection they would return in no order among them. Where it is
        // lost, that is what happens, and nothing is missing.
        if self.close_window().await.is_ok() {
            let options = BasicNackOptions { multiple: true, requeue: true };
            for last in std::mem::take(&mut self.closed) {
                let mut in_hand = std::mem::take(&mut *self.in_hand());
                let after = in_hand.split_off(&(last + 1));
                *self.in_hand() = after;
                let Some(last) = in_hand.pop_last() else { continue };
                if self.channel.basic_nack(last, options).await.is_err() {
                    break;
                }
            }
        }
        self.publisher.close().await;
        self.link.close().await;
    }
}

fn edited_id(id: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update([0]);
    hash.update(body);
    format!("edited:{}", hex(&hash.finalize()[..12]))
}
