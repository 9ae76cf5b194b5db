//! The person behind a request, and the forms that only they can send.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::token::Token;
use crate::auth::user::{Role, User};
use crate::error::PageError;

/// The person behind a request. Handlers behind the login extract it; other requests have none.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    user: User,
    csrf: Token,
    session: Option<String>,
    test_label: Option<Arc<str>>,
}

impl Viewer {
    /// Without login, on loopback.
    pub(crate) fn anonymous(role: Role, csrf: &Token) -> Self {
        let user = User { name: "anonymous".to_owned(), role };
        Self { user, csrf: csrf.clone(), session: None, test_label: None }
    }

    pub(crate) fn of(user: User, csrf: Token, session: String) -> Self {
        Self { user, csrf, session: Some(session), test_label: None }
    }

    /// What pages say of where receipts go.
    pub(crate) fn with_test_label(self, test_label: Option<Arc<str>>) -> Self {
        Self { test_label, ..self }
    }

    /// See [`Console::test_label`](crate::Console::test_label).
    pub(crate) fn test_label(&self) -> Option<&str> {
        self.test_label.as_deref()
    }

    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    /// As in the audit log.
    pub(crate) fn name(&self) -> &str {
        &self.user.name
    }

    /// Whether the role includes `role`.
    pub(crate) fn is(&self, role: Role) -> bool {
        self.user.role >= role
    }

    /// # Errors
    /// [`PageError::Forbidden`] unless the role includes `role`.
    pub(crate) fn may(&self, role: Role) -> Result<(), PageError> {
        if self.is(role) { Ok(()) } else { Err(PageError::Forbidden { needs: role }) }
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.session.is_none()
    }

    /// Session id.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// CSRF token of this session's forms; see [`csrf_field`](crate::layout::csrf_field).
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

/// The fields of a form with a valid CSRF token. Every POST handler takes one as its last argument;
/// `CsrfForm<Vec<(String, String)>>` allows repeated fields.
#[derive(Debug)]
pub(crate) struct CsrfForm<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for CsrfForm<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let viewer = Viewer::from_request_parts(&mut parts, state).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), state)
            .await
            .map_err(|_| PageError::Invalid("The form is too large.".to_owned()))?;
        let all: Vec<(String, String)> = fields(&body)?;
        let (_, sent) = all.into_iter().find(|(name, _)| name == "csrf").ok_or(PageError::CsrfMismatch)?;
        if !viewer.csrf().is(&sent) {
            return Err(PageError::CsrfMismatch);
        }
        fields(&body).map(Self)
    }
}

fn fields<T: DeserializeOwned>(body: &Bytes) -> Result<T, PageError> {
    serde_urlencoded::from_bytes(body)
        .map_err(|error| PageError::Invalid(format!("The form has unexpected fields: {error}.")))
}
