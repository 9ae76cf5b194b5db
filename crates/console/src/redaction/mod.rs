//! Redaction: personal data is hidden from viewers.
//!
//! The rule is an allow-list. A member that is not on it is redacted, so that one which the events get tomorrow,
//! or which a till adds on its own, reveals nothing.

mod allow_list;

use operate::stages::WhyPaused;
use serde_json::{Map, Value};

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;

use allow_list::{EVENT_MEMBERS, Member, Members};

/// In place of a redacted value.
pub(crate) const REDACTED: &str = "•••";

/// Counts members that are not in the allow-list: their names may be personal data.
const OTHERS: &str = "(other members)";

/// A body without personal data and CloudEvents envelope; `None` if it is not a JSON object.
pub(crate) fn body(body: &[u8]) -> Option<Value> {
    match serde_json::from_str(events::plain(&events::legible(body)).ok()?.get()) {
        Ok(Value::Object(object)) => Some(members(object, &EVENT_MEMBERS)),
        _ => None,
    }
}

fn members(object: Map<String, Value>, known: &Members) -> Value {
    let mut shown = Map::new();
    let mut others = 0_usize;
    for (name, value) in object {
        match known.get(&name) {
            Some(known) => {
                shown.insert(name, self::value(value, known));
            }
            None => others += 1,
        }
    }
    if others > 0 {
        shown.insert(OTHERS.to_owned(), Value::from(format!("{others} redacted")));
    }
    Value::Object(shown)
}

fn value(value: Value, known: &Member) -> Value {
    match (value, known) {
        (Value::Null, _) => Value::Null,
        (Value::Array(values), known) => {
            Value::Array(values.into_iter().map(|value| self::value(value, known)).collect())
        }
        (Value::Object(object), Member::Within(known)) => members(object, known),
        (value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)), Member::Shown) => value,
        _ => Value::from(REDACTED),
    }
}

/// Headers of ours without personal data.
const HEADERS: [&str; 13] = [
    "x-bilag-attempt",
    "x-bilag-stage",
    "x-bilag-reason",
    "x-bilag-death",
    "x-bilag-first-failed-at",
    "x-bilag-last-failed-at",
    "x-bilag-tenant",
    "x-bilag-receipt",
    "x-bilag-oms",
    "x-bilag-package",
    "x-bilag-redriven",
    "x-bilag-edited-from",
    "traceparent",
];

/// A header's value without personal data.
pub(crate) fn header(name: &str, value: &str) -> String {
    match name {
        amqp::header_names::ERROR => error(value),
        name if HEADERS.contains(&name) => value.to_owned(),
        _ => REDACTED.to_owned(),
    }
}

/// An error without personal data: without a service's response, which may quote what it was sent, quoted values,
/// and words with digits.
pub(crate) fn error(error: &str) -> String {
    match error.split_once(" answered ") {
        Some((before, after)) => {
            let status: String = after.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("{} answered {status} ({REDACTED})", sync_store::cause(before))
        }
        None => sync_store::cause(error.split(": \"").next().unwrap_or_default()),
    }
}

/// A sentence with an error that may contain personal data, which viewers see redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redacted {
    full: String,
    redacted: String,
}

impl Redacted {
    /// `sentence` is built with the error, and with the redacted error.
    pub(crate) fn new(error: Option<&str>, sentence: impl Fn(Option<&str>) -> String) -> Self {
        let redacted = error.map(self::error);
        Self { full: sentence(error), redacted: sentence(redacted.as_deref()) }
    }

    /// As the viewer may see it.
    pub(crate) fn for_viewer(&self, viewer: &Viewer) -> &str {
        if viewer.is(Role::Operator) { &self.full } else { &self.redacted }
    }
}

impl From<String> for Redacted {
    fn from(text: String) -> Self {
        Self { redacted: text.clone(), full: text }
    }
}

