//! Declaring one exchange or queue, and asking whether it exists.

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

use crate::connection::{Link, reply_code};
use crate::topology::{Argument, Queue};

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
