//! The stand-in for an invoice service: `POST /invoice-service`, with basic authentication, takes an
//! `invoice.request.v1` and answers with the invoice, or sends it over the bus later.
//!
//! The `Idempotency-Key` names the request: the same key gives the same invoice, whenever it is
//! requested; with another package it is answered 422, and 409 while its first request is still in
//! progress. A body of any other shape is answered 400. Two keys make two invoices, as nobody could
//! know better.

mod bus;
mod invoices;
mod request;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use config::Secret;
use events::{Country, Number, Package, ReceiptSettled, ReceiptSettledType, Tenant, Text, Uid};
use serde::Serialize;

pub use self::invoices::{PackageFacts, ReceiptFacts};
pub use crate::{Call, Fault, Rule};

use self::bus::Bus;
use self::invoices::{Invoices, Issued};
use self::request::Request;
use crate::http::{Caller, error};
use crate::recorder::Recorded;
use crate::{About, Service, StandIn, Subject, ViolationKind};

/// The stand-in for an invoice service.
pub type InvoiceService = StandIn<Api>;

/// How the invoice service behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The only user and password that are accepted. `None`: any that are not empty.
    pub credentials: Option<(String, Secret)>,
    /// How it answers.
    pub mode: Mode,
    /// Whose invoices it makes.
    pub tenant: Tenant,
}

/// How the invoice service answers.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// 200 with the receipt: an ERP.
    #[default]
    Synchronous,
    /// 202, and the receipt comes over the bus: third-party software.
    Asynchronous {
        /// The broker. The URL may hold a password.
        amqp_url: Secret,
        /// Must exist.
        exchange: String,
        /// Of the receipts on that exchange.
        routing_key: String,
        /// How long after the answer the receipt is published.
        after: Duration,
    },
}

impl Mode {
    /// Over a bus, with the event's type as the routing key.
    pub fn over_the_bus(amqp_url: &str, exchange: &str, after: Duration) -> Self {
        Self::Asynchronous {
            amqp_url: Secret::new(amqp_url),
            exchange: exchange.to_owned(),
            routing_key: ReceiptSettledType::NAME.to_owned(),
            after,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let country =
            Country { code: Number::new("TR"), currency: Number::new("TRY").expect("it is not empty") };
        let uid = Uid::new("31").expect("it is an identifier");
        let tenant = Tenant { uid, name: Text::new("Ege Spor A.Ş."), country };
        Self { credentials: None, mode: Mode::Synchronous, tenant }
    }
}

/// The invoice service's part of its stand-in.
pub struct Api {
    credentials: Option<(String, Secret)>,
    tenant: Tenant,
    /// `None` where it answers at once.
    bus: Option<Bus>,
    invoices: Arc<Invoices>,
}

/// What the invoice service holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The packages by their id.
    pub packages: BTreeMap<u64, PackageFacts>,
}

impl Service for Api {
    const PATH: &'static str = "/invoice-service";
    const CONDITIONS: &'static [&'static str] = &["call", "packageId"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        Facts { packages: self.invoices.facts() }
    }

    fn routes() -> Router<InvoiceService> {
        Router::new().route("/invoice-service", post(request_invoice))
    }
}

async fn request_invoice(State(service): State<InvoiceService>, caller: Caller, body: Bytes) -> Response {
    let request = Request::read(&caller, &body);
    let package_id = request.as_ref().ok().map(|request| request.package.id);
    let subject = Subject { package_id, ..Subject::default() };
    let about = About { subject, key: caller.key(), file: None };
    let accepted = service.service().accepts(caller.basic());
    // Held until the answer is sent.
    let claim =
        request.as_ref().ok().filter(|_| accepted).map(|request| service.service().invoices.claim(request));
    let admit = move |_: &Api, _: &Recorded<'_>| match claim {
        _ if !accepted => Err(error(StatusCode::UNAUTHORIZED, "")),
        Some(None) => {
            let what = "The first request with this key is still being worked on.";
            Err(error(StatusCode::CONFLICT, what))
        }
        claim => Ok(claim),
    };
    let execute = move |service: &Api, call: &Recorded<'_>| match request {
        Ok(request) => service.execute(request, call),
        Err(what) => call.malformed(&what),
    };
    service.answer(caller, Call::RequestInvoice, about, admit, execute).await
}

impl Api {
    pub(crate) fn new(options: Options) -> io::Result<Self> {
        let Options { credentials, mode, tenant } = options;
        let bus = match mode {
            Mode::Synchronous => None,
            Mode::Asynchronous { amqp_url, exchange, routing_key, after } => Some(
                Bus::new(&amqp_url.expose(), exchange, routing_key, after)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
            ),
        };
        Ok(Self { credentials, tenant, bus, invoices: Arc::default() })
    }

    fn accepts(&self, login: Option<(String, String)>) -> bool {
        login.is_some_and(|(user, password)| match &self.credentials {
            Some((only_user, only_password)) => *only_user == user && *only_password.expose() == *password,
            None => !user.is_empty() && !password.is_empty(),
        })
    }

    fn execute(&self, request: Request, call: &Recorded<'_>) -> Response {
        let package = Package { id: request.package.id, number: request.package.number.clone() };
        match self.invoices.issue(&self.tenant, request) {
            Issued::Impossible(what) => call.malformed(&what),
            Issued::OtherContent => error(StatusCode::UNPROCESSABLE_ENTITY, ""),
            Issued::Receipt { receipt, second } => {
                if second {
                    call.violation(ViolationKind::SecondInvoice);
                }
                self.hand_over(*receipt, package, call.lose)
            }
        }
    }

    /// The receipt itself; or that it will come over the bus, where alone it names its package.
    fn hand_over(&self, receipt: ReceiptSettled, package: Package, lose: bool) -> Response {
        let Some(bus) = &self.bus else { return Json(receipt).into_response() };
        if !lose {
            let id = package.id;
            bus.send(ReceiptSettled { package: Some(package), ..receipt }, id, Arc::clone(&self.invoices));
        }
        StatusCode::ACCEPTED.into_response()
    }
}
