//! The secret that a vendor's requests must carry, and its rotation.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_client::Secret;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::event::Vendor;

/// Characters.
const MIN_LENGTH: usize = 16;

/// The old and the new one during rotation.
const MAX_SECRETS: usize = 2;

/// The secret can be guessed, cannot be sent in a header, or there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret needs at least {MIN_LENGTH} characters of visible ASCII: make one with openssl rand -hex 32; during \
     rotation there may be {MAX_SECRETS}, separated by a space"
)]
pub struct WeakSecret;

/// The current secret of a vendor, read again from its file: one, or two separated by white space, of which
/// either is accepted. SHA-256 hashes are compared in constant time, whatever the length.
pub struct Key {
    vendor: Vendor,
    /// The only user of basic authentication; `None` accepts any, and a bearer token.
    username: Option<Secret>,
    secret: Secret,
    last: Mutex<LastUsable>,
}

/// The last usable content of the file.
struct LastUsable {
    hashes: Vec<Hash>,
    /// Whether the log has a warning that the current content is unusable.
    warned: bool,
}

type Hash = [u8; 32];

impl Key {
    /// Parses one secret, or two.
    ///
    /// # Errors
    /// See [`WeakSecret`].
    pub fn new(vendor: Vendor, secret: Secret) -> Result<Self, WeakSecret> {
        let last = LastUsable { hashes: hashes(&secret.expose())?, warned: false };
        Ok(Self { vendor, username: None, secret, last: Mutex::new(last) })
    }

    /// The same, for basic authentication with this user alone.
    ///
    /// # Errors
    /// See [`WeakSecret`].
    pub fn with_username(vendor: Vendor, username: Secret, secret: Secret) -> Result<Self, WeakSecret> {
        Ok(Self { username: Some(username), ..Self::new(vendor, secret)? })
    }

    /// Whether a request carries it: `Authorization: Bearer SECRET`, or basic authentication (RFC 7617) with any
    /// user and the secret as password. Both vendors can be configured for either.
    pub(crate) fn accepts(&self, headers: &HeaderMap) -> bool {
        let Some((user, carried)) = carried(headers) else { return false };
        let is_user = match (&self.username, user) {
            (None, _) => Choice::from(1),
            (Some(_), None) => Choice::from(0),
            (Some(username), Some(user)) => hash(username.expose().as_bytes()).ct_eq(&hash(&user)),
        };
        let carried = hash(&carried);
        let hashes = self.hashes();
        let accepts = hashes.iter().fold(Choice::from(0), |accepts, hash| accepts | hash.ct_eq(&carried));
        (accepts & is_user).into()
    }

    fn hashes(&self) -> Vec<Hash> {
        let now = hashes(&self.secret.expose());
        let mut last = self.last.lock();
        match now {
            Ok(hashes) => *last = LastUsable { hashes, warned: false },
            Err(problem) => {
                if !std::mem::replace(&mut last.warned, true) {
                    let vendor = self.vendor;
                    tracing::warn!(
                        ?vendor,
                        error = &problem as &dyn std::error::Error,
                        "the webhook secret was changed to an unusable one; the previous one stays valid"
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
        |secret: &&str| secret.len() >= MIN_LENGTH && secret.bytes().all(|byte| byte.is_ascii_graphic());
    match (1..=MAX_SECRETS).contains(&secrets.len()) && secrets.iter().all(is_strong) {
        true => Ok(secrets.iter().map(|secret| hash(secret.as_bytes())).collect()),
        false => Err(WeakSecret),
    }
}

/// The user, where there is one, and the secret in the header, unchecked.
fn carried(headers: &HeaderMap) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, rest.as_bytes().to_vec()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let login = BASE64_STANDARD.decode(rest).ok()?;
    let colon = login.iter().position(|byte| *byte == b':')?;
    Some((Some(login[..colon].to_vec()), login[colon + 1..].to_vec()))
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
    fn accepts_secret_as_bearer_or_password_only() {
        let key = key(SECRET).expect("long enough");
        let basic = |login: &str| format!("Basic {}", BASE64_STANDARD.encode(login));
        for (header, accepted) in [
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
            assert_eq!(key.accepts(&headers), accepted, "{header}");
        }
        assert!(!key.accepts(&HeaderMap::new()));
    }

    #[test]
    fn accepts_only_its_user_where_there_is_one() {
        let key =
            Key::with_username(Vendor::Oms, Secret::new("oms"), Secret::new(SECRET)).expect("long enough");
        let basic = |login: &str| {
            let mut headers = HeaderMap::new();
            let value = format!("Basic {}", BASE64_STANDARD.encode(login));
            headers.insert(header::AUTHORIZATION, value.parse().expect("a header"));
            headers
        };
        assert!(key.accepts(&basic(&format!("oms:{SECRET}"))));
        for login in
            [format!("other:{SECRET}"), format!(":{SECRET}"), format!("oms:{OTHER}"), "oms:".to_owned()]
        {
            assert!(!key.accepts(&basic(&login)), "{login}");
        }
        assert!(!key.accepts(&bearer(SECRET)));
    }

    #[test]
    fn accepts_either_secret_during_rotation() {
        for between in [" ", "\t", "\n", "  "] {
            let both = format!("{SECRET}{between}{OTHER}");
            let key = key(&both).expect("two are fine");
            assert!(key.accepts(&bearer(SECRET)) && key.accepts(&bearer(OTHER)), "{between:?}");
            assert!(!key.accepts(&bearer(&format!("{SECRET} {OTHER}"))), "{between:?}");
            assert!(!key.accepts(&bearer("neither-of-the-two")), "{between:?}");
        }
        assert!(!key(SECRET).expect("one is fine").accepts(&bearer(OTHER)));
    }

    #[test]
    fn rejects_weak_and_unsendable_secrets() {
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

    /// Polls: the file is read once a second.
    fn until(what: &str, is_so: impl Fn() -> bool) {
        let begun = std::time::Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn follows_rotation_in_a_file_and_ignores_weak_secrets() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        let write = |content: &str| std::fs::write(&path, content).expect("written");
        write(SECRET);
        let secret = Secret::file(path.clone()).expect("a credential");
        let key = Key::new(Vendor::Flow, secret.clone()).expect("long enough");
        assert!(key.accepts(&bearer(SECRET)) && !key.accepts(&bearer(OTHER)));
        write(&format!("{SECRET} {OTHER}\n"));
        until("the new one opens", || key.accepts(&bearer(OTHER)));
        assert!(key.accepts(&bearer(SECRET)), "the old one still does");
        write("weak");
        until("the weak one is read", || &*secret.expose() == "weak");
        assert!(!key.accepts(&bearer("weak")));
        assert!(key.accepts(&bearer(SECRET)) && key.accepts(&bearer(OTHER)), "what was there goes on");
        write(OTHER);
        until("the old one is out", || !key.accepts(&bearer(SECRET)));
        assert!(key.accepts(&bearer(OTHER)));
    }
}
