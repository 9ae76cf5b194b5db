//! From what is asked to an answer: limits, token, faults, execution, ledger.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::json;

use super::invoices::{Attached, Upsert};
use super::ledger::{Broken, Entry, FileFacts, Violation};
use super::limits::Exceeded;
use super::rule::Subject;
use super::{Call, Inner, Omnium, shape};
use crate::answer;
use crate::connection::Wire;
use crate::contents::sha256;
use crate::serving::{self, Reply};

/// One call, as it came.
pub(super) struct Asked {
    pub ask: Ask,
    pub bearer: Option<String>,
    pub content_type: Option<String>,
    pub base_url: String,
}

/// What is asked.
pub(super) enum Ask {
    Token { client_id: String, client_secret: String },
    Upsert { body: Bytes },
    Attach { invoice_id: String, file_name: String, content: Bytes },
    AddAsset { invoice_id: String, file_name: String, asset_id: Option<String>, content: Bytes },
    Get { invoice_id: String },
    Pdf { invoice_id: String },
}

/// A call, read: what the ledger and the faults are told of it, and what is to be done.
struct Read {
    call: Call,
    subject: Subject,
    file: Option<FileFacts>,
    task: Task,
}

enum Task {
    Token {
        accepted: bool,
    },
    Upsert(Result<Upsert, String>),
    /// The content, and the id that the file is to have.
    Attach(Bytes, Option<String>),
    Get,
    Pdf,
}

impl Omnium {
    /// Answers a call. It is carried out to its end even where the client goes away meanwhile, as
    /// servers do: hence a task of its own.
    pub(super) async fn answer(self, wire: &Wire, asked: Asked) -> Response<Body> {
        serving::to_its_end(wire, async move { self.0.handle(asked).await }).await
    }
}

impl Inner {
    async fn handle(&self, asked: Asked) -> Reply {
        let Asked { ask, bearer, content_type, base_url } = asked;
        let client_id = match &ask {
            Ask::Token { client_id, .. } => Some(client_id.clone()),
            _ => bearer.as_deref().and_then(|token| self.tokens.client_id(token)),
        };
        let refusal = self.refusal(&ask, client_id.is_some(), content_type.as_deref());
        let mut read = self.read(ask);
        read.subject.client_id = client_id;
        let usage = self.usages.of(read.subject.client_id.as_deref());
        let (in_flight, limit) = usage.enter();
        let call = read.call;
        let n = self.ledger.begin(in_flight.count, |n, at_ms| Entry {
            n,
            at_ms,
            call,
            client_id: read.subject.client_id.clone(),
            invoice_id: read.subject.invoice_id.clone(),
            status: None,
            done: false,
            in_flight: in_flight.count,
            file: read.file.clone(),
        });
        let (reply, done) = match (limit, refusal) {
            (Err(exceeded), _) => (Reply::Answer(self.throttle(n, exceeded)), false),
            (Ok(()), Some(refusal)) => (Reply::Answer(refusal), false),
            (Ok(()), None) => self.meet_fate(n, read, &base_url).await,
        };
        self.ledger.end(n, call, reply.status(), done);
        reply
    }

