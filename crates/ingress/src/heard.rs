//! What a webhook says, as far as it decides where it goes.

use events::{ReceiptSettledType, Undecodable, foreign, named};
use serde_json::Value;

/// Whose webhook it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Flow Retail: settled receipts, whole or as ids only.
    Flow,
    /// Akinon's OMS: what happens to packages.
    Akinon,
}

/// Flow's name for a settled receipt, in `action`. The event has ids only (docs.flowretail.com,
/// Webhooks).
const THIN_RECEIPT: &str = "ORDER_RECEIPT_SETTLED";

/// The events of packages that the chain reads.
const PACKAGES: [&str; 2] = ["package.status.packed", "package.status.transitioned"];

/// What becomes of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// An event that goes on the bus as it is, however broken it may be inside: a dead letter is seen,
    /// what is turned away is not.
    Event {
        /// Its type, which is its routing key.
        kind: String,
        /// Its id; none where it has none that can be used.
        id: Option<String>,
    },
    /// The ids of a settled receipt.
    ThinReceipt,
    /// An event that the chain has no use for.
    PassedOver {
        /// Its type, where it can be told without telling what is in the event.
        kind: Option<String>,
    },
}

/// Why a body is no webhook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEvent {
    /// Not JSON, or an envelope around something else. What is a property in AMQP is a header here.
    #[error("{}", .0.to_string().replace("content_encoding", "Content-Encoding"))]
    Undecodable(#[from] Undecodable),
    /// JSON that does not say what it is.
    #[error("the body does not say which event it is: expected type, event.type or action")]
    Nameless,
}

/// Reads a webhook's body.
pub(crate) fn heard(vendor: Vendor, body: &[u8]) -> Result<Heard, NoEvent> {
    let named = named(body)?;
    let kind = match (named.kind, vendor) {
        (None, Vendor::Flow) => action(body),
        (kind, _) => kind,
    };
    let kind = kind.ok_or_else(|| other_envelope(body))?;
    Ok(match vendor {
        Vendor::Flow if kind == THIN_RECEIPT => Heard::ThinReceipt,
        Vendor::Flow if kind == ReceiptSettledType::NAME => Heard::Event { kind, id: named.id },
        Vendor::Akinon if PACKAGES.contains(&kind.as_str()) => Heard::Event { kind, id: named.id },
        _ => Heard::PassedOver { kind: tellable(kind) },
    })
}

/// Why a body without a name is no event.
fn other_envelope(body: &[u8]) -> NoEvent {
    foreign(body).map_or(NoEvent::Nameless, |foreign| Undecodable::OtherEnvelope(foreign).into())
}

fn action(body: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_str(events::plain(body).ok()?.get()).ok()?;
    event.get("action")?.as_str().map(str::to_owned)
}

/// A type as types are written: anything else may be anybody's name.
fn tellable(kind: String) -> Option<String> {
    let is_told = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (kind.len() <= 60 && kind.bytes().all(is_told)).then_some(kind)
}

/// The key and the type of a receipt, whole or not.
pub(crate) const RECEIPT: &str = ReceiptSettledType::NAME;

#[cfg(test)]
mod tests {
    use super::*;
    use Vendor::{Akinon, Flow};

    fn event(kind: &str, id: &str) -> Option<Heard> {
        Some(Heard::Event { kind: kind.to_owned(), id: (!id.is_empty()).then(|| id.to_owned()) })
    }

    fn passed_over(kind: &str) -> Option<Heard> {
        Some(Heard::PassedOver { kind: (!kind.is_empty()).then(|| kind.to_owned()) })
    }

    #[test]
    fn each_body_has_its_way() {
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
            (Flow, r#"{"action":"ORDER_RECEIPT_SETTLED","tenant":{"Uid":"7"}}"#, Some(Heard::ThinReceipt)),
            (Flow, r#"{"type":"ORDER_RECEIPT_SETTLED"}"#, Some(Heard::ThinReceipt)),
            (Flow, r#"{"action":"TILL_CLOSED"}"#, passed_over("TILL_CLOSED")),
            (Flow, r#"{"type":"package.status.packed"}"#, passed_over("package.status.packed")),
            (Flow, r#"{"type":"Kari Nordmann"}"#, passed_over("")),
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
            (Akinon, r#"{"event":{"type":"stock.changed","uuid":"u-2"}}"#, passed_over("stock.changed")),
            (Akinon, r#"{"type":"receipt.settled.v1"}"#, passed_over("receipt.settled.v1")),
            (Akinon, r#"{"action":"ORDER_RECEIPT_SETTLED"}"#, None),
        ] {
            assert_eq!(heard(vendor, body.as_bytes()).ok(), expected, "{vendor:?} {body}");
        }
    }

    #[test]
    fn another_systems_envelope_is_named() {
        let told =
            heard(Flow, br#"{"Type":"Notification","Message":"{}"}"#).expect_err("no event").to_string();
        assert!(told.starts_with("the body is a notification of Amazon SNS"), "{told}");
        let told = heard(Flow, b"\x1f\x8b").expect_err("no event").to_string();
        assert!(told.ends_with("does not say so: set Content-Encoding to gzip"), "{told}");
    }
}
