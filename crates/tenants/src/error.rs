//! What is wrong with the tenants' file. Never repeats what stands there, but for names.

use std::fmt;
use std::io;

/// Why there are no tenants.
#[derive(Debug, thiserror::Error)]
pub enum TenantsError {
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

/// One mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong, and what is allowed there.
    pub message: String,
}

/// A value of the file that is of no use where it is needed.
#[derive(Debug, thiserror::Error)]
#[error("{path}:{line}: `{member}` of {} is of no use", Whose(tenant))]
pub struct WrongTenant {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) tenant: String,
    pub(crate) member: &'static str,
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

/// A tenant by its name.
pub(crate) struct Whose<'a>(pub(crate) &'a str);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            crate::read::DEFAULT => f.write_str(crate::read::DEFAULT),
            uid => write!(f, "tenant {uid}"),
        }
    }
}

fn all(path: &str, mistakes: &[Mistake]) -> String {
    let told = mistakes.iter().map(|Mistake { line, message }| format!("{path}:{line}: {message}"));
    told.collect::<Vec<_>>().join("; ")
}