    /// The calls that are refused before anybody looks at what they ask.
    fn refusal(&self, ask: &Ask, known: bool, content_type: Option<&str>) -> Option<Response<Body>> {
        let (wanted, body) = match ask {
            Ask::Token { .. } => return None,
            _ if !known => return Some(answer::error(StatusCode::UNAUTHORIZED, "")),
            Ask::Get { .. } | Ask::Pdf { .. } => return None,
            Ask::Upsert { body } => ("application/json", body),
            Ask::Attach { content, .. } | Ask::AddAsset { content, .. } => {
                ("application/octet-stream", content)
            }
        };
        if content_type != Some(wanted) {
            let what = format!("The content type must be {wanted}.");
            return Some(answer::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &what));
        }
        (body.len() > self.max_body)
            .then(|| answer::error(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large."))
    }

    fn throttle(&self, n: u64, exceeded: Exceeded) -> Response<Body> {
        let (what, retry_after) = match exceeded {
            Exceeded::Concurrency { retry_after } => (Broken::TooManyAtOnce, retry_after),
            Exceeded::Bucket { retry_after } => (Broken::BucketEmpty, retry_after),
        };
        self.violation(what, n, None);
        answer::throttled(retry_after)
    }

    fn violation(&self, what: Broken, n: u64, invoice_id: Option<String>) {
        self.ledger.violation(Violation { what, n, invoice_id });
    }

    fn read(&self, ask: Ask) -> Read {
        match ask {
            Ask::Token { client_id, client_secret } => {
                let accepted = match &*self.credentials {
                    [] => !client_id.is_empty() && !client_secret.is_empty(),
                    known => known.iter().any(|(id, secret)| *id == client_id && *secret == client_secret),
                };
                Read {
                    call: Call::Token,
                    subject: Subject::default(),
                    file: None,
                    task: Task::Token { accepted },
                }
            }
            Ask::Upsert { body } => {
                let upsert = shape::read(&body);
                let subject = upsert.as_ref().map_or_else(|_| Subject::default(), Upsert::subject);
                Read { call: Call::Upsert, subject, file: None, task: Task::Upsert(upsert) }
            }
            Ask::Attach { invoice_id, file_name, content } => {
                self.read_file(Call::Attach, invoice_id, file_name, content, None)
            }
            Ask::AddAsset { invoice_id, file_name, asset_id, content } => {
                self.read_file(Call::AddAsset, invoice_id, file_name, content, asset_id)
            }
            Ask::Get { invoice_id } => {
                let subject = self.invoices.subject(invoice_id);
                Read { call: Call::Get, subject, file: None, task: Task::Get }
            }
            Ask::Pdf { invoice_id } => {
                let subject = self.invoices.subject(invoice_id);
                Read { call: Call::Pdf, subject, file: None, task: Task::Pdf }
            }
        }
    }

    fn read_file(
        &self,
        call: Call,
        invoice_id: String,
        file_name: String,
        content: Bytes,
        asset_id: Option<String>,
    ) -> Read {
        let subject = self.invoices.subject(invoice_id);
        let file = FileFacts { file_name, sha256: sha256(&content), size: content.len() };
        Read { call, subject, file: Some(file), task: Task::Attach(content, asset_id) }
    }

    /// Does what is asked, as the faults in force allow. Says whether it was done.
    async fn meet_fate(&self, n: u64, read: Read, base_url: &str) -> (Reply, bool) {
        let fate = self.faults.decide(|rule| rule.matches(read.call, &read.subject));
        let lag = fate.lag;
        serving::meet(fate, || self.execute(n, read, lag, base_url)).await
    }

    fn execute(&self, n: u64, read: Read, lag: Duration, base_url: &str) -> Response<Body> {
        let Subject { client_id, invoice_id, .. } = read.subject;
        let id = invoice_id.unwrap_or_default();
        match (read.task, read.file) {
            (Task::Token { accepted: true }, _) => answer::json(json!({
                "accessToken": self.tokens.issue(client_id.as_deref().unwrap_or_default()),
                "tokenType": "Bearer",
                "expiresIn": self.tokens.expires_in(),
            })),
            (Task::Token { accepted: false }, _) => answer::error(StatusCode::UNAUTHORIZED, ""),
            (Task::Upsert(Err(what)), _) => {
                self.violation(Broken::Malformed, n, None);
                answer::error(StatusCode::BAD_REQUEST, &what)
            }
            (Task::Upsert(Ok(upsert)), _) => {
                if self.invoices.upsert(upsert) {
                    self.violation(Broken::FilesDropped, n, Some(id));
                }
                answer::ok()
            }
            (Task::Attach(content, asset), Some(file))
                if !content.is_empty() && !file.file_name.is_empty() =>
            {
                match self.invoices.attach(&id, file, content, asset, lag) {
                    Attached::Files(files) => {
                        if files > 1 {
                            self.violation(Broken::SecondFile, n, Some(id));
                        }
                        answer::ok()
                    }
                    missing => {
                        if missing == Attached::NoInvoice {
                            self.violation(Broken::AttachBeforeInvoice, n, Some(id));
                        }
                        answer::error(StatusCode::NOT_FOUND, "Invoice not found.")
                    }
                }
            }
            (Task::Attach(..), _) => {
                self.violation(Broken::Malformed, n, Some(id));
                answer::error(StatusCode::BAD_REQUEST, "fileName and content are required")
            }
            (Task::Get, _) => found(self.invoices.get(&id, lag, base_url).map(answer::json)),
            (Task::Pdf, _) => found(self.invoices.pdf(&id).map(answer::pdf)),
        }
    }
}

fn found(response: Option<Response<Body>>) -> Response<Body> {
    response.unwrap_or_else(|| answer::error(StatusCode::NOT_FOUND, "Invoice not found."))
}
