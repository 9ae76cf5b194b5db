//! The dead-letter browser: reads the dead letters of a stage, and moves them to the work queue, into the archive
//! and back.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
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

use super::BrowseError;
use crate::connection::Link;
use crate::message::header::{Headers, names};
use crate::topology::{DEAD, REQUEUE, dead_queue_name, retry_queue_name};
use crate::{Broker, Delay, Message, Publisher, dead_letter_id, queue_name};

/// Where dead letters of a stage lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterQueue {
    /// `bilag.<stage>.dead`: they wait for a person.
    Dead,
    /// `bilag.<stage>.discarded`: put aside, for 30 days.
    Discarded,
}

/// Where a dead letter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Back to the work queue it came from, with all its attempts.
    Work,
    /// Into the archive.
    Discarded,
    /// Back among the dead letters.
    Dead,
}

/// Prefetch of a window. The first window is small, because most browsing is for one dead letter; the last, and the
/// bytes of a window, bound what is in memory.
const FIRST_WINDOW: u16 = 16;
const LAST_WINDOW: u16 = 256;
const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// How long the broker lets a browser keep dead letters unacked, in milliseconds. RabbitMQ 4.3 does; before, a shorter limit of
/// the queue or of the broker, half an hour unless it was changed, takes all dead letters back.
const KEPT_FOR: i64 = 24 * 3_600 * 1_000;

/// After this long without a delivery the queue is asked whether it has any.
const SILENCE: Duration = Duration::from_millis(500);

/// Copies being published at once.
const ON_THEIR_WAY: usize = 64;

/// Reads the dead letters of a stage, the oldest first. A dead letter is put in its new queue before it is taken from
/// the old one, so that none is ever missing. What is not taken returns to its place when the browser ends, however it
/// ends.
pub struct Browser {
    stage: String,
    queue: String,
    link: Link,
    channel: Channel,
    publisher: Publisher,
    begun: Instant,
    /// Dead letters that were there when the browser began.
    count: u32,
    /// Somebody else received dead letters then, and may have had some in flight that were not counted.
    was_read_by_others: bool,
    /// Those of them that are not read yet.
    left: u32,
    read: u32,
    window: Option<Window>,
    window_size: u16,
    /// The largest body that was met, in bytes.
    largest: usize,
    /// The last delivery tag of each closed window.
    closed: Vec<u64>,
    /// Delivery tags that are not acked.
    in_flight: Mutex<BTreeSet<u64>>,
    /// Deliveries beyond the last window.
    beyond: VecDeque<Delivery>,
}

/// A consumer with a prefetch. Its deliveries stay unacked once it is cancelled, and the next window goes on after
/// them.
struct Window {
    letters: Consumer,
    left: u16,
    last: u64,
}

/// A delivered dead letter.
pub struct Found {
    /// Names the dead letter.
    pub id: String,
    /// The dead letter.
    pub message: Message,
    delivery: Delivery,
}

impl Browser {
    /// Begins at the oldest dead letter. A queue that is not there has none.
    pub async fn begin(broker: &Broker, stage: &str, queue: DeadLetterQueue) -> Result<Self, BrowseError> {
        let queue = match queue {
            DeadLetterQueue::Dead => dead_queue_name(stage),
            DeadLetterQueue::Discarded => format!("{}.discarded", queue_name(stage)),
        };
        let link = broker.connect("dead letters").await?;
        let publisher = Publisher::connect(broker).await?;
        let failed = |source| BrowseError::Queue { queue: queue.clone(), source };
        let left = link.ready(&queue).await.map_err(failed)?.unwrap_or(0);
        let consumers = link.consumers(&queue).await.map_err(failed)?;
        let channel = link.connection.create_channel().await.map_err(failed)?;
        Ok(Self {
            stage: stage.to_owned(),
            queue,
            link,
            channel,
            publisher,
            begun: Instant::now(),
            count: left,
            was_read_by_others: consumers.unwrap_or(0) > 0,
            left,
            read: 0,
            window: None,
            window_size: FIRST_WINDOW,
            largest: 1,
            closed: Vec::new(),
            in_flight: Mutex::default(),
            beyond: VecDeque::new(),
        })
    }

    /// The next dead letter; `None` after those that were there when the browser began.
    pub async fn next(&mut self) -> Result<Option<Found>, BrowseError> {
        while self.left > 0 {
            let next = match self.beyond.pop_front() {
                Some(delivery) => Some(delivery),
                None => self.next_of_window().await.map_err(|source| self.unread(source))?,
            };
            let Some(mut delivery) = next else { continue };
            self.left -= 1;
            self.read += 1;
            let message = Message::of(&mut delivery);
            self.largest = self.largest.max(message.body.len());
            return Ok(Some(Found { id: dead_letter_id(&message), message, delivery }));
        }
        self.close_window().await.map_err(|source| self.unread(source))?;
        Ok(None)
    }

