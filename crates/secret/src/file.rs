//! A credential in a file, as Kubernetes mounts them: a link that is swapped, and so never half written.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::remember;

/// How long what was read is used before the file is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// More than any credential has.
const LARGEST: u64 = 64 * 1024;

/// Why a file holds no credential. Never its content.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// It is not there, or may not be read.
    #[error("the file {path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("the file {path} is empty")]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// What is in it is none.
    #[error(
        "the file {path} must hold one line of text, as a credential is written, without control characters"
    )]
    NoText {
        /// Which.
        path: PathBuf,
    },
}

/// A file, and what it held last.
pub(crate) struct SecretFile {
    path: PathBuf,
    last: Mutex<Last>,
}

struct Last {
    value: Arc<str>,
    version: Version,
    looked_at: Instant,
    /// Whether it was told that the file cannot be used.
    told: bool,
}

/// What tells one content of the file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version(u64, u64, u64, i64, i64);

impl SecretFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, FileProblem> {
        let (version, value) = read(&path)?;
        let last = Last { value, version, looked_at: Instant::now(), told: false };
        Ok(Self { path, last: Mutex::new(last) })
    }

    /// What it holds now, or held last.
    pub(crate) fn read(&self) -> Arc<str> {
        self.read_at(Instant::now())
    }

    fn read_at(&self, now: Instant) -> Arc<str> {
        // Each critical section leaves it whole.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(last.looked_at) < LOOK_EVERY {
            return Arc::clone(&last.value);
        }
        last.looked_at = now;
        let is_same = |meta: &Metadata| version(meta) == last.version;
        if !last.told && fs::metadata(&self.path).is_ok_and(|meta| is_same(&meta)) {
            return Arc::clone(&last.value);
        }
        match read(&self.path) {
            Ok((version, value)) => {
                if value != last.value {
                    tracing::info!(file = %self.path.display(), "a credential was read again from its file");
                }
                *last = Last { value, version, looked_at: now, told: false };
            }
            Err(problem) => {
                if !std::mem::replace(&mut last.told, true) {
                    tracing::warn!(
                        error = &problem as &dyn std::error::Error,
                        "a credential's file cannot be used; the credential that was in it goes on"
                    );
                }
            }
        }
        Arc::clone(&last.value)
    }
}

fn read(path: &Path) -> Result<(Version, Arc<str>), FileProblem> {
    let unreadable = |source| FileProblem::Unreadable { path: path.to_owned(), source };
    // Before the content: a change in between is read once more.
    let meta = fs::metadata(path).map_err(unreadable)?;
    let no_text = || FileProblem::NoText { path: path.to_owned() };
    let bytes = plain_file::read(path, LARGEST).map_err(unreadable)?;
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
    Ok((version(&meta), text.into()))
}

fn version(meta: &Metadata) -> Version {
    Version(meta.dev(), meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::os::unix::fs::symlink;

    use super::*;

    /// What is read each time a second has passed.
    fn later(file: &SecretFile, seconds: &mut u64) -> String {
        *seconds += 2;
        file.read_at(Instant::now() + Duration::from_secs(*seconds)).to_string()
    }

    #[test]
    fn one_line_break_at_the_end_is_no_part_of_it_and_nothing_else_is_cut() {
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
                (Ok(file), Some(value)) => assert_eq!(&*file.read(), value),
                (Err(problem), None) => {
                    let told = format!("{problem} {problem:?}");
                    assert!(told.contains("secret") && !told.contains("hush"), "{told}");
                }
                (opened, _) => panic!("{content:?}: {}", opened.is_ok()),
            }
        }
    }

    #[test]
    fn a_file_that_is_missing_is_told_with_its_name() {
        let Err(problem) = SecretFile::open("/nowhere/a-secret".into()) else { panic!("it opened") };
        assert!(problem.to_string().contains("/nowhere/a-secret"), "{problem}");
        assert!(problem.source().is_some());
    }

    #[test]
    fn a_link_that_is_swapped_is_read_again_and_what_cannot_be_used_is_passed_over() {
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
        assert_eq!(&*file.read(), "first", "not more than once a second");
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
