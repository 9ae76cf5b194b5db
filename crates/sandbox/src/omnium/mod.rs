//! The stand-in for Omnium: token, upsert, attach and get with the real status codes, and as strict
//! as Omnium may be. A repeated attach adds a second file, unless it is by `AddAsset` and gives the file
//! an id that exists already, which replaces it; an update without assets drops the files; unknown members
//! are refused; the limits are enforced.
//!
//! Beside the API it has `DELETE /_tokens`, which revokes every access token.

mod invoices;
mod shape;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

pub use self::invoices::{InvoiceFacts, Tampering};
pub use crate::{Call, Entry, Fault, FileFacts, Rule};

use self::invoices::{Attached, Invoices, Upsert};
use crate::documents::sha256;
use crate::http::{Caller, error, pdf, throttled};
use crate::recorder::Recorded;
use crate::{About, Service, StandIn, Subject, ViolationKind};

/// The stand-in for Omnium.
pub type Omnium = StandIn<Api>;

/// How Omnium behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The client ids and secrets that get a token. None: any that are not empty.
    pub credentials: Vec<(String, String)>,
    /// How long a token is valid. Omnium: ten days.
    pub token_lifetime: Duration,
    /// The limits of each API user.
    pub limits: Limits,
    /// Bodies above so many bytes are answered 413.
    pub max_body: usize,
}

/// The limits of one API user. The defaults are Omnium's own.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests at once; one more is answered 429.
    pub concurrent: usize,
    /// Requests that the full bucket holds.
    pub capacity: u64,
    /// Requests that come back with every period.
    pub refill: u64,
    /// How long a period is.
    pub period: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Vec::new(),
            token_lifetime: Duration::from_secs(864_000),
            limits: Limits::default(),
            max_body: 30_000_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent: 20, capacity: 12_000, refill: 1_000, period: Duration::from_secs(10) }
    }
}

/// Omnium's part of its stand-in.
pub struct Api {
    options: Options,
    invoices: Invoices,
    tokens: Mutex<HashMap<String, Token>>,
    /// By client id; those without one share one.
    buckets: Mutex<HashMap<Option<String>, Bucket>>,
}

struct Token {
    client_id: String,
    until: Instant,
}

struct Bucket {
    left: u64,
    refilled: Instant,
}

/// What Omnium holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The invoices by their id.
    pub invoices: BTreeMap<String, InvoiceFacts>,
}

impl Omnium {
    /// How many files are attached, to all invoices together.
    pub fn files(&self) -> u64 {
        self.service().invoices.files()
    }

    /// Changes an invoice, as somebody else might.
    pub fn tamper(&self, invoice_id: &str, how: Tampering) {
        self.service().invoices.tamper(invoice_id, how);
    }

    /// Revokes every access token: the next call with one is answered 401.
    pub fn revoke_tokens(&self) {
        self.service().tokens.lock().clear();
    }

