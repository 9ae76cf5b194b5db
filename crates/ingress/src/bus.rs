//! The connection to the broker: kept up in the background, and told apart from a publish that failed.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use amqp::{Broker, ConnectError, Outgoing, PublishError, Publisher};
use tokio::sync::watch;
use tokio::time::sleep;

/// Waits between attempts to connect, doubling up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Why an event is not certain to be on the bus.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// There is no connection now.
    #[error("there is no connection to the broker")]
    Away,
    /// The broker takes nothing now: it is out of memory or disk.
    #[error("the broker blocks what is published: it is out of memory or disk")]
    Blocked,
    /// Publishing failed.
    #[error(transparent)]
    Failed(#[from] PublishError),
}

/// What publishes, while there is a connection.
#[derive(Clone)]
pub(crate) struct Bus(watch::Receiver<Option<Publisher>>);

/// What keeps it connected.
pub(crate) struct Keeper(Broker, watch::Sender<Option<Publisher>>);

/// A bus that is not connected yet, and who sees to that.
pub(crate) fn bus(broker: Broker) -> (Bus, Keeper) {
    let (sender, receiver) = watch::channel(None);
    (Bus(receiver), Keeper(broker, sender))
}

impl Bus {
    /// Publishes, and waits for the confirm.
    pub async fn publish(
        &self,
        content_type: &str,
        traceparent: Option<&str>,
        event: &Outgoing,
    ) -> Result<(), NotTaken> {
        let publisher = self.0.borrow().clone().ok_or(NotTaken::Away)?;
        // What waits for a blocked broker is held in memory: it is better held by the vendor.
        if publisher.is_blocked() {
            return Err(NotTaken::Blocked);
        }
        Ok(publisher.publish_as(content_type, traceparent, event).await?)
    }

    /// Why no event can be published now; `None` where it can.
    pub fn why_not(&self) -> Option<NotTaken> {
        match &*self.0.borrow() {
            Some(publisher) if publisher.is_blocked() => Some(NotTaken::Blocked),
            Some(publisher) if publisher.is_connected() => None,
            _ => Some(NotTaken::Away),
        }
    }

    /// Says goodbye to the broker.
    pub async fn close(&self) {
        let publisher = self.0.borrow().clone();
        if let Some(publisher) = publisher {
            publisher.close().await;
        }
    }
}

impl Keeper {
    /// Connects, and connects again whenever the connection is lost.
    ///
    /// # Errors
    /// The very first attempt failed for what someone must change.
    pub async fn keep(self) -> Result<Infallible, ConnectError> {
        let Self(broker, connected) = self;
        let (mut wait, mut first) = (FIRST_WAIT, true);
        loop {
            match Publisher::connect(&broker).await {
                Ok(publisher) => {
                    tracing::info!(%broker, "publishing");
                    let since = Instant::now();
                    connected.send_replace(Some(publisher.clone()));
                    publisher.lost().await;
                    connected.send_replace(None);
                    tracing::warn!("the connection to the broker was lost; connecting again");
                    if since.elapsed() > LAST_WAIT {
                        wait = FIRST_WAIT;
                    }
                }
                Err(error) if error.is_configuration() && first => return Err(error),
                Err(error) => {
                    let why = amqp::chain(&error);
                    tracing::warn!(why, "no connection to the broker; trying again");
                }
            }
            first = false;
            sleep(wait).await;
            wait = (wait * 2).min(LAST_WAIT);
        }
    }
}
