//! The publishing connection: kept up in the background, and distinguished from a publish that failed.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use amqp::{Broker, ConnectError, Outgoing, PublishError, Publisher};
use tokio::sync::watch;
use tokio::time::sleep;

/// Backoff between attempts to connect, doubling up to the maximum.
const MIN_BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Why an event is not confirmed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotPublished {
    /// No connection.
    #[error("no connection to the broker")]
    Disconnected,
    /// The broker blocks publishers.
    #[error("the broker blocks publishers: it is out of memory or disk")]
    Blocked,
    /// Publishing failed.
    #[error(transparent)]
    Failed(#[from] PublishError),
}

/// Publishes while there is a connection.
#[derive(Clone)]
pub(crate) struct Bus(watch::Receiver<Option<Publisher>>);

/// Keeps a [`Bus`] connected.
pub(crate) struct Connector(Broker, watch::Sender<Option<Publisher>>);

/// A bus that is not connected yet, and its connector.
pub(crate) fn bus(broker: Broker) -> (Bus, Connector) {
    let (sender, receiver) = watch::channel(None);
    (Bus(receiver), Connector(broker, sender))
}

impl Bus {
    /// Publishes and awaits the confirm.
    pub(crate) async fn publish(
        &self,
        content_type: &str,
        traceparent: Option<&str>,
        event: &Outgoing,
    ) -> Result<(), NotPublished> {
        let publisher = self.0.borrow().clone().ok_or(NotPublished::Disconnected)?;
        // What waits for a blocked broker is held in memory: the vendor holds it better.
        if publisher.is_blocked() {
            return Err(NotPublished::Blocked);
        }
        Ok(publisher.publish_as(content_type, traceparent, event).await?)
    }

    /// Why no event can be published now; `None` if it can.
    pub(crate) fn unavailable(&self) -> Option<NotPublished> {
        match &*self.0.borrow() {
            Some(publisher) if publisher.is_blocked() => Some(NotPublished::Blocked),
            Some(publisher) if publisher.is_connected() => None,
            _ => Some(NotPublished::Disconnected),
        }
    }

    pub(crate) async fn close(&self) {
        let publisher = self.0.borrow().clone();
        if let Some(publisher) = publisher {
            publisher.close().await;
        }
    }
}

impl Connector {
    /// Connects, and reconnects whenever the connection is lost.
    ///
    /// # Errors
    /// The first attempt failed because of a setting.
    pub(crate) async fn run(self) -> Result<Infallible, ConnectError> {
        let Self(broker, connected) = self;
        let (mut backoff, mut first) = (MIN_BACKOFF, true);
        loop {
            match Publisher::connect(&broker).await {
                Ok(publisher) => {
                    tracing::info!(%broker, "publishing");
                    let since = Instant::now();
                    connected.send_replace(Some(publisher.clone()));
                    publisher.lost().await;
                    connected.send_replace(None);
                    tracing::warn!("lost the connection to the broker; reconnecting");
                    if since.elapsed() > MAX_BACKOFF {
                        backoff = MIN_BACKOFF;
                    }
                }
                Err(error) if error.is_configuration() && first => return Err(error),
                Err(error) => {
                    let why = amqp::chain(&error);
                    tracing::warn!(why, "no connection to the broker; retrying");
                }
            }
            first = false;
            sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }
}
