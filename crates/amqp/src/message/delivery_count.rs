//! How often a message was delivered without an end, by what the versions of the broker tell of it.

use lapin::message::Delivery;
use lapin::types::FieldTable;

use crate::message::header::{names, number, text};
use crate::message::last_death;
use crate::topology::{DELIVERY_LIMIT, RETRY, is_retry};

/// How often a message was delivered before without an end: by this queue since the message came into it, as the
/// broker counts, and by this queue before the message last waited in a retry queue, as we do.
pub(crate) fn delivered_in_vain(delivery: &Delivery) -> u64 {
    let Some(table) = delivery.properties.headers() else { return 0 };
    let since_it_waited = since_it_came(delivery.redelivered, table);
    let waited = delivery.exchange.as_str() == RETRY
        && last_death(table).is_some_and(|death| text(death, "queue").is_some_and(|queue| is_retry(&queue)));
    // What was dead-lettered from another queue, or published by others, may carry the header as well.
    let before = if waited { count(table, names::DELIVERED_IN_VAIN) } else { 0 };
    since_it_waited.saturating_add(before)
}

/// The broker's count. Of a first delivery a publisher may have claimed one. What a queue with the same limit gave
/// up keeps that queue's count on RabbitMQ 4.0 for its first delivery and on 4.3 for all of them, as a redelivery:
/// no message of this queue's own is delivered with a count beyond its limit.
fn since_it_came(redelivered: bool, table: &FieldTable) -> u64 {
    let counted = if redelivered { count(table, "x-delivery-count") } else { 0 };
    if counted > DELIVERY_LIMIT.into() { 0 } else { counted }
}

fn count(table: &FieldTable, name: &str) -> u64 {
    number(table, name).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::{AMQPValue, FieldArray};

    use super::*;
    use crate::topology::{DEAD, EVENTS};

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn counts(counts: &[(&str, i64)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, count) in counts {
            table.insert((*name).into(), AMQPValue::LongLongInt(*count));
        }
        table
    }

    /// As the broker notes it.
    fn died_in(queue: &str, mut table: FieldTable) -> FieldTable {
        let mut death = FieldTable::default();
        death.insert("queue".into(), text(queue));
        let mut deaths = FieldArray::default();
        deaths.push(AMQPValue::FieldTable(death));
        table.insert("x-death".into(), AMQPValue::FieldArray(deaths));
        table
    }

    fn in_vain(exchange: &str, redelivered: bool, table: FieldTable) -> u64 {
        let properties = BasicProperties::default().with_headers(table);
        let mut delivery = Delivery::mock(1, exchange.into(), "a-key".into(), redelivered, Vec::new());
        delivery.properties = properties;
        delivered_in_vain(&delivery)
    }

    #[test]
    fn only_deliveries_of_this_queue_count() {
        let by_the_broker = |count| counts(&[("x-delivery-count", count)]);
        let of_4_3 =
            |acquired, failed| counts(&[("x-acquired-count", acquired), ("x-delivery-count", failed)]);
        let given_up = |table| died_in("bilag.receipt", table);
        for (case, exchange, redelivered, table, expected) in [
            ("a first delivery", EVENTS, false, by_the_broker(0), 0),
            ("a first delivery with a publisher's claim", EVENTS, false, of_4_3(2_000, 1_000), 0),
            ("the sixth on 3.10 and 4.0", EVENTS, true, by_the_broker(5), 5),
            ("the sixth on 4.3", EVENTS, true, of_4_3(5, 5), 5),
            ("given back by nack on 4.3", EVENTS, true, counts(&[("x-acquired-count", 9)]), 0),
            ("the last one that a queue makes", EVENTS, true, by_the_broker(50), 50),
            ("a copy of what was given up, on 3.10", DEAD, false, given_up(by_the_broker(0)), 0),
            ("a copy of what was given up, on 4.0", DEAD, true, given_up(by_the_broker(51)), 0),
            ("a copy of what was given up, on 4.3", DEAD, true, given_up(of_4_3(51, 51)), 0),
            ("the same once more, on 3.10 and 4.0", DEAD, true, given_up(by_the_broker(1)), 1),
        ] {
            assert_eq!(in_vain(exchange, redelivered, table), expected, "{case}");
        }
    }

    #[test]
    fn counts_deliveries_before_a_retry_queue() {
        let before = || counts(&[(names::DELIVERED_IN_VAIN, 7)]);
        let waited = |table| died_in("bilag.receipt.retry.5s", table);
        for (case, exchange, table, expected) in [
            ("it waited", RETRY, waited(before()), 7),
            (
                "it died in a work queue, and its copy has the header still",
                DEAD,
                died_in("bilag.receipt", before()),
                0,
            ),
            ("another tool moved it from the dead letters", RETRY, died_in("bilag.receipt", before()), 0),
            ("a publisher has set it", "events", before(), 0),
            ("a publisher has set more", "events", waited(before()), 0),
        ] {
            assert_eq!(in_vain(exchange, false, table), expected, "{case}");
        }
        let both = waited(counts(&[(names::DELIVERED_IN_VAIN, 7), ("x-delivery-count", 2)]));
        assert_eq!(in_vain(RETRY, true, both), 9);
    }
}
