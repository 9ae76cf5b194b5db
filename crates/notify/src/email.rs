//! E-mail to one address, over the SMTP server of a URL that holds the login.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_client::{Secret, Url, for_operator, remember};
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::time::timeout;

use crate::Message;

pub(crate) const SMTP_URL: &str = "BILAG_NOTIFY_SMTP_URL";

/// Until the server has accepted the login, and from then on until it has accepted sender and recipient.
const STEPS_WITHIN: Duration = Duration::from_secs(30);

/// From then on, until it has taken the message: it may look into it for long (RFC 5321, 4.5.3.2.6). Who gives up
/// earlier sends a message again that was taken.
const TAKEN_WITHIN: Duration = Duration::from_secs(600);

/// Longer than sending takes.
pub(crate) const SENT_WITHIN: Duration =
    Duration::from_secs(2 * STEPS_WITHIN.as_secs() + TAKEN_WITHIN.as_secs() + 60);

const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
const QUIT_WITHIN: Duration = Duration::from_secs(5);

/// An address that gets e-mail.
#[derive(Clone)]
pub(crate) struct Email {
    server: Secret,
    from: Address,
    to: Address,
    console: Option<String>,
}

/// An e-mail address, which `Debug` does not show.
#[derive(Clone)]
pub(crate) struct Address(Mailbox);

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
    #[error("the SMTP server did not answer in time; check {SMTP_URL} and the network")]
    TimedOut,
    /// No connection, or none that is secure.
    #[error("the SMTP server cannot be used; check {SMTP_URL}, its certificate and the network: {0}")]
    Unusable(String),
    /// The login was refused.
    #[error("the SMTP server does not accept the login; check {SMTP_URL}: it answered {0}")]
    Login(String),
    /// The message, its sender or its recipient was refused, for good if the answer says so.
    #[error("the SMTP server does not take the message: it answered {answer}")]
    Refused {
        /// The server's answer.
        answer: String,
        /// Whether it is a 5xx.
        is_permanent: bool,
    },
}

/// What the URL of the server says.
struct Server {
    host: String,
    port: u16,
    security: Security,
    login: Option<Credentials>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    Tls,
    StartTls,
    None,
}

impl Email {
    /// An address that nothing was sent to yet.
    pub(crate) fn new(
        server: Secret,
        from: Address,
        to: Address,
        console: Option<String>,
    ) -> Result<Self, EmailError> {
        Server::of(&server.expose())?;
        Ok(Self { server, from, to, console })
    }

    /// The address, for who set it.
    pub(crate) fn address(&self) -> &str {
        self.to.0.email.as_ref()
    }

    /// Stands for the address in the store and in logs.
    pub(crate) fn digest(&self) -> String {
        hex::encode(&Sha256::digest(self.address().to_lowercase())[..4])
    }

    /// Sends a message once.
    pub(crate) async fn send(
        &self,
        message: &Message,
        id: &str,
        noted_at: DateTime<Utc>,
    ) -> Result<(), EmailError> {
        let message = self.written(message, id, noted_at).map_err(EmailError::Message)?;
        let text = message.formatted();
        let mut connection = self.connection().await?;
        let sent = match self.within(STEPS_WITHIN, announce(&mut connection, message.envelope())).await {
            Ok(()) => self.within(TAKEN_WITHIN, connection.message(&text)).await,
            Err(error) => Err(error),
        };
        // What comes of the goodbye says nothing of the message.
        tokio::spawn(async move { timeout(QUIT_WITHIN, connection.abort()).await });
        sent.map(drop)
    }

    /// Connects and logs in: nothing is sent. Answers whether there is a login.
    pub(crate) async fn reach(&self) -> Result<bool, EmailError> {
        let mut connection = self.connection().await?;
        tokio::spawn(async move { timeout(QUIT_WITHIN, connection.abort()).await });
        Ok(Server::of(&self.server.expose())?.login.is_some())
    }

