//! Classifies the body of a webhook: which event it is, and whether the chain uses it.

use events::{ReceiptSettledType, Undecodable, foreign, named};
use serde_json::Value;

/// Sender of webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Flow Retail: settled receipts, complete or as ids only.
    Flow,
    /// Akinon's OMS: status changes of packages.
    Akinon,
    /// Akinon's OMS, where it asks for the invoice of a packed package.
    Oms,
}

/// Flow's `action` of a settled receipt with ids only (docs.flowretail.com, Webhooks).
pub(crate) const THIN_RECEIPT: &str = "ORDER_RECEIPT_SETTLED";

/// Flow's `action` of a settled order, which names no receipt.
pub(crate) const THIN_ORDER: &str = "ORDER_SETTLED";

/// Package events that the chain consumes.
pub(crate) const PACKAGES: [&str; 3] =
    ["package.status.packed", "package.status.packed_for_refund", "package.status.transitioned"];

/// A classified webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Webhook {
    /// Published as it is, even if it turns out invalid: a dead letter is visible, a rejected webhook is not.
    Event {
        /// Event type and routing key.
        kind: String,
        /// Usable event id.
        id: Option<String>,
    },
    /// Ids of a settled receipt.
    ThinReceipt,
    /// Ids of a settled order.
    ThinOrder,
    /// Not used by the chain.
    Ignored {
        /// Event type, unless it may be personal data.
        kind: Option<String>,
    },
}

/// Why a body is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnEvent {
    /// Not JSON, or a foreign envelope. What is a property in AMQP is a header here.
    #[error("{}", .0.to_string().replace("content_encoding", "Content-Encoding"))]
    Undecodable(#[from] Undecodable),
    /// JSON without an event type.
    #[error("the body has no event type: expected type, event.type or action")]
    Nameless,
}

/// Classifies a webhook by its body.
pub(crate) fn classify(vendor: Vendor, body: &[u8]) -> Result<Webhook, NotAnEvent> {
    let named = named(body)?;
    let kind = match (named.kind, vendor) {
        (None, Vendor::Flow) => action(body),
        (kind, _) => kind,
    };
    let kind = kind.ok_or_else(|| other_envelope(body))?;
    Ok(match vendor {
        Vendor::Flow if kind == THIN_RECEIPT => Webhook::ThinReceipt,
        Vendor::Flow if kind == THIN_ORDER => Webhook::ThinOrder,
        Vendor::Flow if kind == ReceiptSettledType::NAME => Webhook::Event { kind, id: named.id },
        Vendor::Akinon | Vendor::Oms if PACKAGES.contains(&kind.as_str()) => {
            Webhook::Event { kind, id: named.id }
        }
        _ => Webhook::Ignored { kind: loggable(kind) },
    })
}

fn other_envelope(body: &[u8]) -> NotAnEvent {
    foreign(body).map_or(NotAnEvent::Nameless, |foreign| Undecodable::OtherEnvelope(foreign).into())
}

fn action(body: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_str(events::plain(body).ok()?.get()).ok()?;
    event.get("action")?.as_str().map(str::to_owned)
}

/// An event type is loggable only in the usual form: anything else may be personal data.
fn loggable(kind: String) -> Option<String> {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (kind.len() <= 60 && kind.bytes().all(is_usual)).then_some(kind)
}

/// Event type and routing key of a receipt, complete or not.
pub(crate) const RECEIPT: &str = ReceiptSettledType::NAME;

#[cfg(test)]
mod tests {
    use super::*;
    use Vendor::{Akinon, Flow};

    fn event(kind: &str, id: &str) -> Option<Webhook> {
        Some(Webhook::Event { kind: kind.to_owned(), id: (!id.is_empty()).then(|| id.to_owned()) })
    }

    fn ignored(kind: &str) -> Option<Webhook> {
        Some(Webhook::Ignored { kind: (!kind.is_empty()).then(|| kind.to_owned()) })
    }

    #[test]
    fn classifies_bodies() {
        for (vendor, body, expected) in [
            (Flow, r#"{"type":"receipt.settled.v1","id":"evt-1"}"#, event("receipt.settled.v1", "evt-1")),
            (
                Flow,
                r#"{"type":"receipt.settled.v1","id":7,"orderReceipt":0}"#,
                event("receipt.settled.v1", ""),
            ),
            (
                Flow,
                r#"{"specversion":"1.0","type":"no.till","id":"ce-1","data":{"type":"receipt.settled.v1"}}"#,
                event("receipt.settled.v1", "ce-1"),
            ),
            (
                Flow,
                r#"{"specversion":"1.0","type":"receipt.settled.v1","id":"ce-2","data":{"tenant":{}}}"#,
                event("receipt.settled.v1", "ce-2"),
            ),
            (Flow, r#"{"action":"ORDER_RECEIPT_SETTLED","tenant":{"Uid":"7"}}"#, Some(Webhook::ThinReceipt)),
            (Flow, r#"{"type":"ORDER_RECEIPT_SETTLED"}"#, Some(Webhook::ThinReceipt)),
            (Flow, r#"{"action":"ORDER_SETTLED","order":{"Uid":"700"}}"#, Some(Webhook::ThinOrder)),
            (Flow, r#"{"action":"TILL_CLOSED"}"#, ignored("TILL_CLOSED")),
            (Flow, r#"{"type":"package.status.packed"}"#, ignored("package.status.packed")),
            (Flow, r#"{"type":"Kari Nordmann"}"#, ignored("")),
            (Flow, r#"{"action":7}"#, None),
            (Flow, r#"{"tenant":{}}"#, None),
            (Flow, "[]", None),
            (Flow, "", None),
            (Flow, "{", None),
            (
                Akinon,
                r#"{"event":{"type":"package.status.packed","uuid":"u-1"},"payload":0}"#,
                event("package.status.packed", "u-1"),
            ),
            (
                Akinon,
                r#"{"event":{"type":"package.status.transitioned"}}"#,
                event("package.status.transitioned", ""),
            ),
            (
                Akinon,
                r#"{"event":{"type":"package.status.packed_for_refund","uuid":"u-3"}}"#,
                event("package.status.packed_for_refund", "u-3"),
            ),
            (Akinon, r#"{"event":{"type":"stock.changed","uuid":"u-2"}}"#, ignored("stock.changed")),
            (Akinon, r#"{"type":"receipt.settled.v1"}"#, ignored("receipt.settled.v1")),
            (Akinon, r#"{"action":"ORDER_RECEIPT_SETTLED"}"#, None),
        ] {
            assert_eq!(classify(vendor, body.as_bytes()).ok(), expected, "{vendor:?} {body}");
        }
    }

    #[test]
    fn names_foreign_envelopes() {
        let error =
            classify(Flow, br#"{"Type":"Notification","Message":"{}"}"#).expect_err("no event").to_string();
        assert!(error.starts_with("the body is a notification of Amazon SNS"), "{error}");
        let error = classify(Flow, b"\x1f\x8b").expect_err("no event").to_string();
        assert!(error.ends_with("does not say so: set Content-Encoding to gzip"), "{error}");
    }
}
