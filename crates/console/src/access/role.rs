//! What somebody may do.

use std::fmt;
use std::str::FromStr;

/// What somebody may do. Each may also do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Looks; personal data is masked.
    Viewer,
    /// Sees everything, and moves dead letters.
    Operator,
    /// Also changes what is in them.
    Editor,
}

impl Role {
    /// Every role, from the least on.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Editor];

    /// As settings and the users file have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Editor => "editor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such role: use viewer, operator or editor")]
pub struct UnknownRole;