    /// The message's id is the same at a repeat. Nobody's holiday notice is to answer it (RFC 3834).
    fn written(
        &self,
        message: &Message,
        id: &str,
        noted_at: DateTime<Utc>,
    ) -> Result<lettre::Message, lettre::error::Error> {
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        lettre::Message::builder()
            .from(self.from.0.clone())
            .to(self.to.0.clone())
            .subject(message.title.as_str())
            .date(noted_at.into())
            .message_id(Some(format!("<{id}@{}>", self.from.0.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .body(message.text(self.console.as_deref()))
    }

    /// A connection to the server as its URL has it now: it may come from a file.
    async fn connection(&self) -> Result<AsyncSmtpConnection, EmailError> {
        let Server { host, port, security, login } = Server::of(&self.server.expose())?;
        let name = ClientId::default();
        let connection = self.within(STEPS_WITHIN, async {
            // It reads the system's certificates.
            let of_host = host.clone();
            let tls = match security {
                Security::None => None,
                _ => Some(blocking(move || TlsParameters::new(of_host)).await?),
            };
            let (first, later) = if security == Security::Tls { (tls, None) } else { (None, tls) };
            let address = (host.as_str(), port);
            let connected =
                AsyncSmtpConnection::connect_tokio1(address, Some(CONNECTED_WITHIN), &name, first, None);
            let mut connection = connected.await?;
            if let Some(tls) = later {
                connection.starttls(tls, &name).await?;
            }
            if let Some(login) = &login {
                connection.auth(DEFAULT_MECHANISMS, login).await?;
            }
            Ok(connection)
        });
        // What is refused before there is a message is none of its fault.
        connection.await.map_err(|error| match error {
            EmailError::Refused { answer, .. } => EmailError::Unusable(format!("it answered {answer}")),
            other => other,
        })
    }

    async fn within<T>(
        &self,
        limit: Duration,
        conversation: impl Future<Output = Result<T, smtp::Error>>,
    ) -> Result<T, EmailError> {
        match timeout(limit, conversation).await {
            Ok(answer) => answer.map_err(|error| self.failed(&error)),
            Err(_) => Err(EmailError::TimedOut),
        }
    }

    fn failed(&self, error: &smtp::Error) -> EmailError {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let cause = self.without_addresses(&for_operator(cause.as_bytes()));
        match error.status().map(u16::from) {
            Some(code @ (534 | 535)) => EmailError::Login(format!("{code} {cause}")),
            Some(code) => {
                EmailError::Refused { answer: format!("{code} {cause}"), is_permanent: error.is_permanent() }
            }
            None if error.is_timeout() => EmailError::TimedOut,
            None => EmailError::Unusable(if cause.is_empty() { error.to_string() } else { cause }),
        }
    }

    /// Servers repeat the addresses that they refuse, or what is before their `@`: personal data, and in the
    /// settings already.
    fn without_addresses(&self, text: &str) -> String {
        let users = [&self.to, &self.from].map(|address| address.0.email.user().to_lowercase());
        let word = |word: &str| -> Cow<'static, str> {
            let mut parts = word.split(|c: char| !c.is_alphanumeric() && !"._+-".contains(c));
            let is_user =
                |part: &str| users.iter().any(|user| part.trim_matches('.').to_lowercase() == *user);
            let is_of_address = word.contains('@') || parts.any(is_user);
            if is_of_address { "(address)".into() } else { word.to_owned().into() }
        };
        text.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Says from whom to whom a message is. Not by [`AsyncSmtpConnection::send`], which awaits the answer to its goodbye
/// after a refusal. The text is ASCII whatever is in it; a server that takes no address beyond ASCII says so.
async fn announce(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), smtp::Error> {
    let is_ascii = |address: &lettre::Address| AsRef::<str>::as_ref(address).is_ascii();
    let utf8 =
        (!envelope.to().iter().chain(envelope.from()).all(is_ascii)).then_some(MailParameter::SmtpUtfEight);
    connection.command(Mail::new(envelope.from().cloned(), utf8.into_iter().collect())).await?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
    }
    connection.command(Data).await.map(drop)
}

/// What blocks the thread for some milliseconds.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("it does not panic")
}

impl Server {
    fn of(url: &str) -> Result<Self, EmailError> {
        const USABLE: &str = "write smtps://USER:PASSWORD@HOST, or smtp://HOST?tls=required";
        let url = Url::parse(url.trim()).map_err(|_| EmailError::Url(USABLE))?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        let (security, port) = match (url.scheme(), tls.as_deref()) {
            ("smtps", None) => (Security::Tls, 465),
            ("smtp", Some("required")) => (Security::StartTls, 587),
            ("smtp", None) => (Security::None, 25),
            _ => return Err(EmailError::Url(USABLE)),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(EmailError::Url(USABLE))?.to_owned();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = match (decoded(url.username()), url.password().map(decoded)) {
            (_, Some(_)) if security == Security::None => {
                let problem = "the password would be sent in the clear; write smtps://, or add ?tls=required";
                return Err(EmailError::Url(problem));
            }
            (user, Some(password)) => {
                remember(&password);
                Some(Credentials::new(user, password))
            }
            (user, None) if user.is_empty() => None,
            (_, None) => {
                return Err(EmailError::Url("there is a user, and no password: write USER:PASSWORD"));
            }
        };
        Ok(Self { host, port: url.port().unwrap_or(port), security, login })
    }
}

impl std::str::FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        text.trim().parse().map(Self).map_err(|_| "no e-mail address, as in ops@nordlys.example")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Email").field(&self.digest()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(url: &str) -> Result<Email, EmailError> {
        let address = |text: &str| text.parse::<Address>().expect("an address");
        let (from, to) = (address("Bilag <bilag@nordlys.example>"), address("kari.nordmann@nordlys.example"));
        Email::new(Secret::new(url), from, to, None)
    }

    #[test]
    fn takes_urls_that_keep_the_password_secret() {
        for url in [
            "smtps://user:hunter2@mail.example",
            "smtp://user:hunter%402@mail.example:2525?tls=required",
            "smtp://mail.example",
        ] {
            assert!(email(url).is_ok(), "{url}");
        }
        for (url, problem) in [
            ("smtp://user:hunter2@mail.example", "in the clear"),
            ("smtp://user:hunter2@mail.example?tls=opportunistic", "write smtps://"),
            ("smtps://user@mail.example", "no password"),
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
    fn neither_answers_nor_debug_repeat_addresses() {
        let email = email("smtp://mail.example").expect("a URL");
        for answer in [
            "5.1.1 <kari.nordmann@nordlys.example>: no",
            "5.1.1 Kari.Nordmann: no",
            "5.1.1 user=kari.nordmann. no",
        ] {
            assert!(email.without_addresses(answer).starts_with("5.1.1 (address) no"), "{answer}");
        }
        let shown = format!("{email:?} {:?}", email.to);
        assert!(!shown.contains("kari"), "{shown}");
    }
}
