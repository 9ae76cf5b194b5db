//! `bilag ingress`: the vendors' webhooks, onto the bus.

use consumer::SecretSetting;
use ingress::{Hydrate, HydrateConfig, Ingress, Key, Vendor};
use tokio::net::TcpListener;

use crate::cli::IngressArgs;
use crate::output::{Failed, say};
use crate::shutdown::shutdown_on_signal;
use crate::telemetry;

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: IngressArgs) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.logs)?;
    let flow = key(Vendor::Flow, args.ingress_flow_secret.setting())?;
    let akinon = key(Vendor::Akinon, args.ingress_akinon_secret.setting())?;
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
    let shutdown = shutdown_on_signal("stopping: finishing webhooks in flight")?;
    say(format_args!("accepting webhooks at http://{listening}: {endpoints}"));
    ingress::serve(listener, ingress, shutdown).await.map_err(|error| match error {
        ingress::ServeError::Broker(error) => Failed::used_wrongly("BILAG_AMQP_URL", error),
        error => Failed::plainly(error),
    })
}

fn key(vendor: Vendor, setting: SecretSetting<'_>) -> Result<Option<Key>, Failed> {
    let secret = setting.read().map_err(Failed::plainly_used_wrongly)?;
    let key = secret.map(|secret| Key::new(vendor, secret)).transpose();
    key.map_err(|error| Failed::used_wrongly(setting.name, error))
}

fn hydrate(args: &IngressArgs) -> Result<Option<Hydrate>, Failed> {
    let Some(url) = args.ingress_hydrate_url.clone().filter(|url| !url.is_empty()) else { return Ok(None) };
    let authorization = args.ingress_hydrate_authorization.setting();
    let config = HydrateConfig {
        url,
        authorization: authorization.read().map_err(Failed::plainly_used_wrongly)?,
        max_concurrent: args.ingress_max_concurrent_requests.into(),
        timeout: args.ingress_timeout.duration(),
    };
    Hydrate::new(config).map(Some).map_err(Failed::plainly_used_wrongly)
}