    /// Answers a call with a token: enforces limits, token, and content type and size of the body, then
    /// executes it.
    async fn call(
        self,
        caller: Caller,
        call: Call,
        mut about: About,
        body: Option<(&'static str, usize)>,
        execute: impl FnOnce(&Api, &Recorded<'_>) -> Response + Send + 'static,
    ) -> Response {
        about.subject.client_id =
            caller.authorization("bearer").and_then(|token| self.service().client_id(token));
        let content_type = caller.header("content-type").map(str::to_owned);
        let admit = move |omnium: &Api, call: &Recorded<'_>| {
            omnium.check_limits(call)?;
            if call.about.subject.client_id.is_none() {
                return Err(error(StatusCode::UNAUTHORIZED, ""));
            }
            let Some((wanted, size)) = body else { return Ok(()) };
            if content_type.as_deref() != Some(wanted) {
                let what = format!("The content type must be {wanted}.");
                return Err(error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &what));
            }
            if size > omnium.options.max_body {
                return Err(error(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large."));
            }
            Ok(())
        };
        self.answer(caller, call, about, admit, execute).await
    }
}

impl Service for Api {
    const PATH: &'static str = "";
    const CONDITIONS: &'static [&'static str] =
        &["call", "clientId", "invoiceId", "invoiceNumber", "storeId"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        Facts { invoices: self.invoices.facts() }
    }

    fn routes() -> Router<Omnium> {
        Router::new()
            .route("/api/token", post(token))
            .route("/api/Invoices/UpdateInvoice", put(upsert))
            .route("/api/Invoices/{id}/AddFileToInvoice", post(attach))
            .route("/api/Invoices/{id}/AddAsset", post(add_asset))
            .route("/api/Invoices/GetAsPdf/{id}", get(get_as_pdf))
            .route("/api/Invoices/{id}", get(get_invoice))
            .route("/assets/{asset}", get(asset))
            .route("/_tokens", delete(revoke_tokens))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Credentials {
    client_id: String,
    client_secret: String,
}

async fn token(
    State(omnium): State<Omnium>,
    caller: Caller,
    Query(Credentials { client_id, client_secret }): Query<Credentials>,
) -> Response {
    let about = Subject { client_id: Some(client_id.clone()), ..Subject::default() }.into();
    let admit = |omnium: &Api, call: &Recorded<'_>| omnium.check_limits(call);
    let execute = move |omnium: &Api, _: &Recorded<'_>| {
        if !omnium.accepts(&client_id, &client_secret) {
            return error(StatusCode::UNAUTHORIZED, "");
        }
        let lifetime = omnium.options.token_lifetime;
        let token = omnium.issue_token(client_id, lifetime);
        let expires_in = lifetime.as_secs();
        let body = json!({ "accessToken": token, "tokenType": "Bearer", "expiresIn": expires_in });
        Json(body).into_response()
    };
    omnium.answer(caller, Call::Token, about, admit, execute).await
}

async fn upsert(State(omnium): State<Omnium>, caller: Caller, body: Bytes) -> Response {
    let upsert = shape::read(&body);
    let about = upsert.as_ref().map(Upsert::subject).unwrap_or_default().into();
    let execute = move |omnium: &Api, call: &Recorded<'_>| match upsert {
        Err(what) => call.malformed(&what),
        Ok(upsert) => {
            if omnium.invoices.upsert(upsert) {
                call.violation(ViolationKind::FilesDropped);
            }
            StatusCode::OK.into_response()
        }
    };
    omnium.call(caller, Call::Upsert, about, Some(("application/json", body.len())), execute).await
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    file_name: String,
    asset_id: Option<String>,
}

async fn attach(
    State(omnium): State<Omnium>,
    caller: Caller,
    Path(id): Path<String>,
    Query(file): Query<File>,
    content: Bytes,
) -> Response {
    omnium.add_file(caller, Call::Attach, id, File { asset_id: None, ..file }, content).await
}

async fn add_asset(
    State(omnium): State<Omnium>,
    caller: Caller,
    Path(id): Path<String>,
    Query(file): Query<File>,
    content: Bytes,
) -> Response {
    omnium.add_file(caller, Call::AddAsset, id, file, content).await
}

impl Omnium {
    async fn add_file(self, caller: Caller, call: Call, id: String, file: File, content: Bytes) -> Response {
        let File { file_name, asset_id } = file;
        let facts = FileFacts { file_name, sha256: sha256(&content), size: content.len() };
        let about = About { file: Some(facts.clone()), ..self.service().invoices.subject(id.clone()).into() };
        let body = Some(("application/octet-stream", content.len()));
        let execute = move |omnium: &Api, call: &Recorded<'_>| {
            if facts.size == 0 || facts.file_name.is_empty() {
                return call.malformed("fileName and content are required");
            }
            match omnium.invoices.attach(&id, facts, content, asset_id, call.lag) {
                Attached::Files(1) => {}
                Attached::Files(_) => call.violation(ViolationKind::SecondFile),
                Attached::NotSeenYet => return no_invoice(),
                Attached::NoInvoice => {
                    call.violation(ViolationKind::AttachBeforeInvoice);
                    return no_invoice();
                }
            }
            StatusCode::OK.into_response()
        };
        self.call(caller, call, about, body, execute).await
    }
}

