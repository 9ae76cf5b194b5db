//! The users file: a few people with their passwords' hashes. It is read again when it changes.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::access::password::{is_hash, is_password};
use crate::access::user::{InLog, is_name};
use crate::access::{Role, User};
use crate::hex::hex;

/// The users file.
#[derive(Debug)]
pub struct UsersFile {
    path: PathBuf,
    read: Mutex<Option<(Version, Arc<[Known]>)>>,
}

/// Somebody in the file. Its `Debug` shows no hash.
pub(crate) struct Known {
    pub(crate) user: User,
    password: String,
}

/// What tells one content of the file from another.
type Version = (u64, u64, i64, i64);

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    user: Vec<WrittenUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: String,
    role: String,
    password: String,
}

/// The largest file, in bytes: thousands of people.
const MOST: u64 = 1024 * 1024;

impl UsersFile {
    /// Opens it, and says what is wrong with it.
    ///
    /// # Errors
    /// See [`UsersFileError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, UsersFileError> {
        let file = Self { path: path.into(), read: Mutex::default() };
        file.users().map(|_| file)
    }

    /// Everybody who is in it now.
    pub(crate) fn users(&self) -> Result<Arc<[Known]>, UsersFileError> {
        let meta = fs::metadata(&self.path).map_err(|source| self.unreadable(source))?;
        let version = (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec());
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, users)) = &*read
            && *known == version
        {
            return Ok(users.clone());
        }
        *read = None;
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o037 != 0 {
            return Err(UsersFileError::TooOpen { path: self.path.clone(), mode });
        }
        let text = plain_file::read_text(&self.path, MOST).map_err(|source| self.unreadable(source))?;
        let users: Arc<[Known]> = parse(&text)
            .map_err(|problem| UsersFileError::Mistake { path: self.path.clone(), problem })?
            .into();
        *read = Some((version, users.clone()));
        Ok(users)
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
        &self.path
    }

    fn unreadable(&self, source: io::Error) -> UsersFileError {
        UsersFileError::Unreadable { path: self.path.clone(), source: Arc::new(source) }
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

/// Reads the list. A mistake is told with its line and without what stands there.
fn parse(text: &str) -> Result<Vec<Known>, String> {
    let written: Written = toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
        format!("line {line}: {}", error.message())
    })?;
    let mut users: Vec<Known> = Vec::new();
    for (i, WrittenUser { name, role, password }) in written.user.into_iter().enumerate() {
        let number = i + 1;
        if !is_name(&name) {
            return Err(format!("user {number}: a name has 1 to 100 printable characters"));
        }
        if users.iter().any(|known| known.user.name == name) {
            return Err(format!("user {number}: the name {name} is there twice"));
        }
        let role: Role = role.parse().map_err(|error| format!("user {name}: {error}"))?;
        if !is_hash(&password) {
            return Err(format!("user {name}: the password is no hash that `bilag console hash` made"));
        }
        users.push(Known { user: User { name, role }, password });
    }
    if users.is_empty() {
        return Err("it names nobody; add [[user]] with name, role and password".to_owned());
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
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
            (format!("{kari}mail = \"x\"\n"), "unknown field"),
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
