//! Publishing with confirms.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::Utc;
use futures_util::future::{BoxFuture, FutureExt};
use lapin::types::ShortString;
use lapin::{BasicProperties, ErrorKind};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{interval, sleep, timeout};

use crate::connection::confirms::{Answer, ConfirmChannel, Publishing};
use crate::connection::{Link, alarm};
use crate::layers::trace;
use crate::message::header::Headers;
use crate::{Broker, ConnectError, Outgoing};

/// How long a confirm may take while the broker does not block us. Longer means that the connection
/// is dead without knowing it.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// So many messages have a channel of their own at once: a broker may allow few channels.
const ALONE: usize = 16;

/// How often a connection that has nothing to publish asks whether it might.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// The content type of events.
const JSON: &str = "application/json";

/// Why a message is not, or may not be, published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// No queue would have received it.
    #[error(
        "no queue is bound to exchange \"{exchange}\" with key \"{routing_key}\": the message was returned"
    )]
    Unroutable {
        /// The exchange.
        exchange: String,
        /// The key.
        routing_key: String,
    },
    /// The exchange is not there.
    #[error("exchange \"{exchange}\" does not exist")]
    NoExchange {
        /// The exchange.
        exchange: String,
    },
    /// The broker refused it: a queue is full, or the user may not write.
    #[error("the broker did not accept a message to exchange \"{exchange}\" with key \"{routing_key}\"")]
    Refused {
        /// The exchange.
        exchange: String,
        /// The key.
        routing_key: String,
        /// What the broker said.
        #[source]
        source: Option<lapin::Error>,
    },
    /// The connection was lost before the confirm came: it may or may not be published.
    #[error("the connection to the broker was lost before a message was confirmed")]
    Lost(#[source] Option<lapin::Error>),
}

/// A connection that publishes.
#[derive(Clone)]
pub struct Publisher {
    link: Arc<Link>,
    /// For all messages, until it takes no more.
    channel: Arc<Mutex<Option<Arc<ConfirmChannel>>>>,
    /// Turns of messages that each need a channel of their own.
    alone: Arc<Semaphore>,
}

impl Publisher {
    /// Opens a connection of its own: a connection that publishes may be blocked, and must not hold
    /// up the acks of one that consumes.
    pub async fn connect(broker: &Broker) -> Result<Self, ConnectError> {
        let link = broker.connect("publish").await?;
        tokio::spawn(alarm::tell(broker.clone(), link.alarm.clone()));
        let alone = Arc::new(Semaphore::new(ALONE));
        Ok(Self { link: Arc::new(link), channel: Arc::default(), alone })
    }

    /// Publishes and waits until the broker has it safely in every queue it goes to.
    pub async fn publish(&self, message: &Outgoing) -> Result<(), PublishError> {
        self.publish_in(None, message).await
    }

    /// The same, in a trace that was begun elsewhere (W3C Trace Context).
    pub async fn publish_in(
        &self,
        traceparent: Option<&str>,
        message: &Outgoing,
    ) -> Result<(), PublishError> {
        self.publish_as(JSON, traceparent, message).await
    }

    /// The same, of a body that is another kind of JSON.
    pub async fn publish_as(
        &self,
        content_type: &str,
        traceparent: Option<&str>,
        message: &Outgoing,
    ) -> Result<(), PublishError> {
        let mut headers = Headers::default();
        trace::inject(&mut headers, traceparent);
        if let Some(subject) = &message.subject {
            headers.set_subject(subject);
        }
        let properties = BasicProperties::default()
            .with_content_type(ShortString::from(content_type))
            .with_type(ShortString::from(message.kind.as_str()))
            .with_message_id(ShortString::from(message.message_id.as_str()))
            .with_timestamp(u64::try_from(Utc::now().timestamp()).unwrap_or_default())
            .with_headers(headers.to_table());
        self.publish_raw(&message.exchange, &message.routing_key, message.body.clone(), properties).await
    }

