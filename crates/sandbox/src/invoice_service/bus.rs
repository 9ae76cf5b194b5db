//! The bus that the invoice service answers over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amqp::{BoxError, Broker, ConnectError, Outgoing, PublishError, Publisher};
use events::{ReceiptSettled, ReceiptSettledType};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::orders::Orders;
use crate::lock;

/// How long after a failure it is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// The bus, and what is on its way there: that ends when this is dropped.
pub(super) struct Bus {
    line: Arc<Line>,
    after: Duration,
    on_their_way: Mutex<JoinSet<()>>,
}

/// The connection, and where on the bus receipts go.
struct Line {
    broker: Broker,
    exchange: String,
    routing_key: String,
    publisher: tokio::sync::Mutex<Option<Publisher>>,
}

impl Bus {
    /// A bus that receipts reach so long `after` they were asked for.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn new(
        amqp_url: &str,
        exchange: String,
        routing_key: String,
        after: Duration,
    ) -> Result<Self, ConnectError> {
        let broker = Broker::parse(amqp_url, "sandbox's invoice service")?;
        let line = Arc::new(Line { broker, exchange, routing_key, publisher: tokio::sync::Mutex::default() });
        Ok(Self { line, after, on_their_way: Mutex::default() })
    }

    /// Publishes a receipt once its time has come, however often that takes, and notes it.
    pub fn send(&self, receipt: ReceiptSettled, package_id: u64, orders: Arc<Orders>) {
        let (line, after) = (Arc::clone(&self.line), self.after);
        let mut on_their_way = lock(&self.on_their_way);
        while on_their_way.try_join_next().is_some() {}
        on_their_way.spawn(async move {
            sleep(after).await;
            line.publish(&receipt).await;
            orders.published(package_id, &receipt.order_receipt.uid);
        });
    }
}

impl Line {
    /// Returns once the receipt is confirmed.
    async fn publish(&self, receipt: &ReceiptSettled) {
        let body = serde_json::to_vec(receipt).expect("texts, integers and lists always become JSON");
        let identity = [&*receipt.tenant.uid, &*receipt.id];
        let outgoing = Outgoing {
            exchange: self.exchange.clone(),
            ..Outgoing::event(ReceiptSettledType::NAME, self.routing_key.clone(), &identity, body)
        };
        let mut told = false;
        while let Err(error) = self.try_publish(&outgoing).await {
            if !told {
                tracing::warn!(
                    error = &*error as &dyn std::error::Error,
                    "a receipt is not on the bus yet; it is tried until it is"
                );
                told = true;
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

    /// The connection, opened again where it no longer stands.
    async fn publisher(&self) -> Result<Publisher, ConnectError> {
        let mut held = self.publisher.lock().await;
        match &*held {
            Some(publisher) if publisher.is_connected() => Ok(publisher.clone()),
            _ => Ok(held.insert(Publisher::connect(&self.broker).await?).clone()),
        }
    }
}
