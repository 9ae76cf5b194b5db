//! Arguments of `bilag report` and `bilag sync verify`.

use chrono::{NaiveDate, TimeDelta, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use consumer_hydrate::FlowConnection;
use consumer_upload::OmniumConnection;
use report::By;
use tenants::TenantSettings;

use crate::settings::StoreSettings;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// First day, as in 2026-11-01 or yesterday; a receipt counts on the day it was settled, in the store's local time
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub from: NaiveDate,
    /// Last day, included
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub to: NaiveDate,
    /// Group rows by this, besides the currency
    #[arg(long, value_parser = PossibleValuesParser::new(["day", "month", "tenant", "store", "type"]).try_map(|by| by.parse::<By>()), value_name = "BY")]
    pub by: Option<By>,
    /// Report the outcome at this target: omnium, package or erp
    #[arg(long, default_value = report::OMNIUM, value_name = "TARGET")]
    pub target: String,
    /// Only this tenant
    #[arg(long, value_name = "UID")]
    pub tenant: Option<String>,
    /// Instead, list what this system has and the store never received; exit with code 1 if there is any
    #[arg(long, value_enum, value_name = "SYSTEM", conflicts_with_all = ["by", "target", "format", "strict"])]
    pub against: Option<Against>,
    /// Output format
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub format: ReportFormat,
    /// Write CSV as spreadsheets in this language open it: with semicolons and decimal commas
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub locale: Option<Locale>,
    /// Print JSON, as --format json does
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Exit with code 1 if any receipt is dead or in progress, or a voucher number is missing or duplicated
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub flow: FlowConnection,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// With what a period can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// Flow's receipts and series of numbers
    Flow,
}

/// Languages whose spreadsheets take the comma for the decimal sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Locale {
    Nb,
    Sv,
    Da,
    Fi,
    Tr,
}

/// Output format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Human-readable
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Only receipts settled on this day or later
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub from: Option<NaiveDate>,
    /// Only receipts settled on this day or earlier
    #[arg(long, value_parser = parse_day, value_name = "DATE")]
    pub to: Option<NaiveDate>,
    /// Only this tenant
    #[arg(long, value_name = "UID")]
    pub tenant: Option<String>,
    /// Continue after this receipt, which an earlier run printed
    #[arg(long, value_name = "TENANT/RECEIPT")]
    pub after: Option<String>,
    /// Maximum calls to Omnium per second; a receipt takes one or two
    #[arg(long, default_value = "5/s", value_parser = parse_rate::<100>, value_name = "N/s")]
    pub rate: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub omnium: OmniumConnection,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// `yesterday` and `today`, in UTC, are for timers.
pub(super) fn parse_day(text: &str) -> Result<NaiveDate, &'static str> {
    match text {
        "today" => return Ok(Utc::now().date_naive()),
        "yesterday" => return Ok((Utc::now() - TimeDelta::days(1)).date_naive()),
        _ => {}
    }
    let is_whole = text.len() == 10;
    text.parse().ok().filter(|_| is_whole).ok_or("use a date such as 2026-11-30")
}

pub(super) fn parse_rate<const MOST: u32>(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).parse();
    number.ok().filter(|rate| (1..=MOST).contains(rate)).ok_or_else(|| format!("use 1/s to {MOST}/s"))
}
