//! The stand-in for a hydrate hook: `POST /hydrate` takes the ids of a settled receipt, as Flow's webhook
//! has them, and answers with the whole receipt, the same for the same ids.
//!
//! It knows every receipt, unless a fault says otherwise.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use events::ReceiptSettledType;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::{Call, Fault, Rule};

use crate::http::Caller;
use crate::recorder::Recorded;
use crate::{About, Service, StandIn};

/// The stand-in for a hydrate hook.
pub type Hydrate = StandIn<Api>;

/// The hook's part of its stand-in.
pub struct Api;

/// The hook holds nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {}

impl Service for Api {
    const PATH: &'static str = "/hydrate";
    const CONDITIONS: &'static [&'static str] = &["call"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        Facts {}
    }

    fn routes() -> Router<Hydrate> {
        Router::new().route("/hydrate", post(hydrate))
    }
}

/// What Flow's webhook says of a settled receipt, as far as it is read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    tenant: Id,
    order_receipt: Id,
}

#[derive(Deserialize)]
struct Id {
    #[serde(rename = "Uid")]
    uid: String,
}

async fn hydrate(State(hook): State<Hydrate>, caller: Caller, body: Bytes) -> Response {
    let ids =
        caller.check_json().and_then(|()| serde_json::from_slice(&body).map_err(|error| error.to_string()));
    let execute = move |_: &Api, call: &Recorded<'_>| match ids {
        Ok(Ids { tenant, order_receipt }) => Json(receipt(&tenant.uid, &order_receipt.uid)).into_response(),
        Err(what) => call.malformed(&what),
    };
    hook.answer(caller, Call::Hydrate, About::default(), |_, _| Ok(()), execute).await
}

/// When all receipts were settled.
const SETTLED_AT: &str = "2026-11-02T12:30:00+01:00";

/// The event of a receipt.
fn receipt(tenant: &str, uid: &str) -> Value {
    json!({
        "id": format!("hydrated-{tenant}-{uid}"),
        "type": ReceiptSettledType::NAME,
        "occurredAt": SETTLED_AT,
        "tenant": { "uid": tenant, "country": { "currency": "NOK" } },
        "orderReceipt": {
            "uid": uid,
            "voucherNumber": uid,
            "createdAt": SETTLED_AT,
            "settledAt": SETTLED_AT,
            "order": {
                "uid": format!("ord-{uid}"),
                "orderNumber": uid,
                "type": "SALE",
                "origin": "STORE",
                "store": { "uid": "70" }
            },
            "orderTotals": { "grandTotal": 12_500, "vatTotal": 2_500 },
            "items": [{
                "uid": "i1", "sku": "KOPP-01", "name": "Emaljekopp", "quantity": 100, "unitPrice": 12_500,
                "discountAmount": 0, "total": 12_500, "vatRate": 2_500, "vatAmount": 2_500
            }],
            "settlements": [{
                "uid": "s1", "code": "Card", "name": "Kort", "kind": "CARD", "amount": 12_500,
                "state": "COMPLETED", "settledAt": SETTLED_AT
            }]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invented_receipts_are_valid_events() {
        let body = receipt("7", "rcpt-1").to_string();
        let event: events::ReceiptSettled = events::decode(body.as_bytes()).expect("a receipt");
        event.check().expect("it adds up");
    }
}
