//! Behind the login: nobody gets further who is not known.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::access::{Viewer, Way};
use crate::error::shown;
use crate::server::App;

/// Finds out who looks, and lets them pass.
pub(crate) async fn require_viewer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let viewer = match &app.access.way {
        Way::Anonymous(role) => Viewer::anonymous(*role, &app.door.csrf),
    };
    request.extensions_mut().insert(viewer.clone());
    shown(next.run(request).await, Some(&viewer))
}
