//! The seal of an installation's PDFs: its settings, and the timestamp authority that it asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use amqp::{Extent, Failure, Reached, Reason};
use chrono::{DateTime, Utc};
use clap::Args;
use consumer::SettingError;
use http_client::header::{ACCEPT, CONTENT_TYPE};
use http_client::{CallError, Decision, Http, Method, Secret, Service, Timing, Url, base_url, decide, send};
use pdf_seal::{REQUEST_TYPE, Seal, SealError, TOKEN_ROOM};

use crate::RENDER_FAILED;

const AUTHORITY: &Service = &Service {
    rights: Some("whether it serves those without credentials"),
    ..Service::new("the timestamp authority", "BILAG_SEAL_TIMESTAMP_URL", "BILAG_SEAL_TIMESTAMP_URL")
};

/// How long a timestamp may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// By how many bytes the tokens of an authority differ, at most; a larger one is asked for again.
const TOKEN_SPREAD: usize = 128;

/// From when on the end of a certificate is warned of.
const EXPIRES_SOON: chrono::Duration = chrono::Duration::days(30);

/// The largest file of a key or of certificates, in bytes.
const FILE_MOST: u64 = 1024 * 1024;

consumer::secret_args! {
    pub(crate) struct SealPassword("BILAG_SEAL_PASSWORD", "seal-password", "PASSWORD");
    help: "Password of the seal's PKCS#12 file, or of its encrypted key; prefer the variable to the flag";
    file_help: "File to read the password from";
}

/// What PDFs are sealed with; nothing where neither key is set.
#[derive(Clone, Debug, Args)]
pub struct SealSettings {
    /// PEM file with the private key (RSA or P-256) that seals PDFs; read at the start [default: none]
    #[arg(long, env = "BILAG_SEAL_KEY_FILE", value_name = "FILE")]
    seal_key_file: Option<PathBuf>,
    /// PEM file with the key's certificate and those that issued it
    #[arg(long, env = "BILAG_SEAL_CERTIFICATE_FILE", value_name = "FILE")]
    seal_certificate_file: Option<PathBuf>,
    /// PKCS#12 file with key and certificates, instead of the two PEM files
    #[arg(long, env = "BILAG_SEAL_PKCS12_FILE", value_name = "FILE")]
    seal_pkcs12_file: Option<PathBuf>,
    #[command(flatten)]
    seal_password: SealPassword,
    /// Timestamp authority (RFC 3161) that is asked for each sealed PDF, over HTTP [default: none]
    #[arg(long, env = "BILAG_SEAL_TIMESTAMP_URL", value_name = "URL")]
    seal_timestamp_url: Option<String>,
}

impl SealSettings {
    /// The seal that these settings name; `None` where they name none.
    ///
    /// # Errors
    /// The settings contradict each other; or the key and its certificate cannot be read, do not belong together, or
    /// are not valid now.
    pub fn load(&self) -> Result<Option<Sealer>, SettingError> {
        let set = |file: &'_ Option<PathBuf>| file.clone().filter(|file| !file.as_os_str().is_empty());
        let password = self.seal_password.setting().read()?;
        let password = password.as_ref().map(Secret::expose);
        let (setting, seal) =
            match (set(&self.seal_key_file), set(&self.seal_certificate_file), set(&self.seal_pkcs12_file)) {
                (None, None, None) => return self.without_seal(password.is_some()).map(|()| None),
                (Some(key), Some(chain), None) => {
                    let key = read("BILAG_SEAL_KEY_FILE", &key)?;
                    let chain = read("BILAG_SEAL_CERTIFICATE_FILE", &chain)?;
                    let seal = Seal::from_pem(&key, &chain, password.as_deref());
                    ("BILAG_SEAL_KEY_FILE and BILAG_SEAL_CERTIFICATE_FILE", seal)
                }
                (None, None, Some(file)) => {
                    let file = read("BILAG_SEAL_PKCS12_FILE", &file)?;
                    let seal = Seal::from_pkcs12(&file, password.as_deref().unwrap_or_default());
                    ("BILAG_SEAL_PKCS12_FILE", seal)
                }
                (Some(_), None, None) => return Err(missing("BILAG_SEAL_CERTIFICATE_FILE", "the key")),
                (None, Some(_), None) => return Err(missing("BILAG_SEAL_KEY_FILE", "the certificate")),
                _ => {
                    let both = "the key and its certificates are in it: unset BILAG_SEAL_KEY_FILE and \
                                BILAG_SEAL_CERTIFICATE_FILE, or this";
                    return Err(SettingError::named("BILAG_SEAL_PKCS12_FILE", both));
                }
            };
        let seal = seal
            .and_then(|seal| seal.check(Utc::now()).map(|()| seal))
            .map_err(|error| SettingError::named(setting, error))?;
        let authority = self.timestamp_url().map(Authority::new).transpose()?;
        Ok(Some(Sealer { seal: Arc::new(seal), authority: authority.map(Arc::new) }))
    }

    fn timestamp_url(&self) -> Option<&str> {
        self.seal_timestamp_url.as_deref().filter(|url| !url.is_empty())
    }

    /// Refuses what has no effect without a seal.
    fn without_seal(&self, has_password: bool) -> Result<(), SettingError> {
        let useless = match (self.timestamp_url(), has_password) {
            (Some(_), _) => "BILAG_SEAL_TIMESTAMP_URL",
            (None, true) => "BILAG_SEAL_PASSWORD",
            (None, false) => return Ok(()),
        };
        let problem = "there is no seal that it is for: set BILAG_SEAL_KEY_FILE and BILAG_SEAL_CERTIFICATE_FILE, or \
                       BILAG_SEAL_PKCS12_FILE";
        Err(SettingError::named(useless, problem))
    }
}

