//! The command line of the look at everything that consumers need.

use clap::Args;

use super::{ALL, stage_names};
use crate::cli::UnlistedSettings;
use crate::settings::{BrokerSettings, QueueSettings, StoreSettings};

#[derive(Debug, Args)]
#[command(
    after_help = "The consumers' own settings count too: which of them are in use, and what they work with. \
                        `bilag consume --help` has them all."
)]
pub struct DoctorArgs {
    /// For which stages
    #[arg(default_values = [ALL], value_parser = stage_names())]
    pub stages: Vec<String>,
    /// The broker's management API, as in http://HOST:15672: bindings and policies are looked at as well
    #[arg(long, env = "BILAG_MANAGEMENT_URL", hide_env_values = true, value_name = "URL")]
    pub management_url: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub queues: QueueSettings,
    #[command(flatten)]
    pub store: StoreSettings,
    #[command(flatten)]
    pub settings: UnlistedSettings,
}
