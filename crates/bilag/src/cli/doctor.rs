//! The command line of the look at everything that consumers need.

use clap::Args;

use super::stage_names;
use crate::chain::ALL;
use crate::cli::UnlistedSettings;
use crate::settings::{BrokerSettings, QueueSettings, StoreSettings};

#[derive(Debug, Args)]
#[command(after_help = "The settings of the consumers apply too, see `bilag consume --help`.")]
pub struct DoctorArgs {
    /// Stages to check
    #[arg(default_values = [ALL], value_parser = stage_names())]
    pub stages: Vec<String>,
    /// Management API of the broker, as in http://HOST:15672: also check bindings and policies
    #[arg(long, env = "BILAG_MANAGEMENT_URL", value_name = "URL")]
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
