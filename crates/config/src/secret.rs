//! Values that are never shown: given as they are, or kept in a file that may change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use thiserror::Error;

use crate::{ReloadedFile, remember};

/// A credential. Its `Debug` is redacted, it has no `Display`, and [`redact_secrets`](crate::redact_secrets)
/// knows its value. Clones of one from a file read it together.
///
/// ```
/// let secret = config::Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "[redacted]");
/// assert_eq!(&*secret.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(Arc<str>),
    File(Arc<SecretFile>),
}

impl Secret {
    /// Hides a value.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        remember(&value);
        Self(Kind::Fixed(value.into()))
    }

    /// The content of a file, without a trailing newline. It is read again when the file changes, at most once a
    /// second and only where it is used. While the file is missing, empty or invalid, its last valid content is
    /// used.
    ///
    /// # Errors
    /// See [`FileProblem`].
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, FileProblem> {
        Ok(Self(Kind::File(Arc::new(SecretFile::open(path.into())?))))
    }

    /// The current value, for the request that needs it and for nothing else.
    pub fn expose(&self) -> Arc<str> {
        match &self.0 {
            Kind::Fixed(value) => Arc::clone(value),
            Kind::File(file) => file.read_at(Instant::now()),
        }
    }

    /// Whether it may change while the process runs.
    pub fn may_change(&self) -> bool {
        matches!(self.0, Kind::File(_))
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// How long a value is used before the file is looked at again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// In bytes.
const MAX_SIZE: u64 = 64 * 1024;

/// Why a file holds no credential. Never contains the file's content.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// It is missing, or the process may not read it.
    #[error("the file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Nothing, or only white space.
    #[error("the file {path} is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// More than one line, control characters, or not UTF-8.
    #[error("the file {path} must hold one line of UTF-8 text without control characters")]
    NoText {
        /// The file.
        path: PathBuf,
    },
}

/// A file, and the last valid credential in it.
struct SecretFile {
    file: ReloadedFile<Arc<str>, FileProblem>,
    last: Mutex<Last>,
}

struct Last {
    value: Arc<str>,
    checked_at: Instant,
    /// Whether the current problem with the file has been logged.
    warned: bool,
}

impl SecretFile {
    fn open(path: PathBuf) -> Result<Self, FileProblem> {
        let file = ReloadedFile::open(path, |path, _| parse(path))?;
        let value = file.current()?;
        Ok(Self { file, last: Mutex::new(Last { value, checked_at: Instant::now(), warned: false }) })
    }

    fn read_at(&self, now: Instant) -> Arc<str> {
        let mut last = self.last.lock();
        if now.saturating_duration_since(last.checked_at) < RELOAD_INTERVAL {
            return Arc::clone(&last.value);
        }
        last.checked_at = now;
        match self.file.current() {
            Ok(value) => {
                if value != last.value {
                    tracing::info!(file = %self.file.path().display(), "a credential was reloaded from its file");
                }
                (last.value, last.warned) = (value, false);
            }
            Err(problem) => {
                if !std::mem::replace(&mut last.warned, true) {
                    tracing::warn!(
                        error = &problem as &dyn std::error::Error,
                        "a credential's file cannot be used; its last valid content stays in use"
                    );
                }
            }
        }
        Arc::clone(&last.value)
    }
}

fn parse(path: &Path) -> Result<Arc<str>, FileProblem> {
    let no_text = || FileProblem::NoText { path: path.to_owned() };
    let bytes = crate::read(path, MAX_SIZE)
        .map_err(|source| FileProblem::Unreadable { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|_| no_text())?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(FileProblem::Empty { path: path.to_owned() });
    }
    if text.chars().any(char::is_control) {
        return Err(no_text());
    }
    remember(text);
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Reads two seconds later each time.
    fn later(file: &SecretFile, seconds: &mut u64) -> String {
        *seconds += 2;
        file.read_at(Instant::now() + Duration::from_secs(*seconds)).to_string()
    }

    #[test]
    fn strips_one_trailing_newline_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        for (content, value) in [
            (&b"hush"[..], Some("hush")),
            (b"hush\n", Some("hush")),
            (b"hush\r\n", Some("hush")),
            (b" hush ", Some(" hush ")),
            ("p\u{e6}ss".as_bytes(), Some("p\u{e6}ss")),
            (b"", None),
            (b"\n", None),
            (b"hush\n\n", None),
            (b"hush\nhush", None),
            (b"\xff\xfe", None),
            (&[b'a'; 70_000], None),
        ] {
            fs::write(&path, content).expect("written");
            match (SecretFile::open(path.clone()), value) {
                (Ok(file), Some(value)) => assert_eq!(&*file.read_at(Instant::now()), value),
                (Err(problem), None) => {
                    let printed = format!("{problem} {problem:?}");
                    assert!(printed.contains("secret") && !printed.contains("hush"), "{printed}");
                }
                (opened, _) => panic!("{content:?}: {}", opened.is_ok()),
            }
        }
    }

    #[test]
    fn names_a_missing_file() {
        let Err(problem) = SecretFile::open("/nowhere/a-secret".into()) else { panic!("it opened") };
        assert!(problem.to_string().contains("/nowhere/a-secret"), "{problem}");
        assert!(problem.source().is_some());
    }

    #[test]
    fn reloads_a_swapped_link_and_keeps_the_last_valid_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        for (mount, content) in [("one", "first\n"), ("two", "other\n"), ("three", "")] {
            fs::create_dir(at(mount)).expect("a folder");
            fs::write(at(mount).join("token"), content).expect("written");
        }
        // The file is a link into `..data`, which is a link that is replaced as a whole.
        let swap = |mount: &str| {
            symlink(mount, at("..data_tmp")).expect("a link");
            fs::rename(at("..data_tmp"), at("..data")).expect("swapped");
        };
        swap("one");
        symlink("..data/token", at("token")).expect("a link");
        let (file, mut seconds) = (SecretFile::open(at("token")).expect("a credential"), 0);
        assert_eq!(later(&file, &mut seconds), "first");
        swap("two");
        assert_eq!(&*file.read_at(Instant::now()), "first", "not more than once a second");
        assert_eq!(later(&file, &mut seconds), "other");
        swap("three");
        assert_eq!(later(&file, &mut seconds), "other", "empty");
        fs::remove_file(at("..data")).expect("removed");
        assert_eq!(later(&file, &mut seconds), "other", "missing");
        swap("one");
        assert_eq!(later(&file, &mut seconds), "first");
        fs::write(at("one").join("token"), "in place").expect("written");
        assert_eq!(later(&file, &mut seconds), "in place");
    }
}
