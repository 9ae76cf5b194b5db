//! The client of a webhook: its URL is the secret that lets it in.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http_client::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http_client::{CallError, Http, Measured, Method, Secret, Service, Timing, Url, send};

use crate::{Form, Message};

pub(crate) const WEBHOOK_URL: &str = "BILAG_NOTIFY_WEBHOOK_URL";
/// The installation's webhook, and those of tenants: by the settings that errors blame.
pub(crate) static INSTALLATIONS: Service = Service::new("the notification webhook", WEBHOOK_URL, WEBHOOK_URL);
pub(crate) static TENANTS: Service = {
    const MEMBER: &str = "`notify.webhook-url` of the tenant";
    Service::new("the notification webhook", MEMBER, MEMBER)
};
const TIMEOUT: Duration = Duration::from_secs(10);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A webhook that takes notifications.
#[derive(Clone, Debug)]
pub struct Webhook {
    service: &'static Service,
    url: Secret,
    form: Form,
    console: Option<String>,
    http: Http,
}

impl Webhook {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// What is wrong with the URL, which is not repeated.
    pub(crate) fn new(
        service: &'static Service,
        url: Secret,
        form: Form,
        console: Option<String>,
    ) -> Result<Self, amqp::BoxError> {
        let http = Http::new(Timing::new(TIMEOUT))?;
        let webhook = Self { service, url, form, console, http };
        webhook.url().ok_or("write an http or https URL")?;
        Ok(webhook)
    }

    /// Posts a message once, and answers the status. Any 2xx says that it was taken.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn post(&self, message: &Message, id: &str, noted_at: DateTime<Utc>) -> Result<u16, CallError> {
        let body = message.body(self.form, id, noted_at, self.console.as_deref());
        self.call(Method::POST, "POST", Some(body)).await
    }

    /// Whether it can be reached (`OPTIONS`): nothing is posted. Answers the status, whatever it is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reach(&self) -> Result<u16, CallError> {
        self.call(Method::OPTIONS, "OPTIONS", None).await
    }

    async fn call(&self, method: Method, name: &'static str, body: Option<String>) -> Result<u16, CallError> {
        // A file that holds another text by now is as good as a service that is not there.
        let url = self.url().ok_or_else(|| {
            let reason = http_client::Transport::from(Box::from("not an http or https URL"));
            CallError::Refused(self.service, reason)
        })?;
        let is_post = body.is_some();
        let builder = self.http.request(method, url).header(ACCEPT, JSON);
        let builder = match body {
            Some(body) => builder.header(CONTENT_TYPE, JSON).body(body),
            None => builder,
        };
        let measured = Measured { peer: self.service.name, method: name, template: "/", server: None };
        let sent = measured.while_it_takes(send(builder)).await;
        let mut received = sent.map_err(|reason| CallError::no_answer(self.service, reason))?;
        let status = received.status();
        if is_post && !status.is_success() {
            let body = received.first_kilobyte().await;
            return Err(CallError::answered(self.service, status, received.headers(), &body));
        }
        Ok(status.as_u16())
    }

    fn url(&self) -> Option<Url> {
        let url = Url::parse(self.url.expose().trim()).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    }
}
