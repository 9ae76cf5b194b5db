//! Queue depths and consumer counts, over one connection that is kept.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::connection::Link;
use crate::{Broker, ConnectError};

/// How full one queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// Name.
    pub name: String,
    /// Messages ready for delivery.
    pub ready: u64,
    /// Messages that consumers have in flight; AMQP does not tell.
    pub in_flight: Option<u64>,
    /// Its consumers.
    pub consumers: u64,
}

/// Why the broker did not say how full its queues are.
#[derive(Debug, thiserror::Error)]
pub enum DepthError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection was lost, or the queue may not be asked about.
    #[error("queue {queue} could not be asked about")]
    Queue {
        /// Its name.
        queue: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// It takes too long.
    #[error("the broker did not say within {} seconds how full its queues are", .0.as_secs())]
    NoAnswer(Duration),
}

/// How long all queues together may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a broker again and again how full its queues are.
pub struct Depths {
    broker: Broker,
    link: Mutex<Option<Link>>,
}

impl Depths {
    /// Connects when it is first asked.
    pub fn new(broker: Broker) -> Self {
        Self { broker, link: Mutex::default() }
    }

    /// How full these queues are. Those that are not there, or may not be asked about, are left out.
    ///
    /// # Errors
    /// See [`DepthError`]. The next call connects anew.
    pub async fn of(&self, queues: &[String]) -> Result<Vec<QueueDepth>, DepthError> {
        let mut kept = self.link.lock().await;
        let asked = timeout(TIMEOUT, async {
            let link = match kept.take() {
                Some(link) if link.is_connected() => link,
                _ => self.broker.connect("depths").await?,
            };
            let depths = depths(&link, queues).await?;
            Ok((link, depths))
        });
        let (link, depths) = asked.await.unwrap_or(Err(DepthError::NoAnswer(TIMEOUT)))?;
        *kept = Some(link);
        Ok(depths)
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if let Some(link) = self.link.lock().await.take() {
            link.close().await;
        }
    }
}

async fn depths(link: &Link, names: &[String]) -> Result<Vec<QueueDepth>, DepthError> {
    let mut queues = link.queues();
    let mut depths = Vec::new();
    for name in names {
        let failed = |source| DepthError::Queue { queue: name.clone(), source };
        if let Some(found) = queues.find(name).await.map_err(failed)? {
            depths.push(QueueDepth {
                name: name.clone(),
                ready: found.message_count().into(),
                in_flight: None,
                consumers: found.consumer_count().into(),
            });
        }
    }
    queues.close().await;
    Ok(depths)
}
