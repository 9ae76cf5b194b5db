//! The stand-in for Akinon's OMS, as far as a package gets its invoice there:
//! `POST /oms/api/v1/oms/packages/{id}/command/`, with a token, answers 204.
//!
//! `GET /oms/api/v1/oms/packages/{id}/` lists the package's commands. A command may be named by its slug or by its
//! transition id. One of any other shape is answered 400, and an unknown package 404. Beside the API it has
//! `GET /oms/packages/{id}` (what is on the package now) and `GET /oms/packages/{id}/document` (its PDF).

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate};
use config::Secret;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use crate::{Call, Fault, Rule};

use crate::documents::{Documents, sha256};
use crate::http::{Caller, check_token, error, pdf};
use crate::recorder::Recorded;
use crate::{Service, StandIn, Subject, ViolationKind};

/// The stand-in for Akinon's OMS.
pub type Oms = StandIn<Api>;

/// How the OMS behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only token that is accepted. `None`: any that is not empty.
    pub token: Option<Secret>,
    /// The packages that exist. `None`: all that are asked for.
    pub packages: Option<BTreeSet<u64>>,
    /// What the command and its members are called.
    pub names: Names,
}

/// What the command that puts an invoice on a package is called, and its members. Akinon documents that
/// it takes number, date, document type and document, but not their names, so names are data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The command's own name.
    pub slug: String,
    /// What may stand in its place: the command's transition id.
    pub transition_id: u64,
    /// The member with the invoice's number.
    pub invoice_number: String,
    /// The member with its date.
    pub invoice_date: String,
    /// The member with the kind of its document: `pdf`.
    pub document_type: String,
    /// The member with the document, in base64.
    pub document: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            slug: "update_invoice_of_the_package".to_owned(),
            transition_id: 41,
            invoice_number: "invoice_number".to_owned(),
            invoice_date: "invoice_date".to_owned(),
            document_type: "invoice_document_type".to_owned(),
            document: "invoice_document".to_owned(),
        }
    }
}

/// The OMS's part of its stand-in.
pub struct Api {
    options: Options,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    packages: BTreeMap<u64, PackageFacts>,
    documents: Documents<u64>,
}

/// What the OMS holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The packages with an invoice, by their id.
    pub packages: BTreeMap<u64, PackageFacts>,
}

/// What is on a package now, and what was before.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageFacts {
    /// The invoice's number.
    pub number: String,
    /// The invoice's date, as it was sent.
    pub date: String,
    /// The SHA-256 of its document, in hexadecimal.
    pub sha256: String,
    /// The document's length in bytes.
    pub size: usize,
    /// How often an invoice was written.
    pub times: u64,
    /// What was ever written, each once, in the order in which it first was.
    pub written: Vec<Written>,
}

/// An invoice that was written on a package.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Its number.
    pub number: String,
    /// The SHA-256 of its document, in hexadecimal.
    pub sha256: String,
}

impl Oms {
    /// The document of a package. Only the newest few thousand documents are kept.
    pub fn document(&self, package_id: u64) -> Option<Bytes> {
        self.service().held.lock().documents.get(&package_id)
    }
}

impl Service for Api {
    const PATH: &'static str = "/oms";
    const CONDITIONS: &'static [&'static str] = &["call", "invoiceNumber", "packageId"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        Facts { packages: self.held.lock().packages.clone() }
    }

    fn routes() -> Router<Oms> {
        Router::new()
            .route("/oms/api/v1/oms/packages/{id}/command/", post(update_package))
            .route("/oms/api/v1/oms/packages/{id}/", get(read_package))
            .route("/oms/packages/{id}", get(package))
            .route(
                "/oms/packages/{id}/document",
                get(async |State(oms): State<Oms>, Path(id): Path<u64>| pdf(oms.document(id))),
            )
    }
}

async fn package(State(oms): State<Oms>, Path(id): Path<u64>) -> Response {
    let facts = oms.service().held.lock().packages.get(&id).cloned();
    facts.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |facts| Json(facts).into_response())
}

