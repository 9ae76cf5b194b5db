//! `bilag ingress`: the vendors' webhooks, onto the bus.

use consumer::SecretSetting;
use ingress::{Hydrate, HydrateConfig, Ingress, Invoices, Key, Vendor};
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
    let oms = oms(&args)?;
    if flow.is_none() && akinon.is_none() && oms.is_none() {
        return Err(Failed::plainly_used_wrongly(
            "no vendor has an endpoint: set BILAG_INGRESS_FLOW_SECRET, BILAG_INGRESS_AKINON_SECRET, or \
             BILAG_INGRESS_OMS_USERNAME and BILAG_INGRESS_OMS_PASSWORD",
        ));
    }
    let endpoints =
        [(&flow, "/webhooks/flow"), (&akinon, "/webhooks/akinon"), (&oms, "/webhooks/akinon/invoice")];
    let endpoints = endpoints.iter().filter(|(key, _)| key.is_some()).map(|(_, path)| *path);
    let endpoints = endpoints.collect::<Vec<_>>().join(" and ");
    let ingress = Ingress {
        broker: args.broker.broker("ingress")?,
        exchange: args.broker.bus_exchange.clone(),
        flow,
        akinon,
        oms,
        invoices: invoices(&args)?,
        hydrate: hydrate(&args)?,
        hydrate_from_flow: args.ingress_hydrate_from_flow,
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

/// Of the requests of the OMS for invoices.
fn oms(args: &IngressArgs) -> Result<Option<Key>, Failed> {
    let (username, password) = (args.ingress_oms_username.setting(), args.ingress_oms_password.setting());
    let read = |setting: SecretSetting<'_>| setting.read().map_err(Failed::plainly_used_wrongly);
    match (read(username)?, read(password)?) {
        (Some(user), _) if user.expose().contains(':') => {
            Err(Failed::used_wrongly(username.name, "basic authentication ends a username at its colon"))
        }
        (Some(user), Some(secret)) => {
            let key = Key::with_username(Vendor::Oms, user, secret);
            key.map(Some).map_err(|error| Failed::used_wrongly(password.name, error))
        }
        (None, None) => Ok(None),
        _ => Err(Failed::plainly_used_wrongly(format!(
            "set both {} and {}, or neither",
            username.name, password.name
        ))),
    }
}

fn invoices(args: &IngressArgs) -> Result<Option<Invoices>, Failed> {
    let Some(wait) = &args.ingress_oms_wait else { return Ok(None) };
    let (store, oms) = (args.store.url()?, args.packages.oms_id.clone());
    Ok(Some(Invoices { store, oms, wait: wait.duration() }))
}

fn hydrate(args: &IngressArgs) -> Result<Option<Hydrate>, Failed> {
    let Some(url) = args.ingress_hydrate_url.clone().filter(|url| !url.is_empty()) else { return Ok(None) };
    if args.ingress_hydrate_from_flow {
        return Err(Failed::plainly_used_wrongly(
            "BILAG_INGRESS_HYDRATE_URL and BILAG_INGRESS_HYDRATE_FROM_FLOW are both set: hydrate by the one or the other",
        ));
    }
    let authorization = args.ingress_hydrate_authorization.setting();
    let config = HydrateConfig {
        url,
        authorization: authorization.read().map_err(Failed::plainly_used_wrongly)?,
        max_concurrent: args.ingress_max_concurrent_requests.into(),
        timeout: args.ingress_timeout.duration(),
    };
    Hydrate::new(config).map(Some).map_err(Failed::plainly_used_wrongly)
}
