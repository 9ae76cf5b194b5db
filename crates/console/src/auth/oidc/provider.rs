//! The identity provider: its discovery document, its errors, and the HTTP client.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use amqp::BoxError;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreErrorResponseType, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, ClaimsVerificationError, DiscoveryError, HttpRequest, HttpResponse, IssuerUrl,
    RequestTokenError, StandardErrorResponse, http,
};
use reqwest::redirect::Policy;
use tokio::sync::Mutex;

use crate::auth::public_url::is_safe;

/// Maximum age of the discovery document when a login starts.
const MAX_AGE: TimeDelta = TimeDelta::minutes(10);
/// Maximum age when a token is verified: the keys may have been rotated.
const MAX_KEY_AGE: TimeDelta = TimeDelta::minutes(1);

/// Why a login failed. No variant contains a token, a code or a claim's value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// No discovery document, or not the issuer's.
    #[error("the identity provider's discovery document cannot be read: check BILAG_CONSOLE_OIDC_ISSUER")]
    Discovery(#[source] BoxError),
    /// The provider reports an error.
    #[error("the identity provider answered: {0}")]
    Refused(&'static str),
    /// The code was not exchanged for tokens.
    #[error("the identity provider rejected the code")]
    Exchange(#[source] BoxError),
    /// No ID token.
    #[error("the identity provider sent no ID token")]
    NoToken,
    /// Verification failed.
    #[error("the identity provider's ID token is invalid")]
    Token(#[source] ClaimsVerificationError),
    /// No role in the ID token.
    #[error(
        "you are known to the identity provider, but have no role here: the claim \"{claim}\" of your ID token has none of {names}. An administrator of the identity provider can assign one"
    )]
    NoRole {
        /// The configured claim.
        claim: String,
        /// The accepted values.
        names: String,
    },
    /// Started in another browser, finished already, or expired.
    #[error(
        "this login was not started in this browser, was finished already, or took longer than ten minutes"
    )]
    NotStarted,
}

impl LoginError {
    /// Without the body of an unreadable response, which may contain tokens.
    pub(super) fn exchange(
        error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> Self {
        Self::Exchange(match error {
            RequestTokenError::ServerResponse(refused) => error_code(refused.error().as_ref()).into(),
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::Parse(..) => "its response does not follow the standard".into(),
            RequestTokenError::Other(what) => what.into(),
        })
    }
}

/// A standard error code: any other text is untrusted.
pub(crate) fn error_code(text: &str) -> &'static str {
    const KNOWN: [&str; 14] = [
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_response_type",
    ];
    KNOWN.into_iter().find(|known| *known == text).unwrap_or("a non-standard error")
}

/// The identity provider with its cached discovery document.
pub(crate) struct Provider {
    http: Http,
    known: Mutex<Option<(DateTime<Utc>, CoreProviderMetadata)>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

impl Provider {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        Ok(Self { http: Http::new()?, known: Mutex::default() })
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// For starting a login.
    pub(super) async fn metadata(
        &self,
        issuer: &IssuerUrl,
        now: DateTime<Utc>,
    ) -> Result<CoreProviderMetadata, LoginError> {
        self.no_older_than(MAX_AGE, issuer, now).await
    }

    /// For verifying a token.
    pub(super) async fn fresh_metadata(
        &self,
        issuer: &IssuerUrl,
        now: DateTime<Utc>,
    ) -> Result<CoreProviderMetadata, LoginError> {
        self.no_older_than(MAX_KEY_AGE, issuer, now).await
    }

    async fn no_older_than(
        &self,
        age: TimeDelta,
        issuer: &IssuerUrl,
        now: DateTime<Utc>,
    ) -> Result<CoreProviderMetadata, LoginError> {
        let mut known = self.known.lock().await;
        if let Some((since, metadata)) = &*known
            && now - *since < age
        {
            return Ok(metadata.clone());
        }
        let discovered = CoreProviderMetadata::discover_async(issuer.clone(), &self.http).await;
        let metadata = discovered.map_err(|error| {
            LoginError::Discovery(match error {
                // Without quoting it.
                DiscoveryError::Parse(_) => "it is not a discovery document".into(),
                error => error.into(),
            })
        })?;
        *known = Some((now, metadata.clone()));
        Ok(metadata)
    }
}

/// Of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a response.
const MAX_BODY: usize = 1024 * 1024;

/// HTTP client for `openidconnect`. Follows no redirects: they would take the code elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Http(reqwest::Client);

/// Why a request failed. Without the URL's query, which may contain secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The discovery document has an unencrypted URL.
    #[error("a URL of the identity provider is not https")]
    NotSafe,
    /// No complete response.
    #[error("the identity provider did not answer")]
    NoAnswer(#[source] reqwest::Error),
    /// Above [`MAX_BODY`].
    #[error("the identity provider's response is larger than 1 MiB")]
    TooLarge,
    /// Not HTTP.
    #[error("the identity provider's response is malformed")]
    Malformed(#[source] http::Error),
}

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // reqwest uses the process's crypto provider; an installed one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(TIMEOUT).referer(false);
        client.user_agent(concat!("bilag/", env!("CARGO_PKG_VERSION"))).build().map(Self)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let no_answer = |error: reqwest::Error| HttpError::NoAnswer(error.without_url());
        let request = reqwest::Request::try_from(request).map_err(no_answer)?;
        if !is_safe(request.url()) {
            return Err(HttpError::NotSafe);
        }
        let mut answer = self.0.execute(request).await.map_err(no_answer)?;
        let mut response = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            response = response.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body).map_err(HttpError::Malformed)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
