//! Who may send: whoever knows the vendor's secret, or the one that takes its place.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_client::Secret;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::heard::Vendor;

/// The shortest secret: what can be guessed is none.
const SHORTEST: usize = 16;

/// The old one and the new one, while the vendor goes over from one to the other.
const MOST: usize = 2;

/// A secret that anybody could guess, or that no header can carry, or too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret has at least {SHORTEST} characters of visible ASCII: make one with openssl rand -hex 32; while \
     it is replaced there may be {MOST}, with a space between them"
)]
pub struct WeakSecret;

/// What a vendor's requests must carry, as it is now where it is kept in a file: one secret, or two with
/// white space between them, of which either opens. SHA-256 hashes are compared, which takes the same
/// time whatever is compared, its length included.
pub struct Key {
    vendor: Vendor,
    secret: Secret,
    last: Mutex<Last>,
}

/// What it was when it could be used last.
struct Last {
    hashes: Vec<Hash>,
    /// Whether it was told that what is there now cannot be used.
    told: bool,
}

type Hash = [u8; 32];

impl Key {
    /// Reads a vendor's secret, or its two.
    ///
    /// # Errors
    /// See [`WeakSecret`].
    pub fn new(vendor: Vendor, secret: Secret) -> Result<Self, WeakSecret> {
        let last = Last { hashes: hashes(&secret.expose())?, told: false };
        Ok(Self { vendor, secret, last: Mutex::new(last) })
    }

    /// Whether a request carries one: `Authorization: Bearer SECRET`, or basic authentication (RFC 7617)
    /// with any user and the secret as password. Both vendors can be told to send either.
    pub(crate) fn opens(&self, headers: &HeaderMap) -> bool {
        let Some(carried) = carried(headers) else { return false };
        let carried = hash(&carried);
        let hashes = self.hashes();
        hashes.iter().fold(Choice::from(0), |opens, hash| opens | hash.ct_eq(&carried)).into()
    }

    /// Those of the secrets as they are now, or were when they could be used last.
    fn hashes(&self) -> Vec<Hash> {
        let now = hashes(&self.secret.expose());
        // Each critical section leaves it whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match now {
            Ok(hashes) => *last = Last { hashes, told: false },
            Err(problem) => {
                if !std::mem::replace(&mut last.told, true) {
                    let vendor = self.vendor;
                    tracing::warn!(
                        ?vendor,
                        error = &problem as &dyn std::error::Error,
                        "the webhooks' secret was changed to what cannot be used; what was there goes on"
                    );
                }
            }
        }
        last.hashes.clone()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("vendor", &self.vendor).finish_non_exhaustive()
    }
}

fn hashes(text: &str) -> Result<Vec<Hash>, WeakSecret> {
    let secrets: Vec<_> = text.split_whitespace().collect();
    let is_strong =
        |secret: &&str| secret.len() >= SHORTEST && secret.bytes().all(|byte| byte.is_ascii_graphic());
    match (1..=MOST).contains(&secrets.len()) && secrets.iter().all(is_strong) {
        true => Ok(secrets.iter().map(|secret| hash(secret.as_bytes())).collect()),
        false => Err(WeakSecret),
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

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "fjord-and-fell-31";
    const OTHER: &str = "birch-and-pine-32";

    fn key(secret: &str) -> Result<Key, WeakSecret> {
        Key::new(Vendor::Flow, Secret::new(secret))
    }

    fn bearer(secret: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {secret}").parse().expect("a header"));
        headers
    }

    #[test]
    fn a_secret_opens_as_bearer_and_as_password_and_nothing_else_does() {
        let key = key(SECRET).expect("long enough");
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
    fn of_two_secrets_either_opens_and_both_together_do_not() {
        for between in [" ", "\t", "\n", "  "] {
            let both = format!("{SECRET}{between}{OTHER}");
            let key = key(&both).expect("two are fine");
            assert!(key.opens(&bearer(SECRET)) && key.opens(&bearer(OTHER)), "{between:?}");
            assert!(!key.opens(&bearer(&format!("{SECRET} {OTHER}"))), "{between:?}");
            assert!(!key.opens(&bearer("neither-of-the-two")), "{between:?}");
        }
        assert!(!key(SECRET).expect("one is fine").opens(&bearer(OTHER)));
    }

    #[test]
    fn what_can_be_guessed_or_not_be_sent_is_no_secret() {
        for secret in [
            "",
            " ",
            "short",
            "fifteen-chars-x",
            "sixteen chars xx",
            "sixteen-chars-\u{f8}x",
            "sixteen-chars-xx short",
            "short sixteen-chars-xx",
            "sixteen-chars-x1 sixteen-chars-x2 sixteen-chars-x3",
        ] {
            assert_eq!(key(secret).err(), Some(WeakSecret), "{secret}");
        }
        assert!(key("sixteen-chars-xx").is_ok());
        let shown = format!("{:?}", key(SECRET));
        assert!(shown.contains("Flow") && !shown.contains(SECRET), "{shown}");
    }

    /// The file is looked at once a second: reads until what it holds now is seen.
    fn until(what: &str, is_so: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn a_file_goes_from_the_old_secret_by_both_to_the_new_one_and_never_to_a_weak_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let write = |content: &str| std::fs::write(&path, content).expect("written");
        write(SECRET);
        let secret = Secret::file(path.clone()).expect("a credential");
        let key = Key::new(Vendor::Flow, secret.clone()).expect("long enough");
        assert!(key.opens(&bearer(SECRET)) && !key.opens(&bearer(OTHER)));
        write(&format!("{SECRET} {OTHER}\n"));
        until("the new one opens", || key.opens(&bearer(OTHER)));
        assert!(key.opens(&bearer(SECRET)), "the old one still does");
        write("weak");
        until("the weak one is read", || &*secret.expose() == "weak");
        assert!(!key.opens(&bearer("weak")));
        assert!(key.opens(&bearer(SECRET)) && key.opens(&bearer(OTHER)), "what was there goes on");
        write(OTHER);
        until("the old one is out", || !key.opens(&bearer(SECRET)));
        assert!(key.opens(&bearer(OTHER)));
    }
}