async fn get_invoice(State(omnium): State<Omnium>, caller: Caller, Path(id): Path<String>) -> Response {
    let about = omnium.service().invoices.subject(id.clone()).into();
    let base_url = format!("http://{}", caller.header("host").unwrap_or_default());
    let execute = move |omnium: &Api, call: &Recorded<'_>| {
        omnium.invoices.get(&id, call.lag, &base_url).map_or_else(no_invoice, |it| Json(it).into_response())
    };
    omnium.call(caller, Call::Get, about, None, execute).await
}

async fn get_as_pdf(State(omnium): State<Omnium>, caller: Caller, Path(id): Path<String>) -> Response {
    let about = omnium.service().invoices.subject(id.clone()).into();
    let execute = move |omnium: &Api, _: &Recorded<'_>| {
        omnium.invoices.pdf(&id).map_or_else(no_invoice, |content| pdf(Some(content)))
    };
    omnium.call(caller, Call::Pdf, about, None, execute).await
}

async fn asset(State(omnium): State<Omnium>, Path(asset): Path<String>) -> Response {
    pdf(asset.parse().ok().and_then(|asset: Uuid| omnium.service().invoices.content(asset)))
}

async fn revoke_tokens(State(omnium): State<Omnium>) -> StatusCode {
    omnium.revoke_tokens();
    StatusCode::NO_CONTENT
}

fn no_invoice() -> Response {
    error(StatusCode::NOT_FOUND, "Invoice not found.")
}

impl Api {
    pub(crate) fn new(options: Options) -> Self {
        let (invoices, tokens, buckets) = Default::default();
        Self { options, invoices, tokens, buckets }
    }

    fn accepts(&self, client_id: &str, client_secret: &str) -> bool {
        match &*self.options.credentials {
            [] => !client_id.is_empty() && !client_secret.is_empty(),
            known => known.iter().any(|(id, secret)| id == client_id && secret == client_secret),
        }
    }

    fn issue_token(&self, client_id: String, lifetime: Duration) -> String {
        let (token, now) = (Uuid::new_v4().simple().to_string(), Instant::now());
        let mut tokens = self.tokens.lock();
        tokens.retain(|_, token| token.until > now);
        tokens.insert(token.clone(), Token { client_id, until: now + lifetime });
        token
    }

    /// Whose a token is; `None` where it is not valid.
    fn client_id(&self, token: &str) -> Option<String> {
        let tokens = self.tokens.lock();
        let valid = tokens.get(token).filter(|token| token.until > Instant::now());
        valid.map(|token| token.client_id.clone())
    }

    /// Enforces the limits of the API user who calls.
    fn check_limits(&self, call: &Recorded<'_>) -> Result<(), Response> {
        let Limits { concurrent, capacity, refill, period } = self.options.limits;
        if call.in_flight > concurrent {
            call.violation(ViolationKind::TooManyAtOnce);
            return Err(throttled(Duration::from_secs(1)));
        }
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let full = Bucket { left: capacity, refilled: now };
        let bucket = buckets.entry(call.about.subject.client_id.clone()).or_insert(full);
        while now.duration_since(bucket.refilled) >= period {
            bucket.refilled += period;
            bucket.left = capacity.min(bucket.left + refill);
            if bucket.left == capacity {
                bucket.refilled = now;
            }
        }
        if bucket.left == 0 {
            call.violation(ViolationKind::BucketEmpty);
            return Err(throttled(period - now.duration_since(bucket.refilled)));
        }
        bucket.left -= 1;
        Ok(())
    }
}
