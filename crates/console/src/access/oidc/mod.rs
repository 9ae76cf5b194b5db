//! Logging in at an identity provider: OpenID Connect, authorization code with PKCE.

mod claims;
mod http;
mod provider;

use std::fmt;

use config::Secret;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use reqwest::Url;

use crate::access::address::is_safe;
use crate::access::pending::Pending;
use crate::access::user::is_name;
use crate::access::{Outside, Token, User};
use crate::clock::Clock;

pub(crate) use claims::Claims;
pub use claims::RoleNames;
pub(crate) use provider::{LoginError, Provider, error_code};

/// An identity provider, and what it calls the roles.
#[derive(Clone)]
pub struct OidcSettings {
    /// The issuer, as its discovery document has it: an https URL.
    pub issuer: String,
    /// The client's id there.
    pub client_id: String,
    /// The client's secret there; a public client has none.
    pub client_secret: Option<Secret>,
    /// The claim of the ID token that holds the roles; dots lead into objects.
    pub roles_claim: String,
    /// What it calls the roles.
    pub roles: RoleNames,
}

/// The secret stays out.
impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("roles_claim", &self.roles_claim)
            .finish_non_exhaustive()
    }
}

/// The issuer is no URL that tokens may be got from.
#[derive(Debug, thiserror::Error)]
pub enum BadIssuer {
    /// It is no URL, or travels unencrypted.
    #[error("an issuer is an https URL (http:// for localhost alone), as its discovery document has it")]
    NotSafe,
    /// There are no root certificates to trust.
    #[error("TLS cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// Logging in at an identity provider.
#[derive(Debug)]
pub struct Oidc {
    settings: OidcSettings,
    issuer: IssuerUrl,
    redirect: RedirectUrl,
    provider: Provider,
}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Claims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type OurClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Oidc {
    /// Where the provider sends browsers back to, below the console's address.
    pub const BACK: &str = "/login/back";

    /// Takes the settings in; the provider is not asked before somebody logs in.
    ///
    /// # Errors
    /// See [`BadIssuer`].
    pub fn new(settings: OidcSettings, outside: &Outside) -> Result<Self, BadIssuer> {
        let url = Url::parse(&settings.issuer).map_err(|_| BadIssuer::NotSafe)?;
        if !is_safe(&url) {
            return Err(BadIssuer::NotSafe);
        }
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| BadIssuer::NotSafe)?;
        let redirect = RedirectUrl::new(format!("{}{}", outside.origin(), Self::BACK));
        let redirect = redirect.map_err(|_| BadIssuer::NotSafe)?;
        Ok(Self { settings, issuer, redirect, provider: Provider::new().map_err(BadIssuer::Tls)? })
    }

    /// How sessions are marked that it opened.
    pub(crate) fn way(&self) -> String {
        format!("oidc {}", self.settings.issuer)
    }

    /// Who is logged in at, for people.
    pub(crate) fn name(&self) -> &str {
        self.issuer.url().host_str().unwrap_or("the identity provider")
    }

    /// Where to send the browser, and what to remember until it comes back.
    pub(crate) async fn begin(&self, next: &str, clock: &Clock) -> Result<(String, Pending), LoginError> {
        let client = self.client(self.provider.known(&self.issuer, clock.now()).await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (Token::random(), Nonce::new_random());
        let sent = (CsrfToken::new(state.expose().to_owned()), nonce.clone());
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, _, _) = client
            .authorize_url(flow, || sent.0, || sent.1)
            .add_scope(Scope::new("profile".to_owned()))
            .add_scope(Scope::new("email".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        Ok((url.into(), Pending::new(state, nonce, verifier, next.to_owned(), clock.now())))
    }

    /// Who came back with this code, and the subject that the provider knows them by: a name can be
    /// chosen, and changed.
    pub(crate) async fn finish(
        &self,
        code: String,
        pending: Pending,
        clock: &Clock,
    ) -> Result<(User, String), LoginError> {
        let client = self.client(self.provider.fresh(&self.issuer, clock.now()).await?);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| LoginError::Discovery("it names no token endpoint".into()))?
            .set_pkce_verifier(pending.verifier)
            .request_async(self.provider.http())
            .await
            .map_err(LoginError::exchange)?;
        let clock = clock.clone();
        let verifier = client.id_token_verifier().set_time_fn(move || clock.now());
        let token = tokens.id_token().ok_or(LoginError::NoToken)?;
        let token = token.claims(&verifier, &pending.nonce).map_err(LoginError::Token)?;
        let claims = token.additional_claims();
        let claim = &self.settings.roles_claim;
        let role = claims.role(claim, &self.settings.roles).ok_or_else(|| LoginError::NoRole {
            claim: claim.clone(),
            names: self.settings.roles.to_string(),
        })?;
        let subject = token.subject().as_str();
        let names =
            [token.preferred_username().map(|name| name.as_str()), token.email().map(|mail| mail.as_str())];
        let name = names.into_iter().flatten().find(|name| is_name(name));
        let name = name.map_or_else(|| printable(subject), str::to_owned);
        Ok((User { name, role }, printable(subject)))
    }

    fn client(&self, metadata: CoreProviderMetadata) -> OurClient {
        let OidcSettings { client_id, client_secret, .. } = &self.settings;
        let secret = client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_string()));
        OurClient::from_provider_metadata(metadata, ClientId::new(client_id.clone()), secret)
            .set_redirect_uri(self.redirect.clone())
    }
}

/// A subject as it is shown: at most 255 characters, which OpenID Connect allows, and none that moves a
/// cursor.
fn printable(subject: &str) -> String {
    subject.chars().filter(|c| !c.is_control()).take(255).collect()
}
