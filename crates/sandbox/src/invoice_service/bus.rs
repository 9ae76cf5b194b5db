//! The bus that the invoice service answers over.

use std::sync::Arc;
use std::time::Duration;

use amqp::{BoxError, Broker, ConnectError, Outgoing, PublishError, Publisher};
use events::{ReceiptSettled, ReceiptSettledType};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::invoices::Invoices;

/// Between attempts to publish.
const PAUSE: Duration = Duration::from_millis(200);

/// The bus, and the receipts that are not published yet: they are dropped with it.
pub(super) struct Bus {
    connection: Arc<Connection>,
    after: Duration,
    pending: Mutex<JoinSet<()>>,
}

/// A connection that is opened when it is needed, and where on the bus receipts go.
struct Connection {
    broker: Broker,
    exchange: String,
    routing_key: String,
    publisher: tokio::sync::Mutex<Option<Publisher>>,
}

impl Bus {
    /// A bus that receipts reach so long `after` they were requested.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub(super) fn new(
        amqp_url: &str,
        exchange: String,
        routing_key: String,
        after: Duration,
    ) -> Result<Self, ConnectError> {
        let broker = Broker::parse(amqp_url, "sandbox's invoice service")?;
        let connection =
            Arc::new(Connection { broker, exchange, routing_key, publisher: tokio::sync::Mutex::default() });
        Ok(Self { connection, after, pending: Mutex::default() })
    }

    /// Publishes a receipt once its time has come, retries until it is confirmed, and counts it.
    pub(super) fn send(&self, receipt: ReceiptSettled, package_id: u64, invoices: Arc<Invoices>) {
        let (connection, after) = (Arc::clone(&self.connection), self.after);
        let mut pending = self.pending.lock();
        while pending.try_join_next().is_some() {}
        pending.spawn(async move {
            sleep(after).await;
            connection.publish(&receipt).await;
            invoices.published(package_id, &receipt.order_receipt.uid);
        });
    }
}

impl Connection {
    /// Returns once the receipt is confirmed.
    async fn publish(&self, receipt: &ReceiptSettled) {
        let body = serde_json::to_vec(receipt).expect("texts, integers and lists always become JSON");
        let identity = [&*receipt.tenant.uid, &*receipt.id];
        let outgoing = Outgoing {
            exchange: self.exchange.clone(),
            ..Outgoing::event(ReceiptSettledType::NAME, self.routing_key.clone(), &identity, body)
        };
        let mut warned = false;
        while let Err(error) = self.try_publish(&outgoing).await {
            if !warned {
                tracing::warn!(
                    error = &*error as &dyn std::error::Error,
                    "failed to publish a receipt; it is retried until it is confirmed"
                );
                warned = true;
            }
            sleep(PAUSE).await;
        }
    }

    async fn try_publish(&self, outgoing: &Outgoing) -> Result<(), BoxError> {
        let publisher = self.publisher().await?;
        let published = publisher.publish(outgoing).await;
        if matches!(published, Err(PublishError::Lost(_))) {
            *self.publisher.lock().await = None;
        }
        Ok(published?)
    }

    /// The open connection, or a new one.
    async fn publisher(&self) -> Result<Publisher, ConnectError> {
        let mut held = self.publisher.lock().await;
        match &*held {
            Some(publisher) if publisher.is_connected() => Ok(publisher.clone()),
            _ => Ok(held.insert(Publisher::connect(&self.broker).await?).clone()),
        }
    }
}
