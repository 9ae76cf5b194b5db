//! The server: settings, routes, shutdown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay, Management};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use operate::dead_letters::DeadLetterService;
use sync_store::SyncStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::auth::access::{Access, AccessError};
use crate::auth::login;
use crate::auth::middleware::{check_request, require_viewer};
use crate::auth::request_guard::RequestGuard;
use crate::auth::session::Sessions;
use crate::chain::ChainMonitor;
use crate::clock::Clock;
use crate::jobs::Jobs;
use crate::state::{AppState, FindEInvoice, RenderDocument, Settings, TestLabel};
use crate::{assets, error_page, pages};

/// Settings of the console.
#[derive(Clone)]
pub struct Console {
    /// Shared with the consumers.
    pub store: Arc<dyn SyncStore>,
    /// Shared with the consumers.
    pub broker: Broker,
    /// Management API of the broker, if enabled.
    pub management: Option<Management>,
    /// In the order in which a receipt passes them.
    pub stages: Vec<operate::Stage>,
    /// Retry queues.
    pub delays: Vec<Delay>,
    /// Who may use it.
    pub access: Access,
    /// For sessions and ages.
    pub clock: Clock,
    /// Whether editors may edit dead letters.
    pub allow_edit: bool,
    /// Renders a receipt as the render consumer does.
    pub render: RenderDocument,
    /// Tells of the e-invoice in it.
    pub e_invoice: FindEInvoice,
    /// Names the test environment that receipts go to, where they do; every page shows it.
    pub test_label: Option<TestLabel>,
    /// Time for the invoice service, after which a package counts as waiting.
    pub package_timeout: Duration,
}

/// Why serving failed or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Access and listening address contradict each other.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The listener failed.
    #[error("the console cannot listen any longer")]
    Listen(#[from] io::Error),
}

/// For jobs to finish what they have in flight at shutdown.
const JOBS_GRACE: Duration = Duration::from_secs(20);

/// For requests in flight at shutdown.
const REQUESTS_GRACE: Duration = Duration::from_secs(10);

/// Serves until `shutdown` is cancelled, then finishes requests within 10 seconds, and what jobs have in flight
/// within 20.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    console: Console,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    console.access.check(address)?;
    let Console { store, broker, stages, delays, clock, .. } = console;
    let guard = RequestGuard::new(&console.access, address);
    let access = Arc::new(console.access);
    let dead_letters = Arc::new(DeadLetterService { store: Arc::clone(&store), broker, stages, delays });
    let state = AppState {
        sessions: Sessions { store: Arc::clone(&store), access: Arc::clone(&access), clock: clock.clone() },
        chain: Arc::new(ChainMonitor::new(Arc::clone(&dead_letters), console.management, clock.clone())),
        jobs: Arc::new(Jobs::new(Arc::clone(&dead_letters), clock.clone())),
        settings: Arc::new(Settings {
            allow_edit: console.allow_edit,
            render: console.render,
            e_invoice: console.e_invoice,
            test_label: console.test_label,
            package_timeout: console.package_timeout,
        }),
        guard: Arc::new(guard),
        limits: Arc::default(),
        pending: Arc::default(),
        lag: Arc::default(),
        bodies: Default::default(),
        reports: Arc::default(),
        store,
        clock,
        access,
        dead_letters,
    };
    let (jobs, chain) = (Arc::clone(&state.jobs), Arc::clone(&state.chain));
    let requests = http_server::serve(listener, router(state), REQUESTS_GRACE, shutdown.clone());
    let jobs = async {
        shutdown.cancelled().await;
        jobs.shut_down(JOBS_GRACE).await;
        Ok(())
    };
    tokio::try_join!(requests, jobs)?;
    chain.close().await;
    Ok(())
}

/// Layers from the outside in: headers, error pages, request check, login.
fn router(state: AppState) -> Router {
    let behind_login = pages::routes()
        .merge(login::logout_routes())
        .layer(from_fn_with_state(state.clone(), require_viewer));
    Router::new()
        .merge(behind_login)
        .merge(login::routes())
        .merge(assets::routes())
        .fallback(error_page::not_found)
        .method_not_allowed_fallback(error_page::method_not_allowed)
        .layer(from_fn_with_state(state.clone(), check_request))
        .layer(from_fn_with_state(state.clone(), error_page::render_errors))
        .layer(from_fn_with_state(state.clone(), set_headers))
        .with_state(state)
}

/// Nothing inline, nothing from other origins. Frames show PDFs of this server.
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                   connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'self'";

/// `no-referrer` would make browsers hide the origin of our own forms, which is checked.
const REFERRERS: &str = "same-origin";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, CSP),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, REFERRERS),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Security headers of every response; a response's own take precedence. Uncached unless it says otherwise.
async fn set_headers(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if access.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}
