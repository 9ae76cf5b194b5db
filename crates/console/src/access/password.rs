//! Passwords: hashed with argon2id, compared with what it costs.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{ARGON2ID_IDENT, Argon2, Params};

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// It is short.
    #[error("a password has 12 characters at least")]
    TooShort,
    /// The hash function did not take it.
    #[error("the password could not be hashed")]
    Failed(#[source] password_hash::Error),
}

/// The hash to put into the users file.
///
/// # Errors
/// It has fewer than 12 characters, or more bytes than the function takes.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    const LEAST: usize = 12;
    if password.chars().count() < LEAST {
        return Err(HashError::TooShort);
    }
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(HashError::Failed)?;
    Ok(hash.to_string())
}

/// Whether the text is a hash as [`hash_password`] makes them. One of another cost would take another
/// time to compare with, which tells whether a name is known.
pub(super) fn is_hash(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let costs_the_same = Params::try_from(&hash).is_ok_and(|params| cost(&params) == cost(&Params::DEFAULT));
    let size = hash.hash.map(|output| output.len());
    hash.algorithm == ARGON2ID_IDENT && size == Some(Params::DEFAULT_OUTPUT_LEN) && costs_the_same
}

/// Compares, which takes as long for a wrong password as for the right one.
pub(super) fn is_password(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_alone() {
        let hash = hash_password("correct horse battery").expect("hashed");
        assert!(is_hash(&hash) && hash.starts_with("$argon2id$"), "{hash}");
        assert!(is_password("correct horse battery", &hash));
        assert!(!is_password("correct horse batterY", &hash));
        assert_ne!(hash, hash_password("correct horse battery").expect("hashed"), "each has its own salt");
    }

    #[test]
    fn what_is_short_or_no_hash_is_refused() {
        assert!(matches!(hash_password("elevenchars"), Err(HashError::TooShort)));
        for text in
            ["", "correct horse battery", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "$argon2id$"]
        {
            assert!(!is_hash(text), "{text}");
        }
        let ours = hash_password("correct horse battery").expect("hashed");
        for (part, other) in [("m=19456", "m=19457"), ("t=2", "t=3"), ("p=1", "p=2"), ("argon2id", "argon2d")]
        {
            assert!(ours.contains(part), "{ours}");
            assert!(!is_hash(&ours.replace(part, other)), "{other}");
        }
    }
}
