//! The command line for receipts that were exported elsewhere.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::Args;
use tenants::TenantSettings;

use super::accounts::{parse_day, parse_rate};
use crate::settings::{BrokerSettings, StoreSettings};

#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Files of receipt.settled.v1 events: one, several one after the other (JSON Lines), or an array; `-` is
    /// standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Only what was settled on this day or later, by the store's clock
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub from: NaiveDate,
    /// Only what was settled on this day or before
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub to: NaiveDate,
    /// Publish them; without it, this only reads, and says what it would publish
    #[arg(long)]
    pub publish: bool,
    /// Receipts a second, at most
    #[arg(long, default_value = "20/s", value_parser = parse_rate, value_name = "N/s")]
    pub rate: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}
