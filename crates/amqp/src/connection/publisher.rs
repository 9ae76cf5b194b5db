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
use tokio::sync::{Mutex, oneshot};
use tokio::time::{interval, sleep, timeout};

use crate::connection::confirms::{Answer, ConfirmChannel, Publishing};
use crate::connection::{Link, alarm};
use crate::layers::trace;
use crate::message::header::Headers;
use crate::{Broker, ConnectError, Outgoing};

/// How long a confirm may take while the broker does not block us. Longer means that the connection
/// is dead without knowing it.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

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
    /// For all messages; a new one once it had to say anything but that a message is accepted.
    channel: Arc<Mutex<Option<Arc<ConfirmChannel>>>>,
}

impl Publisher {
    /// Opens a connection of its own: a connection that publishes may be blocked, and must not hold
    /// up the acks of one that consumes.
    pub async fn connect(broker: &Broker) -> Result<Self, ConnectError> {
        let link = broker.connect("publish").await?;
        tokio::spawn(alarm::tell(broker.clone(), link.alarm.clone()));
        Ok(Self { link: Arc::new(link), channel: Arc::default() })
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
        let mut answer = self.answer(channel.publish(message.clone())).await;
        if !matches!(answer, Ok(Answer::Accepted)) {
            // RabbitMQ 3.10 refuses for ever on a channel that has lost sight of a quorum queue whose leader was
            // killed; on a new one it accepts.
            self.retire(&channel).await;
        }
        if matches!(answer, Err(Some(_))) && self.link.is_connected() {
            // The broker has closed the channel, and names none of the messages that were on their way there: by
            // itself, this one gets an answer of its own. The broker may have it twice then.
            let own =
                ConfirmChannel::open(&self.link).await.map_err(|error| PublishError::Lost(Some(error)))?;
            answer = self.answer(own.publish(message)).await;
        }
        match answer {
            Ok(Answer::Accepted) => Ok(()),
            Ok(Answer::Returned) => Err(PublishError::Unroutable { exchange, routing_key }),
            Ok(Answer::Refused) => Err(PublishError::Refused { exchange, routing_key, source: None }),
            Err(Some(error)) if self.link.is_connected() => match error.kind() {
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

    /// Waits for an answer; while the broker blocks us, for as long as it takes.
    async fn answer(
        &self,
        mut answer: oneshot::Receiver<lapin::Result<Answer>>,
    ) -> Result<Answer, Option<lapin::Error>> {
        let mut waited = Duration::ZERO;
        let step = Duration::from_secs(1);
        loop {
            match timeout(step, &mut answer).await {
                Ok(Ok(answer)) => return answer.map_err(Some),
                Ok(Err(_)) => return Err(None),
                Err(_) => {}
            }
            waited = if self.is_blocked() { Duration::ZERO } else { waited + step };
            if waited >= CONFIRM_TIMEOUT {
                return Err(None);
            }
        }
    }

    async fn channel(&self) -> Result<Arc<ConfirmChannel>, PublishError> {
        let mut shared = self.channel.lock().await;
        if let Some(channel) = shared.as_ref().filter(|channel| channel.is_open()) {
            return Ok(channel.clone());
        }
        let opened = ConfirmChannel::open(&self.link).await;
        let channel = Arc::new(opened.map_err(|error| PublishError::Lost(Some(error)))?);
        *shared = Some(channel.clone());
        Ok(channel)
    }

    /// Has the next message go another way. What is on its way on this channel still gets its answer there.
    async fn retire(&self, channel: &Arc<ConfirmChannel>) {
        let mut shared = self.channel.lock().await;
        if shared.as_ref().is_some_and(|shared| Arc::ptr_eq(shared, channel)) {
            *shared = None;
        }
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
