//! The users file: a few people with their passwords' hashes. It is read again when it changes.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{ReloadedFile, TomlReader, read_text, read_toml};
use sha2::{Digest, Sha256};

use crate::access::password::{is_hash, is_password};
use crate::access::user::{InLog, is_name};
use crate::access::{Role, User};
use crate::hex::hex;

/// The users file.
pub struct UsersFile(ReloadedFile<Arc<[Known]>, UsersFileError>);

/// Somebody in the file. Its `Debug` shows no hash.
pub(crate) struct Known {
    pub(crate) user: User,
    password: String,
}

/// What is wrong with the users file. Names no hash.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UsersFileError {
    /// It is not there, or may not be read.
    #[error("the users file {path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// Others may read or write it.
    #[error("the users file {path} is open to others (mode {mode:o}): chmod 640 or 600")]
    TooOpen {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no list of users.
    #[error("the users file {path}: {problem}")]
    Mistake {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
}

/// In bytes: thousands of people.
const MAX_SIZE: u64 = 1024 * 1024;

impl UsersFile {
    /// Opens it, and says what is wrong with it.
    ///
    /// # Errors
    /// See [`UsersFileError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, UsersFileError> {
        ReloadedFile::open(path, read).map(Self)
    }

    /// Everybody who is in it now.
    pub(crate) fn users(&self) -> Result<Arc<[Known]>, UsersFileError> {
        self.0.current()
    }

    /// Who has this name and this password. As much work for a name that nobody has.
    pub(crate) fn log_in(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Option<(User, String)>, UsersFileError> {
        let users = self.users()?;
        let known = users.iter().find(|known| known.user.name == name);
        let Some(compared) = known.or(users.first()) else { return Ok(None) };
        let right = is_password(password, &compared.password);
        Ok(known.filter(|_| right).map(|known| (known.user.clone(), known.way())))
    }

    /// A name that was typed in, for logs: only where somebody has it. Passwords are typed into the wrong
    /// field.
    pub(super) fn in_log(&self, name: &str) -> String {
        let known = self.users().is_ok_and(|users| users.iter().any(|known| known.user.name == name));
        if known { InLog(name).to_string() } else { "a name that nobody has".to_owned() }
    }

    /// Where it is.
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
    /// How a session says that this password opened it: with another one it ends.
    pub(crate) fn way(&self) -> String {
        format!("password {}", hex(&Sha256::digest(&self.password)[..8]))
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
        Err(problem) => Err(UsersFileError::Mistake { path, problem }),
    }
}

/// Reads the list. Mistakes are told with their line, never with a password.
fn parse(text: &str) -> Result<Vec<Known>, String> {
    let users = read_toml(text, |report, document| {
        let root = TomlReader::new(report, document, 1, "the file");
        let mut users: Vec<Known> = Vec::new();
        for (table, number) in root.tables("user", "a user").into_iter().zip(1..) {
            let user = user(table, number);
            if let Some((line, known)) = user {
                if users.iter().any(|other| other.user.name == known.user.name) {
                    report.add(line, format!("user {number}: the name {} is there twice", known.user.name));
                }
                users.push(known);
            }
        }
        if users.is_empty() && report.is_clean() {
            root.complain("names nobody; add [[user]] with name, role and password");
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
        report.add(name.line, format!("user {number}: a name has 1 to 100 printable characters"));
        return None;
    }
    let named = name.value;
    let role =
        role.value.parse::<Role>().map_err(|error| report.add(role.line, format!("user {named}: {error}")));
    if !is_hash(password.value) {
        let message = format!("user {named}: the password is no hash that `bilag console hash` made");
        report.add(password.line, message);
        return None;
    }
    let user = User { name: named.to_owned(), role: role.ok()? };
    Some((line, Known { user, password: password.value.to_owned() }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::access::hash_password;

    #[test]
    fn what_is_typed_in_for_a_name_is_logged_only_where_somebody_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("users.toml");
        let hash = hash_password("correct horse battery").expect("hashed");
        let text = format!("[[user]]\nname = \"kari\"\nrole = \"viewer\"\npassword = \"{hash}\"\n");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        let file = UsersFile::open(&path).expect("users");
        assert_eq!(file.in_log("kari"), "\"kari\"");
        assert_eq!(file.in_log("correct horse battery"), "a name that nobody has");
        fs::remove_file(&path).expect("removed");
        assert_eq!(file.in_log("kari"), "a name that nobody has", "it cannot be known");
    }

    #[test]
    fn mistakes_are_told_without_hashes() {
        let hash = hash_password("correct horse battery").expect("hashed");
        let user = |name: &str, role: &str, password: &str| {
            format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\npassword = \"{password}\"\n")
        };
        let kari = user("kari", "operator", &hash);
        assert_eq!(parse(&kari).expect("right")[0].user.role, Role::Operator);
        for (text, told) in [
            (String::new(), "names nobody"),
            (user("kari", "boss", &hash), "user kari: no such role"),
            (user("kari", "viewer", "hunter2hunter2"), "user kari: the password is no hash that"),
            (user("", "viewer", &hash), "user 1: a name has"),
            (user(r"a\nb", "viewer", &hash), "user 1: a name has"),
            (format!("{kari}{kari}"), "kari is there twice"),
            (format!("{kari}mail = \"x\"\n"), "unknown key `mail`"),
            (format!("{kari}password = 3\n"), "line"),
            ("[[user]]\nname = 7\n".to_owned(), "line 2"),
        ] {
            let problem = parse(&text).map(|_| ()).expect_err(&text);
            assert!(problem.contains(told), "{problem}");
            assert!(!problem.contains(&hash) && !problem.contains("hunter2"), "{problem}");
        }
        let read = parse(&kari).expect("right");
        assert!(!format!("{read:?}").contains("argon2"), "{read:?}");
    }
}
