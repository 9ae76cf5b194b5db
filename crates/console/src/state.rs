//! The state of the server. Handlers extract the parts that they need.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use operate::dead_letters::DeadLetterService;
use receipt_pdf::Look;
use sync_store::SyncStore;

use crate::auth::access::Access;
use crate::auth::oidc::PendingLogins;
use crate::auth::rate_limit::LoginLimits;
use crate::auth::request_guard::RequestGuard;
use crate::auth::session::Sessions;
use crate::caches::{Bodies, IndexLag, Reports};
use crate::chain::ChainMonitor;
use crate::clock::Clock;
use crate::jobs::Jobs;

/// Cheap to clone: all parts are shared.
#[derive(Clone, FromRef)]
pub(crate) struct AppState {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) access: Arc<Access>,
    pub(crate) guard: Arc<RequestGuard>,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Arc<LoginLimits>,
    pub(crate) pending: Arc<PendingLogins>,
    pub(crate) dead_letters: Arc<DeadLetterService>,
    pub(crate) chain: Arc<ChainMonitor>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) lag: Arc<IndexLag>,
    pub(crate) bodies: Bodies,
    pub(crate) reports: Arc<Reports>,
    pub(crate) settings: Arc<Settings>,
}

/// The store behind a pointer.
pub(crate) type Store = Arc<dyn SyncStore>;

/// Settings of pages.
pub(crate) struct Settings {
    /// Whether editors may edit dead letters.
    pub(crate) allow_edit: bool,
    /// Template of a tenant's receipts, by tenant uid.
    pub(crate) template_of: Arc<dyn Fn(&str) -> Look + Send + Sync>,
    /// After which a package counts as waiting.
    pub(crate) package_timeout: Duration,
}
