//! Declaring the topology.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ErrorKind, ExchangeKind};

use crate::connection::Link;
use crate::topology::bus;
use crate::topology::{Argument, Queue};
use crate::{Broker, ConnectError, Topology};

/// Why the topology cannot be declared.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The user's exchange is missing.
    #[error(
        "exchange \"{exchange}\" does not exist at the broker: it is the bus that Bilag listens to and is never declared by it; set BILAG_BUS_EXCHANGE to the exchange your events are published to, or have its owner declare it (a topic exchange)"
    )]
    NoBus {
        /// Its name.
        exchange: String,
    },
    /// The user's exchange does not route by keys as a topic exchange does.
    #[error("exchange \"{exchange}\" {fault}")]
    BusOfWrongType {
        /// Its name.
        exchange: String,
        /// Its type, what would come of it, and what to do.
        fault: String,
    },
    /// Something exists with other arguments.
    #[error("{what} exists with other arguments; `bilag topology check` names the differences")]
    Differs {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// It is not there, and this process does not declare it.
    #[error("{what} is not declared yet, and BILAG_DECLARE is false: `bilag topology apply` declares it")]
    Missing {
        /// The queue or exchange.
        what: String,
    },
    /// The broker's user may not do it.
    #[error(
        "the broker's user may not declare or bind {what}: give it configure, write and read on ^bilag, and read on the bus exchange"
    )]
    Forbidden {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// Anything else.
    #[error("{what} could not be declared")]
    Failed {
        /// The queue or exchange.
        what: String,
        /// What the broker said.
        #[source]
        source: lapin::Error,
    },
    /// No connection.
    #[error("no connection")]
    Connect(#[from] ConnectError),
}

impl TopologyError {
    /// Whether waiting cannot help.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::NoBus { .. }
            | Self::BusOfWrongType { .. }
            | Self::Differs { .. }
            | Self::Forbidden { .. } => true,
            Self::Missing { .. } | Self::Failed { .. } => false,
            Self::Connect(error) => error.is_configuration(),
        }
    }

    fn of(what: &str, source: lapin::Error) -> Self {
        let what = what.to_owned();
        match reply_code(&source) {
            Some(406) => Self::Differs { what, source },
            Some(403) => Self::Forbidden { what, source },
            _ => Self::Failed { what, source },
        }
    }
}

/// Declares exchanges, queues and bindings; what is there already stays as it is.
pub async fn apply(broker: &Broker, topology: &Topology) -> Result<(), TopologyError> {
    let link = broker.connect("topology").await?;
    bus::expect_topic(&link, topology).await?;
    declare(&link, topology).await?;
    link.close().await;
    Ok(())
}

pub(crate) async fn declare(link: &Link, topology: &Topology) -> Result<(), TopologyError> {
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

/// Asks on a channel of its own, which the broker closes where the answer is no.
pub(crate) async fn exists(link: &Link, name: &str, exchange: bool) -> lapin::Result<bool> {
    let channel = link.connection.create_channel().await?;
    let asked = if exchange {
        let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
        channel.exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default()).await
    } else {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        channel.queue_declare(name.into(), options, FieldTable::default()).await.map(drop)
    };
    match asked {
        Ok(()) => {
            // It ends with the connection, should this fail.
            let _ = channel.close(200, "asked".into()).await;
            Ok(true)
        }
        Err(error) if reply_code(&error) == Some(404) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) async fn declare_exchange(channel: &Channel, name: &str, kind: &str) -> lapin::Result<()> {
    let kind = if kind == "topic" { ExchangeKind::Topic } else { ExchangeKind::Direct };
    let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
    channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
}

pub(crate) async fn declare_queue(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (name, argument) in &queue.arguments {
        let value = match argument {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(i64::from(*number)),
        };
        arguments.insert((*name).into(), value);
    }
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(queue.name.as_str().into(), options, arguments).await.map(drop)
}

/// Whether a queue is not there, or may not be asked about: from RabbitMQ 4.2.6 on that takes a right on it.
pub(crate) fn is_out_of_sight(error: &lapin::Error) -> bool {
    matches!(reply_code(error), Some(403 | 404))
}

pub(crate) fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
        _ => None,
    }
}
