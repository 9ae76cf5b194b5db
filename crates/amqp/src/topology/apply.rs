//! Declaring the topology.

use futures_util::future::{BoxFuture, FutureExt};
use lapin::options::QueueBindOptions;
use lapin::types::FieldTable;

use crate::connection::{Link, reply_code};
use crate::topology::bus;
use crate::topology::declare::{declare_exchange, declare_queue, exists};
use crate::{Broker, Topology, TopologyError};

/// Declares exchanges, queues and bindings; what is there already stays as it is.
pub async fn apply(broker: &Broker, topology: &Topology) -> Result<(), TopologyError> {
    let link = broker.connect("topology").await?;
    bus::expect_topic(&link, topology).await?;
    declare(&link, topology).await?;
    link.close().await;
    Ok(())
}

pub(crate) fn declare<'a>(
    link: &'a Link,
    topology: &'a Topology,
) -> BoxFuture<'a, Result<(), TopologyError>> {
    declare_all(link, topology).boxed()
}

async fn declare_all(link: &Link, topology: &Topology) -> Result<(), TopologyError> {
    let failed = |source| TopologyError::Failed { what: "a channel".to_owned(), source };
    let channel = link.connection.create_channel().await.map_err(failed)?;
    for (name, kind) in topology.exchanges() {
        declare_exchange(&channel, name, kind)
            .await
            .map_err(|source| TopologyError::of(&format!("exchange {name}"), source))?;
    }
    for queue in topology.queues() {
        let of = |source| TopologyError::of(&format!("queue {}", queue.name), source);
        declare_queue(&channel, &queue).await.map_err(of)?;
        for (exchange, key) in &queue.bindings {
            let bound = channel
                .queue_bind(
                    queue.name.as_str().into(),
                    exchange.as_str().into(),
                    key.as_str().into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await;
            bound.map_err(|source| match reply_code(&source) {
                Some(404) if *exchange == topology.bus => TopologyError::NoBus { exchange: exchange.clone() },
                _ => of(source),
            })?;
        }
    }
    let _ = channel.close(200, "declared".into()).await;
    Ok(())
}

/// Checks whether everything is declared, and changes nothing. What the user may not even ask about counts as
/// declared: from RabbitMQ 4.2.6 on that takes a right on it.
///
/// # Errors
/// [`TopologyError::Missing`] for the first that is not.
pub async fn is_declared(broker: &Broker, topology: &Topology) -> Result<(), TopologyError> {
    let link = broker.connect("topology").await?;
    let found = expect(&link, topology).await;
    link.close().await;
    found
}

/// Checks whether everything is there, as [`is_declared`] does. The bus is not asked for: who consumes does not
/// need it.
pub(crate) async fn expect(link: &Link, topology: &Topology) -> Result<(), TopologyError> {
    for (name, _) in topology.exchanges() {
        expect_one(link, name, true).await?;
    }
    for queue in topology.queues() {
        expect_one(link, &queue.name, false).await?;
    }
    Ok(())
}

async fn expect_one(link: &Link, name: &str, exchange: bool) -> Result<(), TopologyError> {
    let what = || format!("{} {name}", if exchange { "exchange" } else { "queue" });
    match exists(link, name, exchange).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(TopologyError::Missing { what: what() }),
        Err(error) if reply_code(&error) == Some(403) => Ok(()),
        Err(source) => Err(TopologyError::Failed { what: what(), source }),
    }
}