    /// Publishes persistent and mandatory, and waits for the confirm.
    pub(crate) fn publish_raw(
        &self,
        exchange: &str,
        routing_key: &str,
        body: Bytes,
        properties: BasicProperties,
    ) -> BoxFuture<'_, Result<(), PublishError>> {
        let message = Publishing {
            exchange: ShortString::from(exchange),
            routing_key: ShortString::from(routing_key),
            body,
            properties,
        };
        self.publish_confirmed(message).boxed()
    }

    async fn publish_confirmed(&self, message: Publishing) -> Result<(), PublishError> {
        let (exchange, routing_key) = (message.exchange.to_string(), message.routing_key.to_string());
        let channel = self.channel().await?;
        let mut answer = self.answer(&channel, message.clone()).await;
        let is_unsure = match &answer {
            Ok(answer) => *answer == Answer::Unsure,
            // The broker has closed the channel, and names none of the messages that were on their way there.
            Err(error) => error.is_some() && self.is_connected(),
        };
        if is_unsure {
            // By itself it gets an answer of its own. The broker may have it twice then.
            let _turn = self.alone.acquire().await.map_err(|_| PublishError::Lost(None))?;
            answer = self.answer(&self.open().await?, message).await;
        }
        match answer {
            Ok(Answer::Accepted) => Ok(()),
            // Alone on its channel, it can only be its own return that its confirm brought.
            Ok(Answer::Returned | Answer::Unsure) => Err(PublishError::Unroutable { exchange, routing_key }),
            Ok(Answer::Refused) => Err(PublishError::Refused { exchange, routing_key, source: None }),
            Err(Some(error)) if self.is_connected() => match error.kind() {
                ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404 => {
                    Err(PublishError::NoExchange { exchange })
                }
                ErrorKind::ProtocolError(_) => {
                    Err(PublishError::Refused { exchange, routing_key, source: Some(error) })
                }
                _ => Err(PublishError::Lost(Some(error))),
            },
            Err(error) => Err(PublishError::Lost(error)),
        }
    }

    /// What the broker says to a message on this channel. `None` as an error: nothing, in time.
    async fn answer(
        &self,
        channel: &ConfirmChannel,
        message: Publishing,
    ) -> Result<Answer, Option<lapin::Error>> {
        self.in_time(channel.publish(message)).await.flatten().ok_or(None)?.map_err(Some)
    }

    /// Waits for what the broker answers; while it blocks us, for as long as it takes.
    async fn in_time<F: Future>(&self, answer: F) -> Option<F::Output> {
        let mut answer = std::pin::pin!(answer);
        let mut waited = Duration::ZERO;
        let step = Duration::from_secs(1);
        loop {
            if let Ok(answer) = timeout(step, &mut answer).await {
                return Some(answer);
            }
            waited = if self.is_blocked() { Duration::ZERO } else { waited + step };
            if waited >= CONFIRM_TIMEOUT || !self.is_connected() {
                return None;
            }
        }
    }

    async fn channel(&self) -> Result<Arc<ConfirmChannel>, PublishError> {
        let mut shared = self.channel.lock().await;
        if let Some(channel) = shared.as_ref().filter(|channel| channel.is_open()) {
            return Ok(channel.clone());
        }
        let channel = Arc::new(self.open().await?);
        *shared = Some(channel.clone());
        Ok(channel)
    }

    async fn open(&self) -> Result<ConfirmChannel, PublishError> {
        let opened = self.in_time(ConfirmChannel::open(&self.link)).await;
        opened.ok_or(PublishError::Lost(None))?.map_err(|error| PublishError::Lost(Some(error)))
    }

    /// Whether the broker blocks this connection (out of memory or disk).
    pub fn is_blocked(&self) -> bool {
        self.link.is_blocked()
    }

    /// Shows the broker's alarms as they come and go, also while there is nothing to publish.
    pub(crate) async fn follow_alarms(&self, work_queue: &str, show: impl Fn(Option<String>)) -> Infallible {
        let mut alarm = self.link.alarm.clone();
        loop {
            show(alarm.borrow_and_update().clone());
            tokio::select! {
                changed = alarm.changed() => if changed.is_err() {
                    // The connection is gone, which others notice.
                    pending::<()>().await;
                },
                () = sleep(ASK_EVERY) => drop(self.link.ask_for_alarm(work_queue).await),
            }
        }
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    /// Returns once the connection no longer stands.
    pub async fn lost(&self) {
        let mut tick = interval(Duration::from_millis(200));
        while self.is_connected() {
            tick.tick().await;
        }
    }

    /// Closes the connection.
    pub async fn close(&self) {
        self.link.close().await;
    }
}
