//! Middleware in front of the pages: the request check, and the login.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::auth::access::AuthMode;
use crate::auth::login::login_path;
use crate::auth::request_guard::RequestGuard;
use crate::auth::session::Sessions;
use crate::auth::viewer::Viewer;
use crate::error::PageError;
use crate::error_page::render_for;
use crate::state::Settings;

/// Identifies the viewer, or redirects to the login.
pub(crate) async fn require_viewer(
    State(sessions): State<Sessions>,
    State(guard): State<Arc<RequestGuard>>,
    State(settings): State<Arc<Settings>>,
    mut request: Request,
    next: Next,
) -> Response {
    let viewer = match &sessions.access.mode {
        AuthMode::Anonymous(role) => Ok(Some(Viewer::anonymous(*role, &guard.csrf))),
        AuthMode::Users(_) | AuthMode::Oidc(_) => sessions.find(request.headers()).await,
    };
    match viewer {
        Ok(Some(viewer)) => {
            let viewer = viewer.with_test_label(settings.test_label.as_ref().map(|label| label.text.clone()));
            request.extensions_mut().insert(viewer.clone());
            render_for(&viewer, next.run(request).await)
        }
        Ok(None) if *request.method() == Method::GET => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            Redirect::to(&login_path(wanted)).into_response()
        }
        Ok(None) => PageError::LoggedOut.into_response(),
        Err(error) => error.into_response(),
    }
}

/// Rejects requests that fail the [`RequestGuard`].
pub(crate) async fn check_request(
    State(guard): State<Arc<RequestGuard>>,
    request: Request,
    next: Next,
) -> Response {
    match guard.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            tracing::warn!(%error, "rejected a request");
            error.into_response()
        }
    }
}
