//! Where the tenants' file is.

use clap::Args;
use config::WithCause;
use events::store_clock::Zone;

use crate::{Tenants, Zones};

/// Where the tenants' file is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Tenants")]
pub struct TenantSettings {
    /// TOML file of tenants with their own credentials, template and language [default: a single tenant, with
    /// the settings of the installation]
    #[arg(long, env = "BILAG_TENANTS", value_parser = open, value_name = "FILE")]
    pub tenants: Option<Tenants>,
    /// Time zone of the stores, as in Europe/Oslo, for times in UTC; a tenant may have its own
    /// [default: that of the tenant's country, if known]
    #[arg(long, env = "BILAG_TIME_ZONE", value_name = "ZONE")]
    pub time_zone: Option<Zone>,
}

impl TenantSettings {
    /// Time zone of each tenant.
    pub fn zones(&self) -> Zones {
        Zones::new(self.time_zone, self.tenants.clone())
    }
}

fn open(path: &str) -> Result<Tenants, WithCause> {
    Tenants::open(path).map_err(WithCause)
}
