//! Behind the login: nobody gets further who is not known.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use crate::PageError;
use crate::access::login::login_path;
use crate::access::{Viewer, Way, session};
use crate::error::shown;
use crate::server::App;

/// Finds out who looks, and lets them pass; sends others to the login.
pub(crate) async fn require_viewer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let viewer = match &app.access.way {
        Way::Anonymous(role) => Ok(Some(Viewer::anonymous(*role, &app.door.csrf))),
        Way::Users(_) | Way::Oidc(_) => session::find(&app, request.headers()).await,
    };
    match viewer {
        Ok(Some(viewer)) => {
            request.extensions_mut().insert(viewer.clone());
            shown(next.run(request).await, Some(&viewer))
        }
        Ok(None) if *request.method() == Method::GET => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            Redirect::to(&login_path(wanted)).into_response()
        }
        Ok(None) => PageError::LoggedOut.into_response(),
        Err(error) => error.into_response(),
    }
}
