//! People, their roles, and who looks at a page.

use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::PageError;

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

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As the audit log names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Who looks at a page. Every page takes one: only a request that may be answered has it.
#[derive(Clone)]
pub struct Viewer {
    user: User,
    csrf: String,
    anonymous: bool,
}

impl Viewer {
    pub(crate) fn anonymous(role: Role, csrf: &str) -> Self {
        let name = "anonymous".to_owned();
        Self { user: User { name, role }, csrf: csrf.to_owned(), anonymous: true }
    }

    /// Who it is.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// The name, for the audit log.
    pub fn name(&self) -> &str {
        &self.user.name
    }

    /// Whether the role goes so far: what is shown depends on it.
    pub fn is(&self, role: Role) -> bool {
        self.user.role >= role
    }

    /// Demands a role: what is done depends on it.
    ///
    /// # Errors
    /// [`PageError::Forbidden`], which becomes the page that says so.
    pub fn may(&self, role: Role) -> Result<(), PageError> {
        if self.is(role) { Ok(()) } else { Err(PageError::Forbidden { needs: role }) }
    }

    /// Whether it is somebody on this machine, who did not log in.
    pub fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    /// The token that this person's forms carry; see [`csrf_field`](crate::csrf_field).
    pub fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// The token stays out.
impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer").field("user", &self.user).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        parts.extensions.get::<Self>().cloned().ok_or(PageError::LoggedOut)
    }
}
