//! Unguessable tokens for sessions, CSRF protection and OIDC state.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// 256 random bits in URL-safe base64. `Debug` is redacted.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    pub(crate) fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    pub(crate) fn known(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Constant-time comparison.
    pub(crate) fn is(&self, other: &str) -> bool {
        self.0.as_bytes().ct_eq(other.as_bytes()).into()
    }

    /// For storage where others can read.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_256_bits_and_redacted_in_debug() {
        let token = Token::random();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(token.expose()).expect("base64").len(), 32);
        assert!(!token.is(Token::random().expose()) && token.is(token.expose()));
        assert_eq!(format!("{token:?}"), "[redacted]");
        assert!(!token.hash().contains(token.expose()));
    }
}
