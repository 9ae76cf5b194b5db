//! Whose headers a delivery has. `x-bilag-…` says what a message is about and what has become of it, where we
//! wrote it; on the users' bus anybody may have.

use lapin::BasicProperties;
use lapin::types::FieldTable;

use crate::message::header::text;
use crate::message::last_death;
use crate::topology::{DEAD, EVENTS, REQUEUE, RETRY};

const PREFIX: &str = "x-bilag-";

/// By these only Bilag publishes, and by the default exchange an operator's tool that moves messages.
const OURS: [&str; 5] = [EVENTS, RETRY, REQUEUE, DEAD, ""];

/// Whether only Bilag publishes to an exchange.
pub(crate) fn is_ours(exchange: &str) -> bool {
    OURS.contains(&exchange)
}

/// Takes our headers off a message that came from somewhere else, also where the broker has dead-lettered it
/// since: a message that ends every process carries what its publisher gave it into the dead letters.
pub(crate) fn distrust(exchange: &str, properties: BasicProperties) -> BasicProperties {
    let Some(headers) = properties.headers() else { return properties };
    let died_of = last_death(headers).and_then(|death| text(death, "exchange"));
    if is_ours(exchange) && died_of.as_deref().is_none_or(is_ours) {
        return properties;
    }
    let mut kept = FieldTable::default();
    for (name, value) in headers {
        if !name.as_str().to_ascii_lowercase().starts_with(PREFIX) {
            kept.insert(name.clone(), value.clone());
        }
    }
    properties.with_headers(kept)
}

#[cfg(test)]
mod tests {
    use lapin::types::{AMQPValue, FieldArray};

    use super::*;

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    /// The names that are left of a message's headers.
    fn left(exchange: &str, died_of: Option<&str>) -> Vec<String> {
        let mut headers = FieldTable::default();
        headers.insert("x-bilag-tenant".into(), text("7"));
        headers.insert("X-Bilag-Attempt".into(), text("9"));
        headers.insert("traceparent".into(), text("00-"));
        if let Some(exchange) = died_of {
            let (mut death, mut deaths) = (FieldTable::default(), FieldArray::default());
            death.insert("exchange".into(), text(exchange));
            deaths.push(AMQPValue::FieldTable(death));
            headers.insert("x-death".into(), AMQPValue::FieldArray(deaths));
        }
        let properties = distrust(exchange, BasicProperties::default().with_headers(headers));
        let headers = properties.headers().clone().expect("headers");
        headers.into_iter().map(|(name, _)| name.to_string()).filter(|name| name != "x-death").collect()
    }

    #[test]
    fn drops_our_headers_from_others_messages() {
        let all = ["X-Bilag-Attempt", "traceparent", "x-bilag-tenant"];
        for (exchange, died_of) in [
            ("bilag", None),
            ("bilag.retry", Some("bilag.requeue")),
            ("bilag.retry", Some("bilag.retry")),
            ("bilag.dead", None),
            ("bilag.dead", Some("bilag")),
            ("", None),
        ] {
            assert_eq!(left(exchange, died_of), all, "{exchange} {died_of:?}");
        }
        for (exchange, died_of) in
            [("events", None), ("events", Some("bilag.requeue")), ("bilag.dead", Some("events"))]
        {
            assert_eq!(left(exchange, died_of), ["traceparent"], "{exchange} {died_of:?}");
        }
    }
}
