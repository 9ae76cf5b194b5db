//! A publisher that retries through every broker failure.

use std::time::Duration;

use amqp::{Broker, Outgoing, Publisher};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// Publishes on the bus; unconfirmed events are published again.
pub struct RetryingPublisher {
    broker: Broker,
    publisher: Option<Publisher>,
}

impl RetryingPublisher {
    /// For the vhost of this URL.
    pub fn new(url: &str) -> Self {
        Self { broker: Broker::parse(url, "the till").expect("the URL is right"), publisher: None }
    }

    /// Publishes an event; returns once it is confirmed.
    pub async fn publish(&mut self, event: &Value) {
        // Akinon's events have type and id in `event`.
        let (kind, id) = match event.get("event") {
            Some(head) => (&head["type"], &head["uuid"]),
            None => (&event["type"], &event["id"]),
        };
        let kind = kind.as_str().expect("a type");
        let identity = [id.as_str().expect("an id")];
        let outgoing = Outgoing {
            exchange: "events".to_owned(),
            ..Outgoing::event(kind, kind.to_owned(), &identity, event.to_string())
        };
        loop {
            if self.publisher.is_none() {
                self.publisher = Publisher::connect(&self.broker).await.ok();
            }
            if let Some(publisher) = &self.publisher
                && timeout(Duration::from_secs(60), publisher.publish(&outgoing))
                    .await
                    .is_ok_and(|ok| ok.is_ok())
            {
                return;
            }
            self.publisher = None;
            sleep(Duration::from_millis(100)).await;
        }
    }
}
