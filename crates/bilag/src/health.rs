//! `/livez`: this process turns. `/readyz`: broker and store can be used; a pause is shown there, but
//! does not make it unready, because restarting helps nothing downstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amqp::{StageState, StageStatus, chain};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use sync_store::SyncStore;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::output::Failed;

/// How long the store may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What `/readyz` looks at.
#[derive(Clone)]
pub struct Health {
    /// Each stage of this process.
    pub stages: Vec<Arc<StageStatus>>,
    /// The store, where a stage of this process uses one.
    pub store: Option<Arc<dyn SyncStore>>,
}

/// Takes the address, so that a taken one is told before a message is.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failed> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| Failed::used_wrongly(&format!("BILAG_HEALTH_ADDR {address}"), error))
}

/// Serves until the process ends.
pub fn serve(listener: TcpListener, health: Health) {
    let routes = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(health);
    tokio::spawn(async move {
        if let Err(error) =
            http_server::serve(listener, routes, Duration::ZERO, CancellationToken::new()).await
        {
            tracing::error!(%error, "the health server failed");
        }
    });
}

async fn ready(State(health): State<Health>) -> impl IntoResponse {
    let store = match &health.store {
        Some(store) => answers(store.as_ref()).await,
        None => Ok(()),
    };
    let can_work = |stage: &Arc<StageStatus>| matches!(stage.state(), StageState::Running);
    let ready = store.is_ok() && health.stages.iter().all(can_work);
    let stages: Vec<Value> = health
        .stages
        .iter()
        .map(|stage| {
            json!({ "stage": stage.stage, "broker": stage.state(), "pause": stage.pause(), "lanes": stage.paused_bulkheads(), "scopes": stage.paused_scopes(),
                    "hold": stage.hold(), "inHand": stage.in_flight(), "handled": stage.handled(), "passedOver": stage.passed_over() })
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let store_name = health.store.as_ref().map(|store| store.describe());
    let mut body = json!({ "ready": ready, "stages": stages,
                           "store": { "answers": store.is_ok(), "which": store_name } });
    if let Err(why) = store {
        body["store"]["why"] = why.into();
    }
    (status, [(CONTENT_TYPE, "application/json")], untrusted_text::json(&body.to_string()).into_owned())
}

/// Whether the store answers; why not, where it does not.
async fn answers(store: &dyn SyncStore) -> Result<(), String> {
    match timeout(ANSWERS_WITHIN, store.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(chain(&error)),
        Err(_) => Err(format!("no answer within {} seconds", ANSWERS_WITHIN.as_secs())),
    }
}
