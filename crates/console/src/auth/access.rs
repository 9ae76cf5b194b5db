//! How people authenticate, and where that may be served.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::auth::oidc::Oidc;
use crate::auth::public_url::PublicUrl;
use crate::auth::user::Role;
use crate::auth::users_file::UsersFile;

/// Who may use the console, and under which URL.
#[derive(Clone, Debug)]
pub struct Access {
    /// How people authenticate.
    pub mode: AuthMode,
    /// URL that browsers use, if not the listening address.
    pub public_url: Option<PublicUrl>,
}

/// How people authenticate.
#[derive(Clone, Debug)]
pub enum AuthMode {
    /// No login: everybody on this machine has this role. Loopback only.
    Anonymous(Role),
    /// Name and password.
    Users(Arc<UsersFile>),
    /// OpenID Connect.
    Oidc(Arc<Oidc>),
}

impl Access {
    /// Whether browsers use https.
    pub(crate) fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(PublicUrl::is_https)
    }
}

/// Authentication and listening address contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// No login, but reachable from other machines.
    #[error(
        "a console without login must listen on 127.0.0.1: set BILAG_CONSOLE_USERS (users in a file) or BILAG_CONSOLE_OIDC_ISSUER (an identity provider), and BILAG_CONSOLE_URL (the https URL that browsers use)"
    )]
    AnonymousBeyondLoopback,
    /// No login, but a public URL.
    #[error(
        "BILAG_CONSOLE_URL publishes a console without login: set BILAG_CONSOLE_USERS (users in a file) or BILAG_CONSOLE_OIDC_ISSUER (an identity provider) as well, or unset it"
    )]
    AnonymousWithUrl,
    /// Passwords and sessions would be sent unencrypted.
    #[error(
        "sessions beyond this machine need https: put a TLS proxy in front of the console and set BILAG_CONSOLE_URL to its https URL, or listen on 127.0.0.1"
    )]
    Unencrypted,
}

impl Access {
    /// Checks the combination with a listening address.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn check(&self, listening: SocketAddr) -> Result<(), AccessError> {
        let is_loopback = listening.ip().to_canonical().is_loopback();
        match &self.mode {
            AuthMode::Anonymous(_) if !is_loopback => Err(AccessError::AnonymousBeyondLoopback),
            AuthMode::Anonymous(_) if self.public_url.is_some() => Err(AccessError::AnonymousWithUrl),
            AuthMode::Users(_) | AuthMode::Oidc(_) if !is_loopback && !self.is_https() => {
                Err(AccessError::Unencrypted)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requires_loopback_without_login() {
        let public = |url| Some(PublicUrl::parse(url).expect("an address"));
        let anonymous = |public_url| Access { mode: AuthMode::Anonymous(Role::Operator), public_url };
        for (url, listening, expected) in [
            (None, "127.0.0.1:8096", Ok(())),
            (None, "[::1]:8096", Ok(())),
            (None, "[::ffff:127.0.0.1]:8096", Ok(())),
            (None, "0.0.0.0:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (None, "[::]:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (None, "10.0.0.7:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (public("https://a.example"), "10.0.0.7:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (public("https://a.example"), "127.0.0.1:8096", Err(AccessError::AnonymousWithUrl)),
        ] {
            let listening = listening.parse().expect("an address");
            assert_eq!(anonymous(url).check(listening), expected, "{listening}");
        }
    }
}
