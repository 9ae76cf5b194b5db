//! The server: what it needs, its routes, and how it is run.

use std::collections::HashMap;
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay, Management};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use futures_util::FutureExt;
use receipt_pdf::Look;
use sync_store::SyncStore;
use tokio::net::TcpListener;

use crate::access::{self, Access, AccessError, Attempts, Comparing, Door, PendingLogins};
use crate::chain::ChainNumbers;
use crate::clock::Clock;
use crate::jobs::Jobs;
use crate::pages::{LagSeen, LastReport, WholeDeadLetters};
use crate::{assets, error, headers, pages};

/// What the pages show, and who may look.
#[derive(Clone)]
pub struct Console {
    /// The store of the consumers.
    pub store: Arc<dyn SyncStore>,
    /// The broker of the consumers.
    pub broker: Broker,
    /// The broker's management API, where it is on.
    pub management: Option<Management>,
    /// Every stage of the chain, in the order in which a receipt meets them.
    pub stages: Vec<operate::Stage>,
    /// Why a stage is not in use, by its name, for those that are not.
    pub off: HashMap<&'static str, &'static str>,
    /// The retry queues.
    pub delays: Vec<Delay>,
    /// Who may look, and what they may do.
    pub access: Access,
    /// Tells sessions when they end.
    pub clock: Clock,
    /// Whether editors may change what is in dead letters.
    pub allow_edit: bool,
    /// How the receipts of a tenant look, by its uid: as the render consumer makes them.
    pub look: Arc<dyn Fn(&str) -> Look + Send + Sync>,
    /// How long an invoice service may take before a package counts as waiting.
    pub patience: Duration,
}

/// What every handler can reach: the [`Console`], and what it keeps while it runs. Clones share it.
#[derive(Clone)]
pub struct App(Arc<Running>);

/// A console that is being served.
pub struct Running {
    console: Console,
    pub(crate) door: Door,
    pub(crate) chain: ChainNumbers,
    pub(crate) attempts: Attempts,
    pub(crate) pending: PendingLogins,
    pub(crate) comparing: Comparing,
    pub(crate) jobs: Jobs,
    pub(crate) lag: LagSeen,
    pub(crate) whole: WholeDeadLetters,
    pub(crate) report: LastReport,
}

impl Deref for Running {
    type Target = Console;
    fn deref(&self) -> &Console {
        &self.console
    }
}

impl Deref for App {
    type Target = Running;
    fn deref(&self) -> &Running {
        &self.0
    }
}

/// Why the pages are not, or no longer, served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Who may look does not go with where it is listened.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The listener gave up.
    #[error("the console can no longer listen")]
    Listen(#[from] io::Error),
}

/// How long jobs may take to finish what they have in flight when the end comes.
const LAST_LETTERS: Duration = Duration::from_secs(20);

/// How long requests may take that are being answered when the end comes.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Serves until `stopped` is ready; requests that are being answered are answered first, within ten
/// seconds, and jobs finish what they have in flight, within twenty.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    console: Console,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    console.access.check(address)?;
    let door = Door::new(&console.access, address);
    let app = App(Arc::new(Running {
        chain: ChainNumbers::new(console.broker.clone(), console.management.clone()),
        console,
        door,
        attempts: Attempts::default(),
        pending: PendingLogins::default(),
        comparing: Comparing::default(),
        jobs: Jobs::default(),
        lag: LagSeen::default(),
        whole: WholeDeadLetters::default(),
        report: LastReport::default(),
    }));
    let stopped = stopped.shared();
    let letters = async {
        stopped.clone().await;
        app.jobs.close();
        app.jobs.ended(LAST_LETTERS).await;
        Ok(())
    };
    let answers = http_server::serve(listener, router(app.clone()), LAST_ANSWERS, stopped.clone());
    tokio::try_join!(answers, letters)?;
    app.chain.close().await;
    Ok(())
}

/// From the outside in: headers on every answer, errors as pages, the door, and behind it what needs
/// no login, then everything else.
fn router(app: App) -> Router {
    let behind_login = pages::routes()
        .merge(access::logout_routes())
        .layer(from_fn_with_state(app.clone(), access::require_viewer));
    Router::new()
        .merge(behind_login)
        .merge(access::routes())
        .merge(assets::routes())
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::form_only)
        .layer(from_fn_with_state(app.clone(), access::through_the_door))
        .layer(from_fn(error::as_pages))
        .layer(from_fn_with_state(app.clone(), headers::set))
        .with_state(app)
}
