//! Where the ERP is.

use amqp::Delay;
use clap::Args;
use consumer::{SettingError, needed};

use crate::{Erp, ErpConfig};

consumer::secret_args! {
    struct Authorization("ERP_INVOICE_AUTHORIZATION", "erp-invoice-authorization", "HEADER");
    help: "Complete Authorization header for it, as in \"Bearer …\"; prefer the variable to the flag";
    file_help: "File to read the header from, reread when it changes";
}

/// Where the ERP is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "ERP")]
pub struct ErpSettings {
    /// URL that receives the invoices of packages with their PDF [default: none]
    #[arg(long, env = "ERP_INVOICE_URL", value_name = "URL")]
    erp_invoice_url: Option<String>,
    #[command(flatten)]
    erp_invoice_authorization: Authorization,
    /// Maximum deliveries to the ERP in flight, per process
    #[arg(long, env = "ERP_MAX_CONCURRENT_REQUESTS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    erp_max_concurrent_requests: u16,
    /// Timeout of a delivery to the ERP
    #[arg(long, env = "ERP_TIMEOUT", default_value = "10s", value_name = "DELAY")]
    erp_timeout: Delay,
}

impl ErpSettings {
    pub(crate) fn url(&self) -> Option<&str> {
        self.erp_invoice_url.as_deref().filter(|url| !url.is_empty())
    }

    pub(crate) fn client(&self) -> Result<Erp, SettingError> {
        let url = needed("ERP_INVOICE_URL", &self.erp_invoice_url, "to deliver invoices to the ERP")?;
        let authorization = self.erp_invoice_authorization.setting();
        let config = ErpConfig {
            url: url.to_owned(),
            authorization: authorization.read()?,
            max_concurrent: self.erp_max_concurrent_requests.into(),
            timeout: self.erp_timeout.duration(),
        };
        Erp::new(config).map_err(SettingError::described)
    }
}
