//! Why a TOML file that a setting names cannot be used.

use std::path::Path;
use std::{fmt, io};

use crate::Mistake;

/// Why a TOML file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TomlFileError {
    /// It is not there, or may not be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Where it should be.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It has mistakes.
    #[error("{}", all(path, mistakes))]
    Mistakes {
        /// Where it is.
        path: String,
        /// Each of them, by line.
        mistakes: Vec<Mistake>,
    },
}

fn all(path: &str, mistakes: &[Mistake]) -> String {
    let lines = mistakes.iter().map(|Mistake { line, message }| format!("{path}:{line}: {message}"));
    lines.collect::<Vec<_>>().join("; ")
}

impl TomlFileError {
    /// The file cannot be read.
    pub fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.display().to_string(), source }
    }

    /// The file has mistakes.
    pub fn mistakes(path: &Path, mistakes: Vec<Mistake>) -> Self {
        Self::Mistakes { path: path.display().to_string(), mistakes }
    }
}

/// A [`TomlFileError`] with its cause: the command line prints an error without one.
#[derive(Debug)]
pub struct WithCause(pub TomlFileError);

impl std::error::Error for WithCause {}

impl fmt::Display for WithCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            TomlFileError::Unreadable { source, .. } => write!(f, "{}: {source}", self.0),
            TomlFileError::Mistakes { .. } => write!(f, "{}", self.0),
        }
    }
}
