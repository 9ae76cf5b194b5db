//! Akinon's OMS: a package gets its invoice's number, date and document, and says which commands it takes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_client::{Authorization, CallError, Request, Secret, Service, ServiceClient, ServiceConfig};
use serde_json::Value;

use crate::{ConfigError, InvoiceCommand};

const SERVICE: &Service = &Service::new("Akinon's OMS", "OMS_BASE_URL", "OMS_API_TOKEN");

/// What the OMS's client needs.
#[derive(Clone, Debug)]
pub struct OmsConfig {
    /// Where the OMS is, without `/api/v1/oms`.
    pub base_url: String,
    /// The API user's token, without `Token` before it.
    pub token: Secret,
    /// How the command is written.
    pub command: InvoiceCommand,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
}

/// A package's invoice. Has no `Debug`: the document is personal data.
#[derive(Clone, Copy)]
pub struct PackageInvoice<'a> {
    /// The package's id in the OMS, not its number.
    pub package_id: u64,
    /// The invoice's number.
    pub number: &'a str,
    /// The invoice's date, sent as it is.
    pub date: &'a str,
    /// The document's bytes: a PDF.
    pub document: &'a [u8],
}

/// Akinon's OMS. Clones share the rate limiter and the connections: one per process.
#[derive(Clone, Debug)]
pub struct Oms {
    client: ServiceClient,
    command: Arc<InvoiceCommand>,
}

impl Oms {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: OmsConfig) -> Result<Self, ConfigError> {
        let OmsConfig { base_url, token, command, max_concurrent, timeout } = config;
        command.check()?;
        let authorization = Some(Authorization::Token(token));
        let config = ServiceConfig { url: base_url, authorization, max_concurrent, timeout };
        Ok(Self { client: ServiceClient::new(SERVICE, config)?, command: Arc::new(command) })
    }

    /// Whether it can be reached and accepts the credentials, without doing anything there.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reach(&self) -> Result<u16, CallError> {
        self.client.reach(&path("0")).await
    }

    /// No call takes longer: what keeps others from the package meanwhile has to last longer still.
    pub fn longest_call(&self) -> Duration {
        self.client.longest_call()
    }

    /// The commands that a package takes now, by what they are called: slugs and transition ids. Akinon: a GET on the
    /// package gives its `commands`. Their form is in no document that could be found, so every form that may
    /// be meant is read: texts, numbers, and objects with a slug or an id; to be confirmed with Akinon.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Foreign`] also where the answer has no list of commands.
    pub async fn commands(&self, package_id: u64) -> Result<Vec<String>, CallError> {
        let id = package_id.to_string();
        let path = ["api", "v1", "oms", "packages", &id, ""];
        let success = self.client.get("/api/v1/oms/packages/{id}/", &path, &[]).await?;
        let package: Value = serde_json::from_slice(&success.body).unwrap_or_default();
        let commands = package.get("commands").and_then(Value::as_array);
        let commands = commands.ok_or_else(|| self.client.foreign(success.status))?;
        Ok(commands.iter().flat_map(names).collect())
    }

    /// What the command that gives a package its invoice is called in the settings.
    pub fn command_name(&self) -> &str {
        &self.command.slug
    }

    /// Gives a package its invoice; the same invoice may be given again. Akinon: `POST
    /// /api/v1/oms/packages/{id}/command/`, whose command is named by its slug.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn update_invoice(&self, invoice: &PackageInvoice<'_>) -> Result<(), CallError> {
        let PackageInvoice { package_id, number, date, document } = *invoice;
        let id = package_id.to_string();
        let request = Request {
            template: "/api/v1/oms/packages/{id}/command/",
            path: &path(&id),
            idempotency_key: None,
            body: self.command.body(package_id, number, date, STANDARD.encode(document)).into(),
            successes: &[200, 204],
        };
        self.client.call(&request).await.map(drop)
    }
}

/// What one command is called.
fn names(command: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match command {
        Value::Object(members) => ["slug", "id", "pk", "transition_id"]
            .iter()
            .filter_map(|name| text(members.get(*name)?))
            .collect(),
        other => text(other).into_iter().collect(),
    }
}

/// Where a package's commands go; the last one is the slash at the end.
fn path(package_id: &str) -> [&str; 7] {
    ["api", "v1", "oms", "packages", package_id, "command", ""]
}
