//! The users file: names, roles and password hashes.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{ARGON2ID_IDENT, Argon2, Params};
use config::{ReloadedFile, TomlReader, read_text, read_toml};
use sha2::{Digest, Sha256};

use crate::auth::user::{InLog, Role, User, is_name};

/// A TOML file of users with password hashes, read again when it changes.
pub struct UsersFile(ReloadedFile<Arc<[Known]>, UsersFileError>);

/// A user of the file. `Debug` omits the hash.
pub(crate) struct Known {
    pub(crate) user: User,
    password: String,
}

/// What is wrong with the users file; messages contain no hash.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UsersFileError {
    /// Missing, or no permission.
    #[error("the users file {path} cannot be read")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Arc<io::Error>,
    },
    /// Other users of the machine may read or write it.
    #[error("the users file {path} is open to others (mode {mode:o}): chmod 640 or 600")]
    TooOpen {
        /// Of the file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// Not a valid list of users.
    #[error("the users file {path}: {problem}")]
    Invalid {
        /// Of the file.
        path: PathBuf,
        /// With its line or user.
        problem: String,
    },
}

/// Bytes: thousands of users.
const MAX_SIZE: u64 = 1024 * 1024;

impl UsersFile {
    /// Validates the file.
    ///
    /// # Errors
    /// See [`UsersFileError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, UsersFileError> {
        ReloadedFile::open(path, read).map(Self)
    }

    /// Current users.
    pub(crate) fn users(&self) -> Result<Arc<[Known]>, UsersFileError> {
        self.0.current()
    }

    /// The user with this name and password, and how the session is marked. Unknown names take as long.
    pub(crate) fn log_in(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Option<(User, String)>, UsersFileError> {
        let users = self.users()?;
        let known = users.iter().find(|known| known.user.name == name);
        let Some(compared) = known.or(users.first()) else { return Ok(None) };
        let matches = is_password(password, &compared.password);
        Ok(known.filter(|_| matches).map(|known| (known.user.clone(), known.session_mark())))
    }

    /// A submitted name for logs, if it is a user's: passwords are typed into the wrong field.
    pub(super) fn in_log(&self, name: &str) -> String {
        let known = self.users().is_ok_and(|users| users.iter().any(|known| known.user.name == name));
        if known { InLog(name).to_string() } else { "unknown name".to_owned() }
    }

    /// As given to [`open`](Self::open).
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl std::fmt::Debug for UsersFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UsersFile").field(&self.path()).finish()
    }
}

impl Known {
    /// Marks sessions: they end when the password changes.
    pub(crate) fn session_mark(&self) -> String {
        format!("password {}", hex::encode(&Sha256::digest(&self.password)[..8]))
    }
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Known").field(&self.user).finish()
    }
}

fn read(path: &Path, meta: io::Result<Metadata>) -> Result<Arc<[Known]>, UsersFileError> {
    let path = path.to_owned();
    let unreadable = |source| UsersFileError::Unreadable { path: path.clone(), source: Arc::new(source) };
    let mode = meta.map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o037 != 0 {
        return Err(UsersFileError::TooOpen { path, mode });
    }
    let text = read_text(&path, MAX_SIZE).map_err(unreadable)?;
    match parse(&text) {
        Ok(users) => Ok(users.into()),
        Err(problem) => Err(UsersFileError::Invalid { path, problem }),
    }
}

/// Errors name the line or user, and quote no password.
fn parse(text: &str) -> Result<Vec<Known>, String> {
    let users = read_toml(text, |report, document| {
        let root = TomlReader::new(report, document, 1, "the file");
        let mut users: Vec<Known> = Vec::new();
        for (table, number) in root.tables("user", "a user").into_iter().zip(1..) {
            let user = user(table, number);
            if let Some((line, known)) = user {
                if users.iter().any(|other| other.user.name == known.user.name) {
                    report.add(line, format!("user {number}: duplicate name {}", known.user.name));
                }
                users.push(known);
            }
        }
        if users.is_empty() && report.is_clean() {
            root.complain("no users; add [[user]] with name, role and password");
        }
        root.finish();
        users
    });
    users.map_err(|mistakes| {
        let lines = mistakes.iter().map(|mistake| format!("line {}: {}", mistake.line, mistake.message));
        lines.collect::<Vec<_>>().join("; ")
    })
}

