//! E-mail to one address, over the SMTP server of a URL that holds the login.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_client::{Secret, Url, for_operator, remember};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use thiserror::Error;
use tokio::time::timeout;

use crate::Message;

pub(crate) const SMTP_URL: &str = "BILAG_NOTIFY_SMTP_URL";

/// Of one step of the conversation, and of all of it.
const STEP: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(30);

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// An address that gets e-mail.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    server: Secret,
    from: Mailbox,
    to: Mailbox,
    console: Option<String>,
}

/// Why a message was not sent. Names no address.
#[derive(Debug, Error)]
pub enum EmailError {
    /// The server's URL is of no use.
    #[error("{SMTP_URL}: {0}")]
    Url(&'static str),
    /// The message could not be made.
    #[error("the message could not be written")]
    Message(#[source] lettre::error::Error),
    /// No answer in time.
    #[error("the SMTP server did not answer within {} s; check {SMTP_URL} and the network", WHOLE.as_secs())]
    TimedOut,
    /// No connection, or none that is secure.
    #[error("the SMTP server cannot be used; check {SMTP_URL}, its certificate and the network: {0}")]
    Unusable(String),
    /// The login was refused.
    #[error("the SMTP server does not accept the login; check {SMTP_URL}: it answered {0}")]
    Login(String),
    /// It was refused for another reason.
    #[error("the SMTP server does not take the message: it answered {0}")]
    Refused(String),
}

impl Email {
    /// An address that nothing was sent to yet.
    pub(crate) fn new(
        server: Secret,
        from: Mailbox,
        to: Mailbox,
        console: Option<String>,
    ) -> Result<Self, EmailError> {
        let email = Self { server, from, to, console };
        email.transport()?;
        Ok(email)
    }

    /// The address.
    pub(crate) fn address(&self) -> &str {
        self.to.email.as_ref()
    }

    /// Sends a message once.
    pub(crate) async fn send(
        &self,
        message: &Message,
        id: &str,
        noted_at: DateTime<Utc>,
    ) -> Result<(), EmailError> {
        let builder = self.head(id).subject(message.title.as_str()).date(noted_at.into());
        let written = builder.body(message.text(self.console.as_deref())).map_err(EmailError::Message)?;
        let transport = self.transport()?;
        within(transport.send(written)).await.map(drop)
    }

    /// Connects and logs in: nothing is sent.
    pub(crate) async fn reach(&self) -> Result<(), EmailError> {
        let transport = self.transport()?;
        match within(transport.test_connection()).await? {
            true => Ok(()),
            false => Err(EmailError::Unusable("it closed the connection".to_owned())),
        }
    }

    /// The message's id is the same at a repeat. Nobody's holiday notice is to answer it (RFC 3834).
    fn head(&self, id: &str) -> MessageBuilder {
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        lettre::Message::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
    }

    /// A client of the server as its URL has it now: it may come from a file.
    fn transport(&self) -> Result<Transport, EmailError> {
        let text = self.server.expose();
        let usable = "write smtps://USER:PASSWORD@HOST, or smtp://HOST?tls=required";
        let url = Url::parse(text.trim()).map_err(|_| EmailError::Url(usable))?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        let is_secret = match (url.scheme(), tls.as_deref()) {
            ("smtps", None) | ("smtp", Some("required")) => true,
            ("smtp", None | Some("opportunistic")) => false,
            _ => return Err(EmailError::Url(usable)),
        };
        if let Some(password) = url.password() {
            if !is_secret {
                let problem = "the password would be sent in the clear; write smtps://, or add ?tls=required";
                return Err(EmailError::Url(problem));
            }
            remember(&percent_encoding::percent_decode_str(password).decode_utf8_lossy());
        }
        let builder = Transport::from_url(url.as_str()).map_err(|_| EmailError::Url(usable))?;
        Ok(builder.timeout(Some(STEP)).build())
    }
}

async fn within<T>(conversation: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, EmailError> {
    match timeout(WHOLE, conversation).await {
        Ok(answer) => answer.map_err(|error| failed(&error)),
        Err(_) => Err(EmailError::TimedOut),
    }
}

fn failed(error: &smtp::Error) -> EmailError {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let cause = without_addresses(&for_operator(cause.as_bytes()));
    match error.status().map(u16::from) {
        Some(code @ (530 | 534 | 535 | 538)) => EmailError::Login(format!("{code} {cause}")),
        Some(code) => EmailError::Refused(format!("{code} {cause}")),
        None if error.is_timeout() => EmailError::TimedOut,
        None => EmailError::Unusable(if cause.is_empty() { error.to_string() } else { cause }),
    }
}

/// Servers repeat the addresses that they refuse: personal data, and in the settings already.
fn without_addresses(text: &str) -> String {
    let word = |word: &str| -> Cow<'static, str> {
        if word.contains('@') { "(address)".into() } else { word.to_owned().into() }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(url: &str) -> Result<Email, EmailError> {
        let mailbox = |text: &str| text.parse::<Mailbox>().expect("an address");
        let (from, to) = (mailbox("Bilag <bilag@nordlys.example>"), mailbox("ops@nordlys.example"));
        Email::new(Secret::new(url), from, to, None)
    }

    #[test]
    fn takes_urls_that_keep_the_password_secret() {
        for url in [
            "smtps://user:hunter2@mail.example",
            "smtp://user:hunter2@mail.example:2525?tls=required",
            "smtp://mail.example",
            "smtp://mail.example?tls=opportunistic",
        ] {
            assert!(email(url).is_ok(), "{url}");
        }
        for (url, problem) in [
            ("smtp://user:hunter2@mail.example", "in the clear"),
            ("smtp://user:hunter2@mail.example?tls=opportunistic", "in the clear"),
            ("https://mail.example", "write smtps://"),
            ("smtp://mail.example?tls=perhaps", "write smtps://"),
            ("mail.example:25", "write smtps://"),
        ] {
            let error = email(url).expect_err(url).to_string();
            assert!(error.starts_with(SMTP_URL) && error.contains(problem), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn answers_are_repeated_without_addresses() {
        let answer = "5.1.1 <ops@nordlys.example>: no such user";
        assert_eq!(without_addresses(answer), "5.1.1 (address) no such user");
    }
}