async fn read_package(State(oms): State<Oms>, caller: Caller, Path(id): Path<String>) -> Response {
    let id = id.parse().ok();
    let about = Subject { package_id: id, ..Subject::default() }.into();
    let token = caller.authorization("token").map(str::to_owned);
    let admit = move |oms: &Api, _: &Recorded<'_>| check_token(oms.options.token.as_ref(), token.as_deref());
    let execute = move |oms: &Api, _: &Recorded<'_>| match oms.existing(id) {
        Some(id) => {
            let Names { slug, transition_id, .. } = &oms.options.names;
            let commands =
                json!([{ "id": transition_id, "slug": slug }, { "id": 7, "slug": "block_the_package" }]);
            Json(json!({ "id": id, "commands": commands })).into_response()
        }
        None => error(StatusCode::NOT_FOUND, "Package not found."),
    };
    oms.answer(caller, Call::ReadPackage, about, admit, execute).await
}

async fn update_package(
    State(oms): State<Oms>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let names = &oms.service().options.names;
    let id = id.parse().ok();
    let command = caller.check_json().and_then(|()| Command::read(names, id.unwrap_or_default(), &body));
    let invoice_number = command.as_ref().ok().map(|command| command.number.clone());
    let about = Subject { package_id: id, invoice_number, ..Subject::default() }.into();
    let token = caller.authorization("token").map(str::to_owned);
    let admit = move |oms: &Api, _: &Recorded<'_>| check_token(oms.options.token.as_ref(), token.as_deref());
    let execute = move |oms: &Api, call: &Recorded<'_>| oms.execute(id, command, call);
    oms.answer(caller, Call::UpdatePackage, about, admit, execute).await
}

impl Api {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, held: Mutex::default() }
    }

    fn existing(&self, id: Option<u64>) -> Option<u64> {
        id.filter(|id| self.options.packages.as_ref().is_none_or(|known| known.contains(id)))
    }

    fn execute(&self, id: Option<u64>, command: Result<Command, String>, call: &Recorded<'_>) -> Response {
        let Some(id) = self.existing(id) else {
            return error(StatusCode::NOT_FOUND, "Package not found.");
        };
        let Command { number, date, document } = match command {
            Ok(command) => command,
            Err(what) => return call.malformed(&what),
        };
        let (sha256, size) = (sha256(&document), document.len());
        let held = &mut *self.held.lock();
        let (mut times, mut written) = (0, Vec::new());
        if let Some(before) = held.packages.remove(&id) {
            if before.number != number {
                call.violation(ViolationKind::OtherInvoice);
            }
            (times, written) = (before.times, before.written);
        }
        let now = Written { number: number.clone(), sha256: sha256.clone() };
        if !written.contains(&now) {
            written.push(now);
        }
        times += 1;
        held.documents.insert(id, document);
        held.packages.insert(id, PackageFacts { number, date, sha256, size, times, written });
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A command, read.
struct Command {
    number: String,
    date: String,
    document: Bytes,
}

impl Command {
    /// Reads the body of a command about a package, or says what is wrong with it.
    fn read(names: &Names, package_id: u64, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
        let Value::Object(mut members) = body else { return Err("the body is not an object".to_owned()) };
        if members.get("slug").and_then(Value::as_u64) == Some(names.transition_id) {
            members.remove("slug");
        } else if take_text(&mut members, "slug")? != names.slug {
            return Err(format!("slug: no command but {} is known", names.slug));
        }
        if members.remove("package").and_then(|id| id.as_u64()) != Some(package_id) {
            return Err("package is not the number in the path".to_owned());
        }
        let number = take_text(&mut members, &names.invoice_number)?;
        let date = take_text(&mut members, &names.invoice_date)?;
        if date.parse::<NaiveDate>().is_err() && DateTime::parse_from_rfc3339(&date).is_err() {
            return Err(format!("{} is neither a date nor a time in RFC 3339", names.invoice_date));
        }
        if take_text(&mut members, &names.document_type)? != "pdf" {
            return Err(format!("{} must be pdf", names.document_type));
        }
        let document = STANDARD
            .decode(take_text(&mut members, &names.document)?)
            .map_err(|_| format!("{} is not base64", names.document))?;
        if !document.starts_with(b"%PDF") {
            return Err(format!("{} is not a PDF", names.document));
        }
        match members.keys().next() {
            Some(unknown) => Err(format!("unknown member {unknown}")),
            None => Ok(Self { number, date, document: document.into() }),
        }
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match members.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(format!("{name} must be a string that is not empty")),
        None => Err(format!("{name} is required")),
    }
}