fn user(table: TomlReader<'_, '_>, number: usize) -> Option<(usize, Known)> {
    let (report, line) = (table.report(), table.line());
    let texts = ["name", "role", "password"].map(|key| table.required_text(key));
    table.finish();
    let [Some(name), Some(role), Some(password)] = texts else { return None };
    if !is_name(name.value) {
        report.add(name.line, format!("user {number}: the name must have 1 to 100 printable characters"));
        return None;
    }
    let named = name.value;
    let role =
        role.value.parse::<Role>().map_err(|error| report.add(role.line, format!("user {named}: {error}")));
    if !is_hash(password.value) {
        let message = format!("user {named}: the password is not a hash made by `bilag console hash`");
        report.add(password.line, message);
        return None;
    }
    let user = User { name: named.to_owned(), role: role.ok()? };
    Some((line, Known { user, password: password.value.to_owned() }))
}

/// Why a password cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Fewer than 12 characters.
    #[error("a password needs at least 12 characters")]
    TooShort,
    /// The hash function failed.
    #[error("the password could not be hashed")]
    Failed(#[source] password_hash::Error),
}

/// Argon2id hash for the users file.
///
/// # Errors
/// Too short, or longer than the function allows.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    const MIN_LENGTH: usize = 12;
    if password.chars().count() < MIN_LENGTH {
        return Err(HashError::TooShort);
    }
    let salt = SaltString::generate(&mut OsRng);
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt).map_err(HashError::Failed)?;
    Ok(hash.to_string())
}

/// Whether the text is a hash of [`hash_password`]'s cost: another cost would take another time to verify, which
/// reveals whether a name is known.
fn is_hash(text: &str) -> bool {
    let Ok(hash) = PasswordHash::new(text) else { return false };
    let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
    let costs_the_same = Params::try_from(&hash).is_ok_and(|params| cost(&params) == cost(&Params::DEFAULT));
    let size = hash.hash.map(|output| output.len());
    hash.algorithm == ARGON2ID_IDENT && size == Some(Params::DEFAULT_OUTPUT_LEN) && costs_the_same
}

fn is_password(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn logs_only_known_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users.toml");
        let hash = hash_password("correct horse battery").expect("hashed");
        let text = format!("[[user]]\nname = \"kari\"\nrole = \"viewer\"\npassword = \"{hash}\"\n");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        let file = UsersFile::open(&path).expect("users");
        assert_eq!(file.in_log("kari"), "\"kari\"");
        assert_eq!(file.in_log("correct horse battery"), "unknown name");
        fs::remove_file(&path).expect("removed");
        assert_eq!(file.in_log("kari"), "unknown name", "it cannot be known");
    }

    #[test]
    fn rejects_invalid_files_without_quoting_hashes() {
        let hash = hash_password("correct horse battery").expect("hashed");
        let user = |name: &str, role: &str, password: &str| {
            format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\npassword = \"{password}\"\n")
        };
        let kari = user("kari", "operator", &hash);
        assert_eq!(parse(&kari).expect("right")[0].user.role, Role::Operator);
        for (text, expected) in [
            (String::new(), "no users"),
            (user("kari", "boss", &hash), "user kari: unknown role"),
            (user("kari", "viewer", "hunter2hunter2"), "user kari: the password is not a hash"),
            (user("", "viewer", &hash), "user 1: the name must have"),
            (user(r"a\nb", "viewer", &hash), "user 1: the name must have"),
            (format!("{kari}{kari}"), "duplicate name kari"),
            (format!("{kari}mail = \"x\"\n"), "unknown key `mail`"),
            (format!("{kari}password = 3\n"), "line"),
            ("[[user]]\nname = 7\n".to_owned(), "line 2"),
        ] {
            let problem = parse(&text).map(|_| ()).expect_err(&text);
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains(&hash) && !problem.contains("hunter2"), "{problem}");
        }
        let read = parse(&kari).expect("right");
        assert!(!format!("{read:?}").contains("argon2"), "{read:?}");
    }

    #[test]
    fn verifies_passwords_by_salted_hash() {
        let hash = hash_password("correct horse battery").expect("hashed");
        assert!(is_hash(&hash) && hash.starts_with("$argon2id$"), "{hash}");
        assert!(is_password("correct horse battery", &hash));
        assert!(!is_password("correct horse batterY", &hash));
        assert_ne!(hash, hash_password("correct horse battery").expect("hashed"), "each has its own salt");
    }

    #[test]
    fn rejects_short_passwords_and_foreign_hashes() {
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
