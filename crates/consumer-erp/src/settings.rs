//! Where the ERP is.

use std::path::PathBuf;

use amqp::Delay;
use clap::Args;
use consumer::{SecretSetting, SettingError, needed};

use crate::{Erp, ErpConfig};

/// Where the ERP is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "ERP")]
pub struct ErpSettings {
    /// Where the invoices of packages are delivered, with their PDF [default: nowhere]
    #[arg(long, env = "ERP_INVOICE_URL", hide_env_values = true, value_name = "URL")]
    erp_invoice_url: Option<String>,
    /// The whole Authorization header for it, as in "Bearer …"; better given by the variable than on
    /// the command line
    #[arg(long, env = "ERP_INVOICE_AUTHORIZATION", hide_env_values = true, value_name = "HEADER")]
    erp_invoice_authorization: Option<String>,
    /// The file that the header is read from instead, again whenever it changes
    #[arg(long, env = "ERP_INVOICE_AUTHORIZATION_FILE", hide_env_values = true, value_name = "FILE")]
    erp_invoice_authorization_file: Option<PathBuf>,
    /// Deliveries to the ERP in flight at once, per process
    #[arg(long, env = "ERP_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    erp_max_concurrent_requests: u16,
    /// How long one delivery to the ERP may take
    #[arg(long, env = "ERP_TIMEOUT", hide_env_values = true, default_value = "10s", value_name = "DELAY")]
    erp_timeout: Delay,
}

impl ErpSettings {
    pub(crate) fn url(&self) -> Option<&str> {
        self.erp_invoice_url.as_deref().filter(|url| !url.is_empty())
    }

    pub(crate) fn client(&self) -> Result<Erp, SettingError> {
        let url = needed("ERP_INVOICE_URL", &self.erp_invoice_url, "to deliver invoices to the ERP")?;
        let authorization = SecretSetting {
            name: "ERP_INVOICE_AUTHORIZATION",
            value: self.erp_invoice_authorization.as_deref(),
            file: self.erp_invoice_authorization_file.as_deref(),
        };
        let config = ErpConfig {
            url: url.to_owned(),
            authorization: authorization.read()?,
            max_concurrent: self.erp_max_concurrent_requests.into(),
            timeout: self.erp_timeout.duration(),
        };
        Erp::new(config).map_err(SettingError::described)
    }
}
