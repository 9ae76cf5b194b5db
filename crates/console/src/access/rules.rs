//! What must hold before anybody is let in at all.

use std::net::SocketAddr;

use crate::access::{Access, Way};

/// Who may look, and where it is listened, do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Others than this machine could look, and nobody asks who they are.
    #[error(
        "beyond this machine nobody may look without logging in: set BILAG_CONSOLE_USERS (users in a file) or BILAG_CONSOLE_OIDC_ISSUER (an identity provider), and BILAG_CONSOLE_URL (the https address that browsers use); or listen on 127.0.0.1"
    )]
    AnonymousBeyondLoopback,
    /// An address for others, and nobody asks who they are.
    #[error(
        "BILAG_CONSOLE_URL publishes the console, and nobody would be asked who they are: set BILAG_CONSOLE_USERS (users in a file) or BILAG_CONSOLE_OIDC_ISSUER (an identity provider) as well; or leave it out"
    )]
    AnonymousWithUrl,
    /// Passwords and sessions would travel unencrypted.
    #[error(
        "beyond this machine sessions travel by https alone: put a proxy that speaks TLS before the console, and set BILAG_CONSOLE_URL to its https address; or listen on 127.0.0.1"
    )]
    Unencrypted,
}

impl Access {
    /// Whether this may be served there.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn check(&self, listening: SocketAddr) -> Result<(), AccessError> {
        let here = listening.ip().to_canonical().is_loopback();
        match &self.way {
            Way::Anonymous(_) if !here => Err(AccessError::AnonymousBeyondLoopback),
            Way::Anonymous(_) if self.outside.is_some() => Err(AccessError::AnonymousWithUrl),
            Way::Users(_) | Way::Oidc(_) if !here && !self.is_https() => Err(AccessError::Unencrypted),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Outside, Role};

    #[test]
    fn without_a_login_it_is_for_this_machine_alone() {
        let outside = |url| Some(Outside::parse(url).expect("an address"));
        let anonymous = |outside| Access { way: Way::Anonymous(Role::Operator), outside };
        for (outside, listening, expected) in [
            (None, "127.0.0.1:8096", Ok(())),
            (None, "[::1]:8096", Ok(())),
            (None, "[::ffff:127.0.0.1]:8096", Ok(())),
            (None, "0.0.0.0:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (None, "[::]:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (None, "10.0.0.7:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (outside("https://a.example"), "10.0.0.7:8096", Err(AccessError::AnonymousBeyondLoopback)),
            (outside("https://a.example"), "127.0.0.1:8096", Err(AccessError::AnonymousWithUrl)),
        ] {
            let listening = listening.parse().expect("an address");
            assert_eq!(anonymous(outside).check(listening), expected, "{listening}");
        }
    }
}
