//! Login by OpenID Connect: authorization code flow with PKCE.

mod pending;
mod provider;

use std::fmt;

use config::Secret;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge,
    RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::auth::public_url::{PublicUrl, is_safe};
use crate::auth::token::Token;
use crate::auth::user::{Role, User, is_name};
use crate::clock::Clock;

use pending::Pending;
use provider::Provider;

pub(crate) use pending::{LOGIN_TIMEOUT, PendingLogins};
pub(crate) use provider::{LoginError, error_code};

/// Settings of an identity provider.
#[derive(Clone)]
pub struct OidcSettings {
    /// https URL, exactly as in its discovery document.
    pub issuer: String,
    /// Of the console at the provider.
    pub client_id: String,
    /// `None` for a public client.
    pub client_secret: Option<Secret>,
    /// Claim of the ID token with the roles; dots descend into objects.
    pub roles_claim: String,
    /// Role names in that claim.
    pub roles: RoleNames,
}

/// Without the secret.
impl fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("roles_claim", &self.roles_claim)
            .finish_non_exhaustive()
    }
}

/// The issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidIssuer {
    /// Not a URL, or unencrypted.
    #[error(
        "not an issuer: expected an https URL (http:// for localhost only), exactly as in its discovery document"
    )]
    NotSafe,
    /// No trusted root certificates.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
}

/// Login at an identity provider.
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
    /// Path of the redirect URI.
    pub const CALLBACK: &str = "/login/back";

    /// Does not contact the provider yet.
    ///
    /// # Errors
    /// See [`InvalidIssuer`].
    pub fn new(settings: OidcSettings, public_url: &PublicUrl) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(&settings.issuer).map_err(|_| InvalidIssuer::NotSafe)?;
        if !is_safe(&url) {
            return Err(InvalidIssuer::NotSafe);
        }
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|_| InvalidIssuer::NotSafe)?;
        let redirect = RedirectUrl::new(format!("{}{}", public_url.origin(), Self::CALLBACK));
        let redirect = redirect.map_err(|_| InvalidIssuer::NotSafe)?;
        Ok(Self { settings, issuer, redirect, provider: Provider::new().map_err(InvalidIssuer::Tls)? })
    }

    /// Marks its sessions: they end when the issuer changes.
    pub(crate) fn session_mark(&self) -> String {
        format!("oidc {}", self.settings.issuer)
    }

    /// For display.
    pub(crate) fn host(&self) -> &str {
        self.issuer.url().host_str().unwrap_or("the identity provider")
    }

    /// The authorization URL, and what to remember until the callback.
    pub(crate) async fn start(&self, next: &str, clock: &Clock) -> Result<(String, Pending), LoginError> {
        let client = self.client(self.provider.metadata(&self.issuer, clock.now()).await?);
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

    /// Exchanges the code for a user and the provider's subject: names can be chosen and changed.
    pub(crate) async fn finish(
        &self,
        code: String,
        pending: Pending,
        clock: &Clock,
    ) -> Result<(User, String), LoginError> {
        let client = self.client(self.provider.fresh_metadata(&self.issuer, clock.now()).await?);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| LoginError::Discovery("it has no token endpoint".into()))?
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

/// A subject for display: at most 255 characters, the limit of OpenID Connect, without control characters.
fn printable(subject: &str) -> String {
    subject.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// Role names at the identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleNames {
    /// [`Role::Viewer`].
    pub viewer: String,
    /// [`Role::Operator`].
    pub operator: String,
    /// [`Role::Editor`].
    pub editor: String,
}

/// Prefixed with `bilag-`: an identity provider's own `editor` means something else.
impl Default for RoleNames {
    fn default() -> Self {
        let name = |role: Role| format!("bilag-{role}");
        Self { viewer: name(Role::Viewer), operator: name(Role::Operator), editor: name(Role::Editor) }
    }
}

impl RoleNames {
    fn of(&self, role: Role) -> &str {
        match role {
            Role::Viewer => &self.viewer,
            Role::Operator => &self.operator,
            Role::Editor => &self.editor,
        }
    }
}

impl fmt::Display for RoleNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} or {}", self.viewer, self.operator, self.editor)
    }
}

/// Additional claims. `Debug` is empty: they are personal data.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Claims(Map<String, Value>);

impl AdditionalClaims for Claims {}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

impl Claims {
    /// The highest role in the claim, which is a name or a list of names.
    fn role(&self, claim: &str, names: &RoleNames) -> Option<Role> {
        let held = self.find(claim)?;
        let is_held = |name: &str| match held {
            Value::String(text) => text == name,
            Value::Array(list) => list.iter().any(|item| item == name),
            _ => false,
        };
        Role::ALL.into_iter().rev().find(|role| is_held(names.of(*role)))
    }

    /// The claim of this exact name, otherwise by path.
    fn find(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim).or_else(|| {
            let mut parts = claim.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(claims: Value, claim: &str) -> Option<Role> {
        let claims: Claims = serde_json::from_value(claims).expect("an object");
        claims.role(claim, &RoleNames::default())
    }

    #[test]
    fn takes_the_highest_role_in_the_claim() {
        for (claims, claim, expected) in [
            (json!({ "roles": ["bilag-viewer", "bilag-editor", "x"] }), "roles", Some(Role::Editor)),
            (json!({ "roles": "bilag-operator" }), "roles", Some(Role::Operator)),
            (
                json!({ "realm_access": { "roles": ["bilag-viewer"] } }),
                "realm_access.roles",
                Some(Role::Viewer),
            ),
            (
                json!({ "https://a.example/roles": ["bilag-viewer"] }),
                "https://a.example/roles",
                Some(Role::Viewer),
            ),
            (json!({ "roles": ["viewer", "editor"] }), "roles", None),
            (json!({ "roles": "bilag-operator bilag-editor" }), "roles", None),
            (json!({ "roles": { "bilag-editor": true } }), "roles", None),
            (json!({ "roles": [["bilag-editor"]] }), "roles", None),
            (json!({}), "roles", None),
            (json!({ "groups": ["bilag-editor"] }), "roles", None),
        ] {
            assert_eq!(role(claims.clone(), claim), expected, "{claims}");
        }
    }
}
