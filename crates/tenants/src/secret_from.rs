//! Where a secret is: in an environment variable, or in a file.

use std::path::PathBuf;

use secret::{FileProblem, Secret};

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFrom {
    /// In this environment variable.
    Env(String),
    /// In this file, which is read again when it changes.
    File(PathBuf),
}

/// Why there is no secret. Never repeats it.
#[derive(Debug, thiserror::Error)]
pub enum NoSecret {
    /// Not set, or empty.
    #[error("the environment variable {0} is not set, or empty")]
    NotSet(String),
    /// The file is missing, or holds no credential.
    #[error(transparent)]
    File(#[from] FileProblem),
}

impl SecretFrom {
    /// The secret.
    ///
    /// # Errors
    /// See [`NoSecret`].
    pub fn read(&self) -> Result<Secret, NoSecret> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
                _ => Err(NoSecret::NotSet(name.clone())),
            },
            Self::File(path) => Ok(Secret::file(path)?),
        }
    }
}
