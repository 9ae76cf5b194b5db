//! The state of the server. Handlers extract the parts that they need.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use events::ReceiptSettled;
use operate::dead_letters::DeadLetterService;
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

/// Makes a receipt's PDF.
pub type RenderDocument =
    Arc<dyn Fn(&ReceiptSettled) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> + Send + Sync>;

/// Tells whether a receipt's PDF contains an e-invoice.
pub type FindEInvoice = Arc<dyn Fn(&ReceiptSettled) -> EInvoice + Send + Sync>;

/// Whether a receipt's PDF contains an e-invoice by EN 16931.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EInvoice {
    /// None is due.
    NotDue,
    /// It does.
    Contained,
    /// It does not, for these reasons.
    Missing(Vec<String>),
    /// One is required, so there is no PDF, for these reasons.
    Refused(Vec<String>),
}

/// Names the test environment that receipts go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestLabel {
    /// The environment, with the tenants whose receipts go there unless all do.
    pub text: Arc<str>,
    /// Whether all receipts go there.
    pub is_of_all: bool,
}

/// Settings of pages.
pub(crate) struct Settings {
    /// Whether editors may edit dead letters.
    pub(crate) allow_edit: bool,
    /// Renders a receipt as the render consumer does.
    pub(crate) render: RenderDocument,
    /// What that makes of the e-invoice.
    pub(crate) e_invoice: FindEInvoice,
    /// What every page says of where receipts go.
    pub(crate) test_label: Option<TestLabel>,
    /// After which a package counts as waiting.
    pub(crate) package_timeout: Duration,
}

impl Settings {
    /// What pages before the login say of where receipts go: nothing unless all go there, and no tenant's name.
    pub(crate) fn test_environment(&self) -> Option<&str> {
        self.test_label.as_ref().filter(|label| label.is_of_all).map(|label| &*label.text)
    }
}
