//! The command line of the webhooks.

use std::net::SocketAddr;

use amqp::Delay;
use clap::Args;

use crate::settings::{BrokerSettings, LogSettings};

consumer::secret_args! {
    pub struct FlowSecret("BILAG_INGRESS_FLOW_SECRET", "ingress-flow-secret", "SECRET");
    help: "Secret of Flow's webhooks, at least 16 characters; prefer the variable to the flag";
    file_help: "File to read it from, reread when it changes";
}

consumer::secret_args! {
    pub struct AkinonSecret("BILAG_INGRESS_AKINON_SECRET", "ingress-akinon-secret", "SECRET");
    help: "Secret of Akinon's webhooks, at least 16 characters; prefer the variable to the flag";
    file_help: "File to read it from, reread when it changes";
}

consumer::secret_args! {
    pub struct HydrateAuthorization("BILAG_INGRESS_HYDRATE_AUTHORIZATION", "ingress-hydrate-authorization", "HEADER");
    help: "Complete Authorization header for it, as in \"Bearer …\"; prefer the variable to the flag";
    file_help: "File to read it from, reread when it changes";
}

#[derive(Debug, Args)]
#[command(
    after_help = "A vendor's endpoint, /webhooks/flow or /webhooks/akinon, is enabled by its secret, which \
                  requests carry as a bearer token or as the password of basic authentication."
)]
pub struct IngressArgs {
    /// Address to listen on
    #[arg(long, env = "BILAG_INGRESS_ADDR", default_value = "127.0.0.1:8097", value_name = "ADDRESS")]
    pub ingress_addr: SocketAddr,
    #[command(flatten)]
    pub ingress_flow_secret: FlowSecret,
    #[command(flatten)]
    pub ingress_akinon_secret: AkinonSecret,
    /// Hook that returns the receipts of Flow's ids; without it, ids become dead letters [default: none]
    #[arg(long, env = "BILAG_INGRESS_HYDRATE_URL", value_name = "URL")]
    pub ingress_hydrate_url: Option<String>,
    #[command(flatten)]
    pub ingress_hydrate_authorization: HydrateAuthorization,
    /// Timeout of one webhook, including the hook and the publisher confirm; Flow waits 10 s
    #[arg(long, env = "BILAG_INGRESS_TIMEOUT", default_value = "8s", value_name = "DELAY")]
    pub ingress_timeout: Delay,
    /// Maximum webhooks in flight
    #[arg(long, env = "BILAG_INGRESS_MAX_CONCURRENT_REQUESTS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub ingress_max_concurrent_requests: u16,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub logs: LogSettings,
}
