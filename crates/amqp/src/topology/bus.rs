//! Whether the user's exchange routes by keys, as Bilag's bindings need it.

use crate::connection::Link;
use crate::topology::apply::{declare_exchange, exists, reply_code};
use crate::{Topology, TopologyError};

/// The types of RabbitMQ and its plugins whose exchanges do not ask what a queue is bound with.
const KEYS_IGNORED: [&str; 7] = [
    "fanout",
    "headers",
    "x-consistent-hash",
    "x-local-random",
    "x-modulus-hash",
    "x-random",
    "x-recent-history",
];

/// What is wrong with a bus of this type, where queues are bound to it with these keys: what would come of it,
/// and what to do.
pub(crate) fn fault<'a>(kind: &str, keys: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut keys = keys.into_iter().peekable();
    keys.peek()?;
    let comes_of_it = match kind {
        _ if KEYS_IGNORED.contains(&kind) => "keys are ignored there, and what comes would be anything",
        "direct" if keys.any(|key| key.contains(['*', '#'])) => {
            "* and # in a key stand for themselves there, and nothing would come"
        }
        _ => return None,
    };
    Some(format!(
        "is of type {kind}: {comes_of_it}; set BILAG_BUS_EXCHANGE to a topic exchange, or bind one of your own to this one and name that"
    ))
}

/// Fails where the bus is of a type that would not do. Nobody is bound to it yet.
///
/// # Errors
/// [`TopologyError::BusOfWrongType`].
pub(crate) async fn expect_topic(link: &Link, topology: &Topology) -> Result<(), TopologyError> {
    if topology.bus_keys().next().is_none() {
        return Ok(());
    }
    let exchange = topology.bus.clone();
    let failed = |source| TopologyError::Failed { what: format!("exchange {exchange}"), source };
    let kind = match exists(link, &exchange, true).await {
        Ok(true) => kind(link, &exchange).await.map_err(failed)?,
        // Binding to it reports that.
        Ok(false) => None,
        Err(error) if reply_code(&error) == Some(403) => None,
        Err(error) => return Err(failed(error)),
    };
    match kind.and_then(|kind| fault(&kind, topology.bus_keys())) {
        Some(fault) => Err(TopologyError::BusOfWrongType { exchange, fault }),
        None => Ok(()),
    }
}

/// The type of an exchange that is there, where it is no topic exchange; `None` also where the user lacks the right that
/// asking takes.
///
/// A passive declare does not report it. Declaring an exchange of another type does, and
/// changes nothing.
pub(crate) async fn kind(link: &Link, exchange: &str) -> lapin::Result<Option<String>> {
    let channel = link.connection.create_channel().await?;
    match declare_exchange(&channel, exchange, "topic").await {
        Ok(()) => {
            // It ends with the connection, should this fail.
            let _ = channel.close(200, "asked".into()).await;
            Ok(None)
        }
        Err(error) => match reply_code(&error) {
            Some(406) => Ok(actual_kind(&error.to_string()).map(str::to_owned)),
            Some(403) => Ok(None),
            _ => Err(error),
        },
    }
}

/// The type in `inequivalent arg 'type' for exchange 'events' in vhost '/': received 'topic' but current is 'fanout'`.
fn actual_kind(answer: &str) -> Option<&str> {
    let (_, current) = answer.split_once("inequivalent arg 'type'")?.1.split_once("but current is '")?;
    current.split('\'').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_exchange_types_that_ignore_keys() {
        let keys = ["receipt.settled.*"];
        for (kind, keys, taken) in [
            ("topic", &keys[..], true),
            ("x-delayed-message", &keys, true),
            ("direct", &["receipt.settled.v1"], true),
            ("direct", &keys, false),
            ("fanout", &keys, false),
            ("headers", &keys, false),
            ("x-consistent-hash", &keys, false),
            ("fanout", &[], true),
        ] {
            assert_eq!(fault(kind, keys.iter().copied()).is_none(), taken, "{kind} {keys:?}");
        }
    }
}
