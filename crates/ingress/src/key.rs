//! Who may send: whoever knows the vendor's secret.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_client::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The shortest secret: what can be guessed is none.
const SHORTEST: usize = 16;

/// A secret that anybody could guess, or that no header can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret has at least {SHORTEST} characters of visible ASCII: make one with openssl rand -hex 32")]
pub struct WeakSecret;

/// What a vendor's requests must carry, as it is now where it is kept in a file. SHA-256 hashes are
/// compared, which takes the same time whatever is compared, its length included.
#[derive(Clone, Debug)]
pub struct Key(Secret);

impl Key {
    /// Reads a secret.
    ///
    /// # Errors
    /// See [`WeakSecret`].
    pub fn new(secret: Secret) -> Result<Self, WeakSecret> {
        let text = secret.expose();
        match text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(secret)),
            false => Err(WeakSecret),
        }
    }

    /// Whether a request carries it: `Authorization: Bearer SECRET`, or basic authentication (RFC 7617)
    /// with any user and the secret as password. Both vendors can be told to send either.
    pub(crate) fn opens(&self, headers: &HeaderMap) -> bool {
        let Some(carried) = carried(headers) else { return false };
        digest(&carried).ct_eq(&digest(self.0.expose().as_bytes())).into()
    }
}

/// What is in the header, whatever it is worth.
fn carried(headers: &HeaderMap) -> Option<Vec<u8>> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = BASE64_STANDARD.decode(rest).ok()?;
    let colon = login.iter().position(|byte| *byte == b':')?;
    Some(login[colon + 1..].to_vec())
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "fjord-and-fell-31";

    #[test]
    fn a_secret_opens_as_bearer_and_as_password_and_nothing_else_does() {
        let key = Key::new(Secret::new(SECRET)).expect("long enough");
        let basic = |login: &str| format!("Basic {}", BASE64_STANDARD.encode(login));
        for (header, opens) in [
            (format!("Bearer {SECRET}"), true),
            (format!("bearer  {SECRET} "), true),
            (basic(&format!("flow:{SECRET}")), true),
            (basic(&format!(":{SECRET}")), true),
            (basic(SECRET), false),
            (basic(&format!("{SECRET}:flow")), false),
            (basic(&format!("flow:x:{SECRET}")), false),
            ("Basic ***".to_owned(), false),
            (format!("Token {SECRET}"), false),
            (SECRET.to_owned(), false),
            (format!("Bearer {SECRET}x"), false),
            (format!("Bearer {}", &SECRET[1..]), false),
            ("Bearer ".to_owned(), false),
            (String::new(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, header.parse().expect("a header"));
            assert_eq!(key.opens(&headers), opens, "{header}");
        }
        assert!(!key.opens(&HeaderMap::new()));
    }

    #[test]
    fn what_can_be_guessed_or_not_be_sent_is_no_secret() {
        for secret in ["", "short", "fifteen-chars-x", "sixteen chars xx", "sixteen-chars-\u{f8}x"] {
            assert_eq!(Key::new(Secret::new(secret)).err(), Some(WeakSecret), "{secret}");
        }
        assert!(Key::new(Secret::new("sixteen-chars-xx")).is_ok());
    }
}
