//! The server: settings, routes, shutdown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, ConnectError};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::bus::bus;
use crate::event::Vendor;
use crate::hydrate::Hydrate;
use crate::invoice::{Invoices, Lookup};
use crate::secret::Key;
use crate::state::AppState;
use crate::webhook::handle;

/// Settings of the webhook endpoints.
#[derive(Debug)]
pub struct Ingress {
    /// Connected by [`serve`].
    pub broker: Broker,
    /// Events are published to it; must exist.
    pub exchange: String,
    /// Of Flow's requests; without it Flow has no endpoint.
    pub flow: Option<Key>,
    /// Of Akinon's requests; without it Akinon has no endpoint.
    pub akinon: Option<Key>,
    /// Of the requests of Akinon's OMS for invoices; without it there is no such endpoint.
    pub oms: Option<Key>,
    /// Where these requests wait for their invoice; without it they are answered at once, and the invoice is
    /// written back later.
    pub invoices: Option<Invoices>,
    /// Completes Flow's ids to receipts; without it the ids become dead letters.
    pub hydrate: Option<Hydrate>,
    /// Publishes Flow's ids as they are, for the stage `hydrate` to complete from Flow's API.
    pub hydrate_from_flow: bool,
    /// Of one webhook, hook and confirm included.
    pub timeout: Duration,
    /// Concurrent webhooks; at least 1.
    pub max_concurrent: usize,
}

/// Why serving failed or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The broker's settings are wrong.
    #[error(transparent)]
    Broker(#[from] ConnectError),
    /// The listener failed.
    #[error("cannot listen for webhooks any longer")]
    Listen(#[from] io::Error),
}

/// Serves until `shutdown` is cancelled; webhooks in flight are finished first.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    ingress: Ingress,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let (bus, connector) = bus(ingress.broker);
    let wait = ingress.invoices.as_ref().map_or(Duration::ZERO, |invoices| invoices.wait);
    let grace = ingress.timeout + wait + http_server::HEAD_TIMEOUT;
    let app = Arc::new(AppState {
        bus: bus.clone(),
        exchange: ingress.exchange,
        hydrate: ingress.hydrate,
        hydrate_from_flow: ingress.hydrate_from_flow,
        timeout: ingress.timeout,
        slots: Semaphore::new(ingress.max_concurrent),
        waiting: Semaphore::new(ingress.max_concurrent),
        flow: ingress.flow,
        akinon: ingress.akinon,
        oms: ingress.oms,
        invoices: ingress.invoices.map(Lookup::new),
    });
    let routes = routes(app, ingress.max_concurrent);
    tokio::select! {
        ended = http_server::serve(listener, routes, grace, shutdown) => ended?,
        error = connector.run() => match error {
            Ok(never) => match never {},
            Err(error) => return Err(error.into()),
        },
    }
    bus.close().await;
    Ok(())
}

fn routes(app: Arc<AppState>, max_concurrent: usize) -> Router {
    let ready = move |State(app): State<Arc<AppState>>| ready(app, max_concurrent);
    let mut routes = Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(ready));
    for (vendor, path) in [
        (Vendor::Flow, "/webhooks/flow"),
        (Vendor::Akinon, "/webhooks/akinon"),
        (Vendor::Oms, "/webhooks/akinon/invoice"),
    ] {
        if app.key(vendor).is_some() {
            let handler =
                move |State(app): State<Arc<AppState>>, request: Request| handle(app, vendor, request);
            routes = routes.route(path, post(handler));
        }
    }
    routes.with_state(app)
}

async fn ready(app: Arc<AppState>, max_concurrent: usize) -> (StatusCode, Json<Value>) {
    let in_flight = max_concurrent - app.slots.available_permits();
    match app.bus.unavailable() {
        None => (StatusCode::OK, Json(json!({ "ready": true, "inHand": in_flight }))),
        Some(why) => {
            let body = json!({ "ready": false, "inHand": in_flight, "why": why.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body))
        }
    }
}