fn missing(setting: &'static str, with: &str) -> SettingError {
    SettingError::named(setting, format!("needed with {with} to seal PDFs, and not set"))
}

fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, SettingError> {
    config::read(file, FILE_MOST)
        .map_err(|error| SettingError::named(setting, format!("{} cannot be read: {error}", file.display())))
}

/// Seals PDFs. Clones share the key.
#[derive(Clone, Debug)]
pub struct Sealer {
    seal: Arc<Seal>,
    authority: Option<Arc<Authority>>,
}

impl Sealer {
    /// Seals a PDF of an event. An event that is delivered again has the same time, so that an RSA key without
    /// timestamps gives it the same seal.
    ///
    /// # Errors
    /// See [`SealingError`].
    pub async fn seal(&self, pdf: &[u8], emitted: DateTime<Utc>) -> Result<Vec<u8>, SealingError> {
        let now = Utc::now();
        self.seal.check(now)?;
        // A renewed certificate is younger than events that waited for it.
        let is_possible = emitted <= now && self.seal.check(emitted).is_ok();
        let when = if is_possible { emitted } else { now };
        let Some(authority) = &self.authority else {
            return Ok(self.seal.sign(pdf, when, 0)?.into_pdf()?);
        };
        let stamped = self.stamped(authority, pdf, when).await;
        match stamped {
            // The room is that of this token now.
            Err(SealingError::Seal(SealError::TokenTooLarge { .. })) => {
                self.stamped(authority, pdf, when).await
            }
            stamped => stamped,
        }
    }

    async fn stamped(
        &self,
        authority: &Authority,
        pdf: &[u8],
        when: DateTime<Utc>,
    ) -> Result<Vec<u8>, SealingError> {
        let sealed = self.seal.sign(pdf, when, authority.room.load(Ordering::Relaxed))?;
        let answer = authority.ask(sealed.timestamp_request()?).await?;
        authority.room.store(answer.len() + TOKEN_SPREAD, Ordering::Relaxed);
        Ok(sealed.with_timestamp(&answer)?)
    }

    /// Whose seal it is, and until when.
    pub(crate) fn describe(&self) -> String {
        format!("seals as {} until {}", self.seal.subject(), self.seal.expires())
    }

    /// What is to be done soon.
    pub(crate) fn warning(&self) -> Option<String> {
        (self.seal.expires() - Utc::now() < EXPIRES_SOON).then(|| {
            let (subject, expires) = (self.seal.subject(), self.seal.expires());
            format!("the seal's certificate of {subject} expires on {expires}: renew it, and restart")
        })
    }
}

/// Where timestamps come from.
#[derive(Debug)]
struct Authority {
    http: Http,
    url: Url,
    /// What its last token needed, in bytes: each byte of room makes the PDF two longer.
    room: AtomicUsize,
}

impl Authority {
    fn new(url: &str) -> Result<Self, SettingError> {
        let wrong = || {
            SettingError::named(AUTHORITY.url_setting, "it is an http or https URL, without user and query")
        };
        let url = base_url(url).ok_or_else(wrong)?;
        let http = Http::new(Timing::new(TIMEOUT)).map_err(SettingError::described)?;
        Ok(Self { http, url, room: AtomicUsize::new(TOKEN_ROOM) })
    }

    async fn ask(&self, request: Vec<u8>) -> Result<Vec<u8>, CallError> {
        let request = self
            .http
            .request(Method::POST, self.url.clone())
            .header(CONTENT_TYPE, REQUEST_TYPE)
            .header(ACCEPT, "application/timestamp-reply")
            .body(request);
        let mut received = send(request).await.map_err(|reason| CallError::no_answer(AUTHORITY, reason))?;
        if received.status().as_u16() != 200 {
            let (status, body) = (received.status(), received.first_kilobyte().await);
            return Err(CallError::answered(AUTHORITY, status, received.headers(), &body));
        }
        match received.body().await {
            (body, None) => Ok(body.to_vec()),
            (_, Some(broken)) => Err(CallError::Unanswered(AUTHORITY, broken)),
        }
    }
}

/// Why a PDF is not sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// The certificate is not valid now, the PDF cannot be sealed, or the authority's answer cannot be used.
    #[error("failed to seal the PDF")]
    Seal(#[from] SealError),
    /// There is no timestamp.
    #[error("failed to get a timestamp for the seal of the PDF")]
    Timestamp(#[from] CallError),
}

impl From<SealingError> for Failure {
    /// But for the PDF itself, what is wrong is wrong for every receipt: they wait.
    fn from(error: SealingError) -> Self {
        let reached = match &error {
            SealingError::Timestamp(call) => match decide(call) {
                Decision::Wait { at_least } => return Self::Wait { at_least, error: error.into() },
                Decision::Unavailable { reached: false } => Reached::Never,
                _ => Reached::Perhaps,
            },
            SealingError::Seal(SealError::Expired { .. } | SealError::NotYetValid { .. }) => Reached::Never,
            SealingError::Seal(
                SealError::TimestampRefused(_)
                | SealError::TimestampResponse(_)
                | SealError::OtherTimestamp
                | SealError::TokenTooLarge { .. },
            ) => Reached::Perhaps,
            SealingError::Seal(_) => return Self::reject(RENDER_FAILED, error),
        };
        let (extent, reason) = (Extent::Stage, Reason::RETRIES_EXHAUSTED);
        Self::Unavailable { extent, reached, reason, error: error.into() }
    }
}
