//! Values that must never be seen: given as they are, or kept in a file that may change.

mod cut;
mod file;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use cut::{cut_secrets, remember};
pub use file::FileProblem;

use crate::file::SecretFile;

/// A credential. Cannot be printed: its `Debug` is redacted and it has no `Display`; and [`cut_secrets`] knows
/// its value. Clones of one from a file read it together.
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

    /// The content of a file, which is read again when it changes: at most once a second, where it is
    /// used. One line break at its end is no part of it. While the file is missing, empty or otherwise
    /// no credential, the last one that was there goes on.
    ///
    /// # Errors
    /// See [`FileProblem`].
    pub fn file(path: impl Into<PathBuf>) -> Result<Self, FileProblem> {
        Ok(Self(Kind::File(Arc::new(SecretFile::open(path.into())?))))
    }

    /// The value as it is now, for the request that needs it and for nothing else.
    pub fn expose(&self) -> Arc<str> {
        match &self.0 {
            Kind::Fixed(value) => Arc::clone(value),
            Kind::File(file) => file.read(),
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
