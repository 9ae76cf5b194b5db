//! The server: what it needs, its routes, and how it ends.

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

use crate::bus::{Bus, bus};
use crate::heard::Vendor;
use crate::hydrate::Hydrate;
use crate::key::Key;
use crate::take::take;

/// What the endpoints are like.
#[derive(Debug)]
pub struct Ingress {
    /// The broker.
    pub broker: Broker,
    /// The exchange that events are published to; must exist.
    pub exchange: String,
    /// What Flow's requests carry; without it there is no endpoint for Flow.
    pub flow: Option<Key>,
    /// What Akinon's requests carry; without it there is no endpoint for Akinon.
    pub akinon: Option<Key>,
    /// Makes whole receipts of Flow's ids; without it the ids become dead letters.
    pub hydrate: Option<Hydrate>,
    /// How long one webhook may take, the hook and the confirm included.
    pub timeout: Duration,
    /// Webhooks in flight at once; at least 1.
    pub max_concurrent: usize,
}

/// What every request can reach.
pub(crate) struct App {
    pub bus: Bus,
    pub exchange: String,
    pub hydrate: Option<Hydrate>,
    pub timeout: Duration,
    pub places: Semaphore,
    most: usize,
    flow: Option<Key>,
    akinon: Option<Key>,
}

impl App {
    /// What a vendor's requests carry, where it has an endpoint.
    pub fn key(&self, vendor: Vendor) -> Option<&Key> {
        match vendor {
            Vendor::Flow => self.flow.as_ref(),
            Vendor::Akinon => self.akinon.as_ref(),
        }
    }
}

/// Why the endpoints are not, or no longer, served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The broker's settings are wrong.
    #[error(transparent)]
    Broker(#[from] ConnectError),
    /// The listener gave up.
    #[error("webhooks can no longer be listened for")]
    Listen(#[from] io::Error),
}

/// Serves until `stopped` is ready; webhooks in flight are answered first.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    ingress: Ingress,
    stopped: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (bus, keeper) = bus(ingress.broker);
    let grace = ingress.timeout + http_server::HEAD_TIMEOUT;
    let app = Arc::new(App {
        bus: bus.clone(),
        exchange: ingress.exchange,
        hydrate: ingress.hydrate,
        timeout: ingress.timeout,
        places: Semaphore::new(ingress.max_concurrent),
        most: ingress.max_concurrent,
        flow: ingress.flow,
        akinon: ingress.akinon,
    });
    let routes = routes(app);
    tokio::select! {
        ended = http_server::serve(listener, routes, grace, stopped) => ended?,
        error = keeper.keep() => match error {
            Ok(never) => match never {},
            Err(error) => return Err(error.into()),
        },
    }
    bus.close().await;
    Ok(())
}

fn routes(app: Arc<App>) -> Router {
    let mut routes = Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(ready));
    for (vendor, path) in [(Vendor::Flow, "/webhooks/flow"), (Vendor::Akinon, "/webhooks/akinon")] {
        if app.key(vendor).is_some() {
            let handler = move |State(app): State<Arc<App>>, request: Request| take(app, vendor, request);
            routes = routes.route(path, post(handler));
        }
    }
    routes.with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Value>) {
    let in_flight = app.most - app.places.available_permits();
    match app.bus.why_not() {
        None => (StatusCode::OK, Json(json!({ "ready": true, "inHand": in_flight }))),
        Some(why) => {
            let body = json!({ "ready": false, "inHand": in_flight, "why": why.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body))
        }
    }
}