    /// The next dead letter that the broker sends, where it sends one soon.
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
                self.in_flight().insert(delivery.delivery_tag);
                if is_last {
                    self.close_window().await?;
                }
                Ok(Some(delivery))
            }
            // The queue was deleted, or the broker cancelled the consumer.
            Ok(None) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            // Another consumer may have taken what was there. What was on its way here comes before the end of
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

    /// Takes in what the broker had sent before the cancel reached it: for each dead letter that was taken from
    /// the queue meanwhile it may send another.
    async fn close_window(&mut self) -> Result<(), lapin::Error> {
        let Some(mut window) = self.window.take() else { return Ok(()) };
        self.channel.basic_cancel(window.letters.tag(), BasicCancelOptions::default()).await?;
        while let Some(delivery) = window.letters.next().await {
            let delivery = delivery?;
            window.last = delivery.delivery_tag;
            self.in_flight().insert(delivery.delivery_tag);
            self.beyond.push_back(delivery);
        }
        if window.last > 0 {
            self.closed.push(window.last);
        }
        Ok(())
    }

    /// Whether the broker has taken back what is in flight, as it does with dead letters that were kept for too long:
    /// another browser may begin. Where the connection is lost it may not have noticed yet.
    pub fn is_lost(&self) -> bool {
        self.link.is_connected() && !self.channel.status().connected()
    }

    /// How long ago it began.
    pub fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Publishes a copy of the dead letter to its new queue, and returns once that is confirmed.
    pub async fn put(&self, found: &Found, to: Destination) -> Result<(), BrowseError> {
        let message = &found.message;
        let (exchange, key, headers) = match to {
            Destination::Work => (REQUEUE, queue_name(&self.stage), self.as_new(message)),
            Destination::Discarded => (DEAD, format!("{}.discarded", self.stage), message.kept_headers()),
            Destination::Dead => (DEAD, self.stage.clone(), message.kept_headers()),
        };
        let properties = message.kept_properties(&message.id()).with_headers(headers.to_table());
        Ok(self.publisher.publish_raw(exchange, &key, message.body.clone(), properties).await?)
    }

    /// Publishes copies of several dead letters, and returns once all are confirmed. After an error some may be.
    pub async fn put_all(&self, letters: &[(Found, Destination)]) -> Result<(), BrowseError> {
        let put = letters.iter().map(|(found, to)| self.put(found, *to));
        let put: Vec<_> = put.collect();
        iter(put).buffer_unordered(ON_THEIR_WAY).try_collect().await
    }

    /// Sends a corrected body on in the dead letter's place, and returns once the work queue has it.
    /// The same body once more is the same message: its id is made of the dead letter's and of the body.
    pub async fn put_edited(&self, found: &Found, body: &[u8]) -> Result<(), BrowseError> {
        let message = &found.message;
        let mut headers = self.as_new(message);
        headers.remove(names::FIRST_FAILED_AT);
        headers.set_text(names::EDITED_FROM, found.id.as_str());
        let properties =
            message.kept_properties(&edited_id(&message.id(), body)).with_headers(headers.to_table());
        // The body is plain, whatever the one before was.
        let properties = properties.with_content_encoding("".into());
        Ok(self
            .publisher
            .publish_raw(REQUEUE, &queue_name(&self.stage), Bytes::copy_from_slice(body), properties)
            .await?)
    }

    /// The headers of a dead letter that goes back to work, with all its attempts.
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

    /// Acks dead letters in their old queue, and returns once the broker has the acks.
    pub async fn take(&self, letters: impl IntoIterator<Item = Found>) -> Result<(), BrowseError> {
        for found in letters {
            let taken = found.delivery.acker.ack(BasicAckOptions::default()).await;
            taken.map_err(|source| self.unread(source))?;
            self.in_flight().remove(&found.delivery.delivery_tag);
        }
        // A channel's methods are done in their order: what is answered has the acks before it.
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let asked = self.channel.queue_declare(self.queue.as_str().into(), options, FieldTable::default());
        asked.await.map(drop).map_err(|source| self.unread(source))
    }

    fn in_flight(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unread(&self, source: lapin::Error) -> BrowseError {
        BrowseError::Queue { queue: self.queue.clone(), source }
    }

    /// Whether somebody else receives dead letters of the queue, and may have in flight what this browser did not
    /// find. To be asked after the last dead letter, when this one receives none itself.
    pub async fn is_read_by_others(&self) -> Result<bool, BrowseError> {
        let consumers = self.link.consumers(&self.queue).await.map_err(|source| self.unread(source))?;
        Ok(consumers.unwrap_or(0) > 0)
    }

    /// How many dead letters were read, and how many were there when the browser began.
    pub fn read(&self) -> (u32, u32) {
        (self.read, self.count)
    }

    /// Whether the queue was read to its end: nothing that was there is missing. To be asked after the last dead
    /// letter.
    pub fn is_complete(&self) -> bool {
        self.read == self.count && !self.was_read_by_others
    }

    /// How many messages wait in the stage's work queue, and how many in its retry queues.
    pub async fn waiting(&self, delays: &[Delay]) -> Result<(u32, u32), BrowseError> {
        let work = queue_name(&self.stage);
        let mut retrying = 0;
        for delay in delays {
            retrying += self.depth(retry_queue_name(&work, *delay)).await?;
        }
        Ok((self.depth(work).await?, retrying))
    }

    async fn depth(&self, queue: String) -> Result<u32, BrowseError> {
        let ready = self.link.ready(&queue).await;
        Ok(ready.map_err(|source| BrowseError::Queue { queue, source })?.unwrap_or(0))
    }

    /// Ends; what was not taken is in its place again.
    pub async fn end(mut self) {
        // Window by window: with the connection they would return in no order among them. Where it is
        // lost, that is what happens, and nothing is missing.
        if self.close_window().await.is_ok() {
            let options = BasicNackOptions { multiple: true, requeue: true };
            for last in std::mem::take(&mut self.closed) {
                let mut in_flight = std::mem::take(&mut *self.in_flight());
                let after = in_flight.split_off(&(last + 1));
                *self.in_flight() = after;
                let Some(last) = in_flight.pop_last() else { continue };
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
    format!("edited:{}", hex::encode(&hash.finalize()[..12]))
}