impl From<&WhyPaused> for Redacted {
    fn from(why: &WhyPaused) -> Self {
        Self::new(why.error.as_deref(), |error| {
            WhyPaused { text: why.text.clone(), error: error.map(str::to_owned) }.to_string()
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(body: Value) -> Value {
        super::body(body.to_string().as_bytes()).expect("it is an object")
    }

    #[test]
    fn redacts_personal_data_of_receipts() {
        let person = json!({
            "displayName": "Kari Nordmann", "firstname": "Kari", "lastname": "Nordmann",
            "address": "Storgata 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO",
            "email": "kari@nordmann.example", "mobile": "+4790000000", "vatNumber": "NO1", "companyName": null
        });
        let hidden = json!({
            "displayName": "•••", "firstname": "•••", "lastname": "•••",
            "address": "•••", "postalCode": "•••", "city": "•••", "countryCode": "NO",
            "email": "•••", "mobile": "•••", "vatNumber": "•••", "companyName": null
        });
        for (open, expected) in [
            (
                json!({ "id": "evt-1", "type": "receipt.settled.v1" }),
                json!({ "id": "evt-1", "type": "receipt.settled.v1" }),
            ),
            (
                json!({ "tenant": { "uid": "7", "name": "Nordlys", "country": { "code": "NO", "currency": "NOK" } } }),
                json!({ "tenant": { "uid": "7", "name": "Nordlys", "country": { "code": "NO", "currency": "NOK" } } }),
            ),
            (
                json!({ "orderReceipt": { "items": [{ "name": "Ski", "total": 34900 }, { "name": "Wax", "engraving": "To Kari" }] } }),
                json!({ "orderReceipt": { "items": [{ "name": "Ski", "total": 34900 }, { "name": "Wax", "(other members)": "1 redacted" }] } }),
            ),
            (
                json!({ "orderReceipt": { "invoiceAddress": person, "order": { "address": person, "comment": "call Kari" } } }),
                json!({ "orderReceipt": { "invoiceAddress": hidden, "order": { "address": hidden, "(other members)": "1 redacted" } } }),
            ),
            (
                json!({ "orderReceipt": { "customer": { "uid": "c-1", "type": "PERSON", "loyaltyId": 77, "displayName": "Kari" },
                                          "seller": { "code": "E1", "name": "Ola" } } }),
                json!({ "orderReceipt": { "customer": { "uid": "•••", "type": "PERSON", "loyaltyId": "•••", "displayName": "•••" },
                                          "seller": "•••" } }),
            ),
            (
                json!({ "orderReceipt": { "settlements": [{ "amount": 100, "kind": "CARD", "transactionId": "4111" }] } }),
                json!({ "orderReceipt": { "settlements": [{ "amount": 100, "kind": "CARD", "transactionId": "•••" }] } }),
            ),
            (
                json!({ "receipt": { "orderReceipt": { "contactPerson": { "email": "kari@x.example" } } } }),
                json!({ "receipt": { "orderReceipt": { "contactPerson": { "email": "•••" } } } }),
            ),
        ] {
            assert_eq!(redacted(open.clone()), expected, "{open}");
        }
    }

    #[test]
    fn redacts_personal_data_of_invoices_and_packages() {
        for (open, expected) in [
            (
                json!({ "invoice": { "amount": 25.5, "customerName": "Kari", "customerId": "c-1", "customerEmail": "k@x.example",
                    "customerAddress": { "line1": "Storgata 1", "phone": "1", "countryCode": "NO" },
                    "properties": [{ "key": "flow.customer.loyalty_id", "value": "77", "keyGroup": "flow.Invoice" }] } }),
                json!({ "invoice": { "amount": 25.5, "customerName": "•••", "customerId": "•••", "customerEmail": "•••",
                    "customerAddress": { "line1": "•••", "phone": "•••", "countryCode": "NO" },
                    "properties": [{ "key": "flow.customer.loyalty_id", "value": "•••", "keyGroup": "flow.Invoice" }] } }),
            ),
            (
                json!({ "pdf": { "fileName": "1.pdf", "sha256": "ab", "content": "JVBERi0=" }, "tenant": "7" }),
                json!({ "pdf": { "fileName": "1.pdf", "sha256": "ab", "content": "•••" }, "tenant": "•••" }),
            ),
            (
                json!({ "event": { "type": "package.status.packed", "uuid": "1" },
                    "payload": { "id": 73, "number": "73", "city": "İstanbul", "customer": { "name": "A" },
                                 "packageitem_set": [{ "sku": "S", "quantity": 2, "note": "x" }] } }),
                json!({ "event": { "type": "package.status.packed", "uuid": "1" },
                    "payload": { "id": 73, "number": "73", "(other members)": "2 redacted",
                                 "packageitem_set": [{ "sku": "S", "quantity": 2, "(other members)": "1 redacted" }] } }),
            ),
        ] {
            assert_eq!(redacted(open.clone()), expected, "{open}");
        }
    }

    #[test]
    fn redacts_unexpected_types() {
        for (open, expected) in [
            (json!({ "id": { "name": "Kari" } }), json!({ "id": "•••" })),
            (json!({ "orderReceipt": "Kari Nordmann" }), json!({ "orderReceipt": "•••" })),
            (json!({ "targets": ["omnium", { "to": "Kari" }] }), json!({ "targets": ["omnium", "•••"] })),
            (json!({ "kari@x.example": 1, "+4790000000": 2 }), json!({ "(other members)": "2 redacted" })),
            (
                json!({ "orderReceipt": { "items": [["Kari", { "name": "Ski" }]] } }),
                json!({ "orderReceipt": { "items": [["•••", { "name": "Ski" }]] } }),
            ),
        ] {
            assert_eq!(redacted(open.clone()), expected, "{open}");
        }
    }

    #[test]
    fn redacts_enveloped_events() {
        let event = json!({ "type": "receipt.settled.v1", "orderReceipt": { "contactPerson": { "email": "kari@x.example" } } });
        let envelope =
            json!({ "specversion": "1.0", "id": "1", "source": "/kari", "type": "t", "data": event });
        assert_eq!(redacted(envelope), redacted(event));
    }

    #[test]
    fn redacts_non_objects_entirely() {
        for open in [
            &b"<receipt><name>Kari</name></receipt>"[..],
            b"\"Kari\"",
            b"[\"Kari\"]",
            b"{\"id\":",
            b"\xff",
            b"",
        ] {
            assert_eq!(super::body(open), None, "{open:?}");
        }
    }

    #[test]
    fn redacts_headers_and_errors() {
        assert_eq!(header("x-bilag-receipt", "rcpt-1"), "rcpt-1");
        assert_eq!(header("x-customer", "Kari"), REDACTED);
        for (open, shown) in [
            (
                "Omnium does not take this: Omnium answered 400: Kari Nordmann has no e-mail",
                "Omnium does not take this: Omnium answered 400 (•••)",
            ),
            (
                "at orderReceipt.items[0].total: expected an integer",
                "at orderReceipt.items[#].total: expected an integer",
            ),
            ("the name \"Kari\" is too long", "the name \"…\" is too long"),
        ] {
            assert_eq!(error(open), shown);
            assert_eq!(header("x-bilag-error", open), shown);
        }
    }
}
