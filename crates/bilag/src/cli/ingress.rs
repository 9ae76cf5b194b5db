//! The command line of the webhooks.

use std::net::SocketAddr;
use std::path::PathBuf;

use amqp::Delay;
use clap::Args;

use crate::settings::{BrokerSettings, LogSettings};

#[derive(Debug, Args)]
#[command(
    after_help = "A vendor has an endpoint once its secret is set: /webhooks/flow, /webhooks/akinon. Its requests \
                  carry the secret as a bearer token, or as the password of basic authentication."
)]
pub struct IngressArgs {
    /// Where to listen
    #[arg(
        long,
        env = "BILAG_INGRESS_ADDR",
        hide_env_values = true,
        default_value = "127.0.0.1:8097",
        value_name = "ADDRESS"
    )]
    pub ingress_addr: SocketAddr,
    /// What Flow's webhooks carry, 16 characters or more; better given by the variable than on the
    /// command line
    #[arg(long, env = "BILAG_INGRESS_FLOW_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub ingress_flow_secret: Option<String>,
    /// The file that it is read from instead, again whenever it changes
    #[arg(long, env = "BILAG_INGRESS_FLOW_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    pub ingress_flow_secret_file: Option<PathBuf>,
    /// What Akinon's webhooks carry, 16 characters or more; better given by the variable than on the
    /// command line
    #[arg(long, env = "BILAG_INGRESS_AKINON_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub ingress_akinon_secret: Option<String>,
    /// The file that it is read from instead, again whenever it changes
    #[arg(long, env = "BILAG_INGRESS_AKINON_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    pub ingress_akinon_secret_file: Option<PathBuf>,
    /// The hook that makes whole receipts of Flow's ids [default: none, and ids become dead letters]
    #[arg(long, env = "BILAG_INGRESS_HYDRATE_URL", hide_env_values = true, value_name = "URL")]
    pub ingress_hydrate_url: Option<String>,
    /// The whole Authorization header for it, as in "Bearer …"; better given by the variable than on
    /// the command line
    #[arg(long, env = "BILAG_INGRESS_HYDRATE_AUTHORIZATION", hide_env_values = true, value_name = "HEADER")]
    pub ingress_hydrate_authorization: Option<String>,
    /// The file that it is read from instead, again whenever it changes
    #[arg(
        long,
        env = "BILAG_INGRESS_HYDRATE_AUTHORIZATION_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub ingress_hydrate_authorization_file: Option<PathBuf>,
    /// How long one webhook may take, the hook and the broker's confirm included; Flow waits 10 s
    #[arg(
        long,
        env = "BILAG_INGRESS_TIMEOUT",
        hide_env_values = true,
        default_value = "8s",
        value_name = "DELAY"
    )]
    pub ingress_timeout: Delay,
    /// Webhooks in flight at once
    #[arg(long, env = "BILAG_INGRESS_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub ingress_max_concurrent_requests: u16,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub logs: LogSettings,
}
