//! The pages, one file each. All are behind the login.

mod chain;

use axum::Router;

use crate::server::App;

/// Every page's routes.
pub(crate) fn routes() -> Router<App> {
    Router::new().merge(chain::routes())
}
