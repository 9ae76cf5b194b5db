//! Errors of requests, and their status.

use std::sync::Arc;

use amqp::{BoxError, chain};
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use sync_store::StoreError;

use crate::auth::user::Role;
use crate::auth::users_file::UsersFileError;

/// Why a request failed. [`error_page`](crate::error_page) renders it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// A sentence says what was not found, and where to look.
    #[error("{0}")]
    NotFound(&'static str),
    /// The address accepts POST only.
    #[error("this address accepts forms only")]
    FormOnly,
    /// A sentence says what is invalid.
    #[error("{0}")]
    Invalid(String),
    /// Missing role.
    #[error("this needs the role {needs}")]
    Forbidden {
        /// The lowest role that is allowed.
        needs: Role,
    },
    /// No session, and the request cannot be redirected to the login.
    #[error("not logged in")]
    LoggedOut,
    /// Missing or wrong CSRF token.
    #[error("the form is not of this session")]
    CsrfMismatch,
    /// The form was sent by another site, or the browser does not say.
    #[error("the form was not sent by a page of this console")]
    CrossSite,
    /// The `Host` is not the console's.
    #[error("the request was for another host than {expected}")]
    WrongHost {
        /// Its URL.
        expected: String,
    },
    /// Forwarded by a proxy that the console does not know of.
    #[error("the request came through a proxy, and BILAG_CONSOLE_URL is not set")]
    UnexpectedProxy,
    /// Too many failed logins.
    #[error("too many failed logins")]
    RateLimited {
        /// Seconds.
        wait: u64,
    },
    /// Too many concurrent logins.
    #[error("too many concurrent logins")]
    LoginQueueFull,
    /// The store is unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The users file is unreadable.
    #[error(transparent)]
    Users(UsersFileError),
    /// The login failed other than by a wrong password.
    #[error("the login failed")]
    Login(#[source] BoxError),
}

impl PageError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::FormOnly => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::LoggedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. }
            | Self::CsrfMismatch
            | Self::CrossSite
            | Self::UnexpectedProxy
            | Self::Login(_) => StatusCode::FORBIDDEN,
            Self::WrongHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::RateLimited { .. } | Self::LoginQueueFull => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(_) | Self::Users(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error in a response's extensions, to be rendered for the viewer.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) Arc<PageError>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::warn!(error = chain(&self), "a request failed");
        }
        let mut response = self.status().into_response();
        if let Self::RateLimited { wait } = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
        }
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}
