//! The stand-in for an ERP: `POST /erp` takes each invoice with its PDF, once under each key.
//!
//! The body is an `invoice.rendered.v1` event, and the `Idempotency-Key` names it: 201 the first
//! time, 200 for the same content again, 422 for another. What makes the content is all but the
//! event's own `id` and `occurredAt`. A body of any other shape is answered 400.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use events::{EInvoice, InvoiceRendered};
use parking_lot::Mutex;
use serde::Serialize;

pub use crate::{Call, Fault, Rule};

use crate::documents::sha256;
use crate::http::{Caller, error};
use crate::recorder::Recorded;
use crate::{About, Service, StandIn, Subject, ViolationKind};

/// The stand-in for an ERP.
pub type Erp = StandIn<Api>;

/// The ERP's part of its stand-in.
#[derive(Default)]
pub struct Api(Mutex<BTreeMap<String, Held>>);

struct Held {
    facts: InvoiceFacts,
    content: String,
}

/// What the ERP holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The invoices by their key.
    pub invoices: BTreeMap<String, InvoiceFacts>,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceFacts {
    /// Its number.
    pub invoice_number: String,
    /// The SHA-256 of its PDF, in hexadecimal.
    pub sha256: String,
    /// The package that it is the invoice of.
    pub package_id: Option<u64>,
    /// The e-invoice that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e_invoice: Option<EInvoice>,
    /// How often it was delivered.
    pub times: u64,
}

impl Service for Api {
    const PATH: &'static str = "/erp";
    const CONDITIONS: &'static [&'static str] = &["call", "invoiceNumber", "packageId"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        let held = self.0.lock();
        Facts { invoices: held.iter().map(|(key, held)| (key.clone(), held.facts.clone())).collect() }
    }

    fn routes() -> Router<Erp> {
        Router::new().route("/erp", post(deliver))
    }
}

async fn deliver(State(erp): State<Erp>, caller: Caller, body: Bytes) -> Response {
    let delivery = Delivery::read(&caller, &body);
    let facts = delivery.as_ref().ok().map(|delivery| &delivery.facts);
    let about = About {
        subject: Subject {
            package_id: facts.and_then(|facts| facts.package_id),
            invoice_number: facts.map(|facts| facts.invoice_number.clone()),
            ..Subject::default()
        },
        key: caller.key(),
        file: None,
    };
    let execute = move |erp: &Api, call: &Recorded<'_>| match delivery {
        Ok(delivery) => erp.keep(delivery, call),
        Err(what) => call.malformed(&what),
    };
    erp.answer(caller, Call::Deliver, about, |_, _| Ok(()), execute).await
}

impl Api {
    fn keep(&self, delivery: Delivery, call: &Recorded<'_>) -> Response {
        let mut held = self.0.lock();
        match held.get_mut(&delivery.key) {
            Some(held) if held.content != delivery.content => {
                call.violation(ViolationKind::OtherContent);
                error(StatusCode::UNPROCESSABLE_ENTITY, "")
            }
            Some(held) => {
                held.facts.times += 1;
                StatusCode::OK.into_response()
            }
            None => {
                let Delivery { key, facts, content } = delivery;
                held.insert(key, Held { facts, content });
                StatusCode::CREATED.into_response()
            }
        }
    }
}

/// An invoice, as it was delivered.
struct Delivery {
    key: String,
    facts: InvoiceFacts,
    /// A hash of all but what belongs to the event alone.
    content: String,
}

impl Delivery {
    /// Reads a request, or says what is wrong with it.
    fn read(caller: &Caller, body: &[u8]) -> Result<Self, String> {
        let key = caller.key().ok_or("the header Idempotency-Key is required")?;
        caller.check_json()?;
        let event: InvoiceRendered = events::decode(body).map_err(|error| error.to_string())?;
        let pdf = &event.pdf.content.0;
        if !pdf.starts_with(b"%PDF") {
            return Err("at pdf.content: expected a PDF".to_owned());
        }
        let pdf_sha256 = sha256(pdf);
        if pdf_sha256 != event.pdf.sha256 {
            return Err("at pdf.sha256: expected the SHA-256 of pdf.content".to_owned());
        }
        if event.e_invoice.as_ref().is_some_and(|invoice| !invoice.content.starts_with("<?xml")) {
            return Err("at eInvoice.content: expected XML".to_owned());
        }
        let facts = InvoiceFacts {
            invoice_number: event.invoice.invoice_number.to_string(),
            sha256: pdf_sha256,
            package_id: event.package.as_ref().map(|package| package.id),
            e_invoice: event.e_invoice.clone(),
            times: 1,
        };
        let mut content = serde_json::to_value(&event).map_err(|error| error.to_string())?;
        if let Some(members) = content.as_object_mut() {
            members.retain(|name, _| name != "id" && name != "occurredAt");
        }
        Ok(Self { key, facts, content: sha256(content.to_string().as_bytes()) })
    }
}
