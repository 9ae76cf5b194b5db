//! Where a secret is: in an environment variable, or in a file.

use std::io;
use std::path::{Path, PathBuf};

use http_client::Secret;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// In this environment variable.
    Env(String),
    /// In this file, but for white space around it.
    File(PathBuf),
}

/// Why there is no secret. Never repeats it.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// Not set, or empty.
    #[error("the environment variable {0} is not set, or empty")]
    NotSet(String),
    /// Not there, or not to be read.
    #[error("the file {} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// Nothing in it.
    #[error("the file {} is empty", .0.display())]
    Empty(PathBuf),
}

impl SecretFrom {
    /// The secret, as it is now.
    ///
    /// # Errors
    /// See [`NoSecret`].
    pub fn read(&self) -> Result<Secret, NoSecret> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
                _ => Err(NoSecret::NotSet(name.clone())),
            },
            Self::File(path) => Self::read_file(path),
        }
    }

    fn read_file(path: &Path) -> Result<Secret, NoSecret> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| NoSecret::Unreadable(path.to_owned(), error))?;
        match text.trim() {
            "" => Err(NoSecret::Empty(path.to_owned())),
            secret => Ok(Secret::new(secret)),
        }
    }
}
