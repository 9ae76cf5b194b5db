//! What is known of the identity provider: its discovery document with its keys, for a while.

use std::fmt;

use amqp::BoxError;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreErrorResponseType, CoreProviderMetadata};
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, IssuerUrl, RequestTokenError, StandardErrorResponse,
};
use tokio::sync::Mutex;

use super::http::{Http, HttpError};

/// How long the document counts when a login begins.
const KNOWN_FOR: TimeDelta = TimeDelta::minutes(10);
/// And when a token is to be verified: its keys may have been changed meanwhile.
const FRESH_FOR: TimeDelta = TimeDelta::minutes(1);

/// Why a login came to nothing. No variant holds a token, a code, or what a claim says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    /// The discovery document could not be got, or is not the issuer's.
    #[error("the identity provider's discovery document could not be read: check BILAG_CONSOLE_OIDC_ISSUER")]
    Discovery(#[source] BoxError),
    /// The provider says that the login failed.
    #[error("the identity provider answered: {0}")]
    Refused(&'static str),
    /// The code was not exchanged for tokens.
    #[error("the identity provider did not take the code")]
    Exchange(#[source] BoxError),
    /// There was none.
    #[error("the identity provider sent no ID token")]
    NoToken,
    /// It does not hold.
    #[error("the identity provider's ID token does not hold")]
    Token(#[source] ClaimsVerificationError),
    /// It names no role.
    #[error(
        "you are known to the identity provider, but have no role here: the claim \"{claim}\" of your ID token holds none of {names}. Whoever runs the identity provider can give you one"
    )]
    NoRole {
        /// Which claim was looked at.
        claim: String,
        /// What it should hold.
        names: String,
    },
    /// Not begun by this browser, done with already, or too long ago.
    #[error(
        "this login was not begun in this browser, was finished already, or took longer than ten minutes"
    )]
    NotBegun,
}

impl LoginError {
    /// The body of an answer that cannot be read is left out: it may hold tokens.
    pub(super) fn exchange(
        error: RequestTokenError<HttpError, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> Self {
        Self::Exchange(match error {
            RequestTokenError::ServerResponse(refused) => error_code(refused.error().as_ref()).into(),
            RequestTokenError::Request(error) => error.into(),
            RequestTokenError::Parse(..) => "its answer is not one that the standard knows".into(),
            RequestTokenError::Other(what) => what.into(),
        })
    }
}

/// The code of an error, where the standards know it: any other text might say anything.
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
    KNOWN.into_iter().find(|known| *known == text).unwrap_or("an error that the standard does not know")
}

/// The identity provider, as far as it is known.
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

    /// What is known of it.
    pub(super) async fn known(
        &self,
        issuer: &IssuerUrl,
        now: DateTime<Utc>,
    ) -> Result<CoreProviderMetadata, LoginError> {
        self.no_older_than(KNOWN_FOR, issuer, now).await
    }

    /// The same, with keys that have hardly aged.
    pub(super) async fn fresh(
        &self,
        issuer: &IssuerUrl,
        now: DateTime<Utc>,
    ) -> Result<CoreProviderMetadata, LoginError> {
        self.no_older_than(FRESH_FOR, issuer, now).await
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
                // What could not be read is not quoted.
                DiscoveryError::Parse(_) => "it is no JSON of that kind".into(),
                error => error.into(),
            })
        })?;
        *known = Some((now, metadata.clone()));
        Ok(metadata)
    }
}
