//! `bilag ingress`: the vendors' webhooks, onto the bus.

use ingress::{Hydrate, HydrateConfig, Ingress, Key, Secret};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::IngressArgs;
use crate::output::{Failed, say};
use crate::telemetry;

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: IngressArgs) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.logs)?;
    let flow = key("BILAG_INGRESS_FLOW_SECRET", args.ingress_flow_secret.as_deref())?;
    let akinon = key("BILAG_INGRESS_AKINON_SECRET", args.ingress_akinon_secret.as_deref())?;
    if flow.is_none() && akinon.is_none() {
        return Err(Failed::plainly_used_wrongly(
            "no vendor has an endpoint: set BILAG_INGRESS_FLOW_SECRET, BILAG_INGRESS_AKINON_SECRET, or both",
        ));
    }
    let endpoints = [(&flow, "/webhooks/flow"), (&akinon, "/webhooks/akinon")];
    let endpoints = endpoints.iter().filter(|(key, _)| key.is_some()).map(|(_, path)| *path);
    let endpoints = endpoints.collect::<Vec<_>>().join(" and ");
    let ingress = Ingress {
        broker: args.broker.broker("ingress")?,
        exchange: args.broker.bus_exchange.clone(),
        flow,
        akinon,
        hydrate: hydrate(&args)?,
        timeout: args.ingress_timeout.duration(),
        max_concurrent: args.ingress_max_concurrent_requests.into(),
    };
    let address = args.ingress_addr;
    let wrong_address = |error| Failed::used_wrongly(&format!("BILAG_INGRESS_ADDR {address}"), error);
    let listener = TcpListener::bind(address).await.map_err(wrong_address)?;
    let listening = listener.local_addr().map_err(wrong_address)?;
    let no_signals = |error| Failed::at("signals cannot be heard", error);
    let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let stopped = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: webhooks in hand are answered first");
    };
    say(format_args!("webhooks are taken at http://{listening}: {endpoints}"));
    ingress::serve(listener, ingress, stopped).await.map_err(|error| match error {
        ingress::ServeError::Broker(error) => Failed::used_wrongly("BILAG_AMQP_URL", error),
        error => Failed::plainly(error),
    })
}

/// An empty setting counts as not set.
fn key(setting: &str, secret: Option<&str>) -> Result<Option<Key>, Failed> {
    let secret = secret.filter(|secret| !secret.is_empty()).map(Secret::new);
    let key = secret.map(|secret| Key::new(&secret)).transpose();
    key.map_err(|error| Failed::used_wrongly(setting, error))
}

fn hydrate(args: &IngressArgs) -> Result<Option<Hydrate>, Failed> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    let Some(url) = given(&args.ingress_hydrate_url) else { return Ok(None) };
    let config = HydrateConfig {
        url,
        authorization: given(&args.ingress_hydrate_authorization).map(Secret::new),
        max_concurrent: args.ingress_max_concurrent_requests.into(),
        timeout: args.ingress_timeout.duration(),
    };
    Hydrate::new(config).map(Some).map_err(Failed::plainly_used_wrongly)
}
