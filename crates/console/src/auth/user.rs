//! People and their roles.

use std::fmt;
use std::str::FromStr;

/// Permissions; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads, with personal data redacted.
    Viewer,
    /// Reads everything, moves dead letters and pauses stages.
    Operator,
    /// Also edits dead letters.
    Editor,
}

impl Role {
    /// In ascending order.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Editor];

    /// Its name in settings and in the users file.
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

/// Unknown role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role: expected viewer, operator or editor")]
pub struct UnknownRole;

/// An authenticated person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As in the audit log.
    pub name: String,
    /// Of this session.
    pub role: Role,
}

/// 1 to 100 bytes without control characters.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A name quoted for logs, at most 100 characters.
pub(crate) struct InLog<'a>(pub(crate) &'a str);

impl fmt::Display for InLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 100;
        write!(f, "{:?}", self.0.chars().take(MOST).collect::<String>())
    }
}
