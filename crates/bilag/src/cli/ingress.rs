//! The command line of the webhooks.

use std::net::SocketAddr;

use amqp::Delay;
use clap::Args;
use clap::builder::BoolishValueParser;

use crate::settings::{BrokerSettings, LogSettings, PackageSettings, StoreSettings};

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
    pub struct OmsUsername("BILAG_INGRESS_OMS_USERNAME", "ingress-oms-username", "USER");
    help: "Username of the OMS where it requests invoices (remote_invoice_call)";
    file_help: "File to read it from, reread when it changes";
}

consumer::secret_args! {
    pub struct OmsPassword("BILAG_INGRESS_OMS_PASSWORD", "ingress-oms-password", "PASSWORD");
    help: "Its password, at least 16 characters; prefer the variable to the flag";
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
                  requests carry as a bearer token or as the password of basic authentication. \
                  /webhooks/akinon/invoice, the remote_url of the OMS, is enabled by its username and password."
)]
pub struct IngressArgs {
    /// Address to listen on
    #[arg(long, env = "BILAG_INGRESS_ADDR", default_value = "127.0.0.1:8097", value_name = "ADDRESS")]
    pub ingress_addr: SocketAddr,
    #[command(flatten)]
    pub ingress_flow_secret: FlowSecret,
    #[command(flatten)]
    pub ingress_akinon_secret: AkinonSecret,
    #[command(flatten)]
    pub ingress_oms_username: OmsUsername,
    #[command(flatten)]
    pub ingress_oms_password: OmsPassword,
    /// How long a request of the OMS waits for its invoice, read from BILAG_DATABASE_URL; without it, the request is
    /// accepted at once and the invoice written back later [default: none]
    #[arg(long, env = "BILAG_INGRESS_OMS_WAIT", value_name = "DELAY")]
    pub ingress_oms_wait: Option<Delay>,
    /// Hook that returns the receipts of Flow's ids; without it, ids become dead letters [default: none]
    #[arg(long, env = "BILAG_INGRESS_HYDRATE_URL", value_name = "URL")]
    pub ingress_hydrate_url: Option<String>,
    #[command(flatten)]
    pub ingress_hydrate_authorization: HydrateAuthorization,
    /// Publish Flow's ids for the stage hydrate, which reads their receipts from Flow (FLOW_API_TOKEN)
    #[arg(
        long,
        env = "BILAG_INGRESS_HYDRATE_FROM_FLOW",
        default_value = "false",
        value_parser = BoolishValueParser::new(),
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub ingress_hydrate_from_flow: bool,
    /// Timeout of one webhook, including the hook and the publisher confirm; Flow waits 10 s
    #[arg(long, env = "BILAG_INGRESS_TIMEOUT", default_value = "8s", value_name = "DELAY")]
    pub ingress_timeout: Delay,
    /// Maximum webhooks in flight
    #[arg(long, env = "BILAG_INGRESS_MAX_CONCURRENT_REQUESTS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub ingress_max_concurrent_requests: u16,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub packages: PackageSettings,
    #[command(flatten)]
    pub store: StoreSettings,
    #[command(flatten)]
    pub logs: LogSettings,
}
