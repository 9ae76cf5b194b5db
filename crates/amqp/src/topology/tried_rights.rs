//! What the broker's user may do, tried out without leaving anything behind.

use std::time::Duration;

use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, ExchangeKind};
use tokio::time::timeout;

use crate::connection::{Link, reply_code};
use crate::{Broker, ConnectError, EVENTS};

/// A key that nothing is bound to, and that no event has.
const NOBODYS_KEY: &str = "bilag.doctor";

/// How long each attempt may take: a broker that is short of memory answers nothing.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Something that was tried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// What it takes rights for, as in `bind a queue to the exchange "events"`.
    pub what: String,
    /// What came of it.
    pub found: Found,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It may be done.
    Yes,
    /// The user lacks rights: which, on what.
    Lacks(String),
    /// The exchange is not there.
    NotThere,
    /// It was not tried, because what it needs is not there.
    NotTried,
    /// The broker said something else.
    Failed(String),
}

/// Tries out what consumers do: whether the bus is there, declaring a queue, binding it to the bus,
/// consuming from it, and publishing events. Uses a queue of its own that ends with the connection, and a
/// key that nobody listens to.
///
/// # Errors
/// See [`ConnectError`].
pub async fn rights(broker: &Broker, bus: &str, name: &str) -> Result<Vec<Right>, ConnectError> {
    let link = broker.connect("doctor").await?;
    let queue = format!("bilag.doctor.{name}");
    let tried = Tried { link: &link, queue: &queue };
    let bus_is_there = match tried.once(async |channel| passively(&channel, bus).await).await {
        // From RabbitMQ 4.2.6 on it takes a right to ask; whether it is there, binding to it tells.
        Answer::Refused => Answer::Yes,
        answer => answer,
    };
    let declared = tried.once(async |channel| tried.declare(&channel).await).await;
    let untried = |what: String| Right { what, found: Found::NotTried };
    let mut found = vec![
        Right {
            what: format!("access the exchange \"{bus}\""),
            found: bus_is_there.clone().into_found(String::new),
        },
        Right {
            what: "declare queues".to_owned(),
            found: declared.clone().into_found(|| "configure on ^bilag".to_owned()),
        },
    ];
    let may_declare = declared == Answer::Yes;
    let (hear, consume) =
        (format!("bind a queue to the exchange \"{bus}\""), "consume from queues".to_owned());
    found.push(match may_declare && bus_is_there == Answer::Yes {
        true => Right {
            what: hear,
            found: tried
                .once(async |channel| {
                    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
                    channel
                        .queue_bind(queue.as_str().into(), bus.into(), NOBODYS_KEY.into(), options, none)
                        .await
                })
                .await
                .into_found(|| format!("write on ^bilag, and read on \"{bus}\"")),
        },
        false => untried(hear),
    });
    found.push(match may_declare {
        true => Right {
            what: consume,
            found: tried
                .once(async |channel| {
                    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
                    channel.basic_consume(queue.as_str().into(), "".into(), options, none).await.map(drop)
                })
                .await
                .into_found(|| "read on ^bilag".to_owned()),
        },
        false => untried(consume),
    });
    let publish = format!("publish to the exchange \"{EVENTS}\"");
    found.push(match tried.once(async |channel| passively(&channel, EVENTS).await).await {
        // The first consumer declares it.
        Answer::NotThere => untried(publish),
        _ => Right {
            what: publish,
            found: tried.once(publish_to_nobody).await.into_found(|| "write on ^bilag".to_owned()),
        },
    });
    // It goes with the connection, but only a moment after.
    tried.once(async |channel| tried.delete(&channel).await).await;
    link.close().await;
    Ok(found)
}

struct Tried<'a> {
    link: &'a Link,
    queue: &'a str,
}

/// What the broker answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    Refused,
    NotThere,
    Failed(String),
}

impl Answer {
    fn into_found(self, rights: impl FnOnce() -> String) -> Found {
        match self {
            Self::Yes => Found::Yes,
            Self::Refused => Found::Lacks(rights()),
            Self::NotThere => Found::NotThere,
            Self::Failed(why) => Found::Failed(why),
        }
    }
}

impl Tried<'_> {
    /// On a channel of its own, which the broker closes where the answer is no.
    async fn once(&self, attempt: impl AsyncFnOnce(Channel) -> lapin::Result<()>) -> Answer {
        let tried = async { attempt(self.link.connection.create_channel().await?).await };
        match timeout(TIMEOUT, tried).await {
            Err(_) => Answer::Failed("the broker did not answer within 10 seconds".to_owned()),
            Ok(Ok(())) => Answer::Yes,
            Ok(Err(error)) => match reply_code(&error) {
                Some(403) => Answer::Refused,
                Some(404) => Answer::NotThere,
                _ => Answer::Failed(error.to_string()),
            },
        }
    }

    async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        channel.queue_declare(self.queue.into(), options, FieldTable::default()).await.map(drop)
    }

    async fn delete(&self, channel: &Channel) -> lapin::Result<()> {
        channel.queue_delete(self.queue.into(), QueueDeleteOptions::default()).await.map(drop)
    }
}

async fn passively(channel: &Channel, exchange: &str) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
    channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, FieldTable::default()).await
}

async fn publish_to_nobody(channel: Channel) -> lapin::Result<()> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish(EVENTS.into(), NOBODYS_KEY.into(), options, b"", properties).await?.await?;
    Ok(())
}
