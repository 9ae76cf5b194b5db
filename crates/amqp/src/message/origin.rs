//! How a message came from the users' bus, which it still says after retries and as a dead letter.

use lapin::types::AMQPValue;

use super::header::{Headers, names, text};
use super::provenance::is_ours;
use super::{Message, last_death};

/// The header by which publishers name a message's tenant.
const TENANT: &str = "tenant";

/// How a message came from the users' bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Its routing key there.
    pub key: String,
    /// AMQP's property `type`.
    pub kind: Option<String>,
    /// What its header `tenant` said.
    pub tenant: Option<String>,
    /// So many envelopes around it are opened: it is one message of those that came as one.
    pub opened: u16,
}

impl Origin {
    /// As headers say it, by their texts.
    pub fn of_headers(header: impl Fn(&str) -> Option<String>) -> Option<Self> {
        Some(Self {
            key: header(names::SOURCE_KEY)?,
            kind: header(names::SOURCE_TYPE),
            tenant: header(names::SOURCE_TENANT),
            opened: header(names::OPENED).and_then(|opened| opened.parse().ok()).unwrap_or(0),
        })
    }

    /// The headers that say it, each with its text.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let opened = (self.opened > 0).then(|| self.opened.to_string());
        let headers = [
            (names::SOURCE_KEY, Some(self.key.clone())),
            (names::SOURCE_TYPE, self.kind.clone()),
            (names::SOURCE_TENANT, self.tenant.clone()),
            (names::OPENED, opened),
        ];
        headers.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Says it in headers.
    pub(crate) fn set(&self, headers: &mut Headers) {
        self.headers().for_each(|(name, value)| headers.set_text(name, value));
    }
}

impl Message {
    /// How it came from the users' bus; `None` where it did not.
    pub fn origin(&self) -> Option<Origin> {
        let noted = Origin::of_headers(|name| self.header_text(name));
        let first = || {
            let key =
                if is_ours(&self.exchange) { self.key_before_death()? } else { self.routing_key.clone() };
            let kind = self.kind().map(str::to_owned);
            Some(Origin { key, kind, tenant: text(self.table(), TENANT), opened: 0 })
        };
        noted.or_else(first)
    }

    /// The key on the users' bus of a message that the broker dead-lettered.
    fn key_before_death(&self) -> Option<String> {
        let death = last_death(self.table())?;
        if is_ours(&text(death, "exchange")?) {
            return None;
        }
        let AMQPValue::FieldArray(keys) = death.inner().get("routing-keys")? else { return None };
        match keys.as_slice().first()? {
            AMQPValue::LongString(key) => Some(String::from_utf8_lossy(key.as_bytes()).into_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use lapin::types::{FieldArray, FieldTable};

    use super::*;
    use crate::topology::{DEAD, EVENTS, REQUEUE};

    fn long(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    fn message(exchange: &str, headers: &[(&str, AMQPValue)]) -> Message {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let properties = BasicProperties::default().with_headers(table).with_type("Paid".into());
        let message = Message::plain("{}");
        Message { exchange: exchange.to_owned(), routing_key: "shop.paid".to_owned(), properties, ..message }
    }

    #[test]
    fn origin_survives_what_replaces_key_and_headers() {
        let origin = Origin {
            key: "shop.paid".to_owned(),
            kind: Some("Paid".to_owned()),
            tenant: Some("7".to_owned()),
            opened: 0,
        };
        let from_bus = message("events", &[("tenant", long("7"))]);
        assert_eq!(from_bus.origin(), Some(origin.clone()));
        let kept = from_bus.kept_headers().to_table();
        let again = Message {
            exchange: REQUEUE.to_owned(),
            routing_key: "bilag.receipt".to_owned(),
            properties: BasicProperties::default().with_headers(kept),
            ..Message::plain("{}")
        };
        assert_eq!(again.origin(), Some(origin));
        assert_eq!(message(EVENTS, &[("tenant", long("7"))]).origin(), None);
    }

    #[test]
    fn broker_dead_letters_have_the_key_of_their_death() {
        let died_of = |exchange: &str| {
            let mut death = FieldTable::default();
            let mut keys = FieldArray::default();
            keys.push(long("shop.order.paid"));
            death.insert("exchange".into(), long(exchange));
            death.insert("routing-keys".into(), AMQPValue::FieldArray(keys));
            let mut deaths = FieldArray::default();
            deaths.push(AMQPValue::FieldTable(death));
            let origin = message(DEAD, &[("x-death", AMQPValue::FieldArray(deaths))]).origin();
            origin.map(|origin| origin.key)
        };
        assert_eq!(died_of("events").as_deref(), Some("shop.order.paid"));
        assert_eq!(died_of(EVENTS), None);
    }
}
