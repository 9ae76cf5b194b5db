//! The command line for receipts that were exported elsewhere.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use consumer_hydrate::FlowConnection;
use tenants::TenantSettings;

use super::accounts::{parse_day, parse_rate};
use crate::settings::{BrokerSettings, StoreSettings};

#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Files of receipt.settled.v1 events: a single one, JSON Lines or an array; `-` reads standard input
    #[arg(required_unless_present = "from_flow", conflicts_with = "from_flow", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read the receipts from Flow (FLOW_API_TOKEN) instead of files
    #[arg(long)]
    pub from_flow: bool,
    /// With --from-flow, only this tenant [default: those of the tenants file]
    #[arg(long, requires = "from_flow", value_name = "UID")]
    pub tenant: Option<String>,
    /// Only receipts settled on this day or later, in the store's time zone
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub from: NaiveDate,
    /// Only receipts settled on this day or earlier
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub to: NaiveDate,
    /// Publish; by default only report what would be published
    #[arg(long)]
    pub publish: bool,
    /// Maximum receipts per second
    #[arg(long, default_value = "20/s", value_parser = parse_rate::<1000>, value_name = "N/s")]
    pub rate: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub flow: FlowConnection,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}
