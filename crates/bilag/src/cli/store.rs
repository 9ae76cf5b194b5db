//! Arguments of `bilag sync migrate`, `prune` and `recount`.

use std::time::Duration;

use clap::Args;
use tenants::TenantSettings;

use crate::settings::StoreSettings;

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only list pending migrations; exit with code 1 if there are any
    #[arg(long)]
    pub check: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Prune what has been complete or skipped for longer than this, as in 400d
    #[arg(long, value_parser = parse_days, value_name = "DAYS")]
    pub older_than: Duration,
    /// Only count what would be pruned
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME")]
    pub who: Option<String>,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct RecountArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// Days, as in `400d`; operators still look at younger receipts.
pub fn parse_days(text: &str) -> Result<Duration, &'static str> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let days = days.filter(|days| (1..=36_500).contains(days)).ok_or("use 1d to 36500d, as in 400d")?;
    Ok(Duration::from_secs(u64::from(days) * 86_400))
}
