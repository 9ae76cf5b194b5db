//! Publishing with confirms.
//!
//! A channel carries one unconfirmed message at a time, and many channels are used at once. lapin
//! hands a returned message to whichever confirm of the channel comes next, so with several
//! unconfirmed messages on one channel an unroutable one could pass for published.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation, ErrorKind};
use parking_lot::Mutex;
use tokio::time::{interval, sleep, timeout};

use crate::connection::{GOODBYE, Link, alarm};
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
    idle: Arc<Mutex<Vec<Channel>>>,
}

impl Publisher {
    /// Opens a connection of its own: a connection that publishes may be blocked, and must not hold
    /// up the acks of one that consumes.
    pub async fn connect(broker: &Broker) -> Result<Self, ConnectError> {
        let link = broker.connect("publish").await?;
        tokio::spawn(alarm::tell(broker.clone(), link.alarm.clone()));
        Ok(Self { link: Arc::new(link), idle: Arc::default() })
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
        self.publish_raw(&message.exchange, &message.routing_key, &message.body, properties).await
    }

    /// Publishes persistent and mandatory, and waits for the confirm.
    pub(crate) async fn publish_raw(
        &self,
        exchange: &str,
        routing_key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), PublishError> {
        const PERSISTENT: u8 = 2;
        let channel = self.channel().await?;
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let published = channel
            .basic_publish(
                exchange.into(),
                routing_key.into(),
                options,
                body,
                properties.with_delivery_mode(PERSISTENT),
            )
            .await;
        let confirmation = match published {
            Ok(confirm) => self.confirmed(confirm).await,
            Err(error) => Err(Some(error)),
        };
        let refused = |source| PublishError::Refused {
            exchange: exchange.to_owned(),
            routing_key: routing_key.to_owned(),
            source,
        };
        match confirmation {
            Ok(confirmation) => {
                let acked = confirmation.is_ack();
                // RabbitMQ 3.10 refuses for ever on a channel that has lost sight of a quorum queue whose leader
                // was killed; on a new one it accepts.
                match acked {
                    true => self.idle.lock().push(channel),
                    false => drop(timeout(GOODBYE, channel.close(200, "refused".into())).await),
                }
                match confirmation.take_message() {
                    Some(_) => Err(PublishError::Unroutable {
                        exchange: exchange.to_owned(),
                        routing_key: routing_key.to_owned(),
                    }),
                    None if acked => Ok(()),
                    None => Err(refused(None)),
                }
            }
            Err(Some(error)) if self.link.is_connected() => match error.kind() {
                ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404 => {
                    Err(PublishError::NoExchange { exchange: exchange.to_owned() })
                }
                ErrorKind::ProtocolError(_) => Err(refused(Some(error))),
                _ => Err(PublishError::Lost(Some(error))),
            },
            Err(error) => Err(PublishError::Lost(error)),
        }
    }

    /// Waits for a confirm; while the broker blocks us, for as long as it takes.
    async fn confirmed(
        &self,
        confirm: lapin::PublisherConfirm,
    ) -> Result<Confirmation, Option<lapin::Error>> {
        let mut confirm = std::pin::pin!(confirm);
        let mut waited = Duration::ZERO;
        let step = Duration::from_secs(1);
        loop {
            if let Ok(confirmation) = timeout(step, &mut confirm).await {
                return confirmation.map_err(Some);
            }
            waited = if self.is_blocked() { Duration::ZERO } else { waited + step };
            if waited >= CONFIRM_TIMEOUT {
                return Err(None);
            }
        }
    }

    async fn channel(&self) -> Result<Channel, PublishError> {
        while let Some(channel) = self.idle.lock().pop() {
            if channel.status().connected() {
                return Ok(channel);
            }
        }
        let lost = |error| PublishError::Lost(Some(error));
        let channel = self.link.connection.create_channel().await.map_err(lost)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(lost)?;
        Ok(channel)
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
