//! People, and who looks at a page.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::PageError;
use crate::access::{Role, Token};

/// Somebody who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As the audit log names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Who looks at a page. Every page takes one: only a request that may be answered has it.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    user: User,
    csrf: Token,
    session: Option<String>,
}

impl Viewer {
    /// Somebody on this machine, who did not log in.
    pub(crate) fn anonymous(role: Role, csrf: &Token) -> Self {
        let user = User { name: "anonymous".to_owned(), role };
        Self { user, csrf: csrf.clone(), session: None }
    }

    /// Who has this session.
    pub(crate) fn of(user: User, csrf: Token, session: String) -> Self {
        Self { user, csrf, session: Some(session) }
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
        self.session.is_none()
    }

    /// The id of the session.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The token that this person's forms carry; see [`csrf_field`](crate::csrf_field).
    pub(crate) fn csrf(&self) -> &Token {
        &self.csrf
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        parts.extensions.get::<Self>().cloned().ok_or(PageError::LoggedOut)
    }
}

/// Whether it can be shown as a name: 1 to 100 bytes, and nothing that moves a cursor.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Names in logs stay in their line.
pub(crate) struct InLog<'a>(pub(crate) &'a str);

impl fmt::Display for InLog<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 100;
        write!(f, "{:?}", self.0.chars().take(MOST).collect::<String>())
    }
}
