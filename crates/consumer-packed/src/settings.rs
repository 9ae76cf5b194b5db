//! Where the invoice service is, and how long it may take.

use std::time::Duration;

use akinon::{InvoiceService, InvoiceServiceConfig};
use amqp::{BindingKey, Delay};
use clap::Args;
use consumer::{SettingError, needed};

consumer::secret_args! {
    struct Username("INVOICE_SERVICE_USERNAME", "invoice-service-username", "USER");
    help: "Username for it";
    file_help: "File to read the username from, reread when it changes";
}

consumer::secret_args! {
    struct Password("INVOICE_SERVICE_PASSWORD", "invoice-service-password", "PASSWORD");
    help: "Password; prefer the variable to the flag";
    file_help: "File to read the password from, reread when it changes";
}

/// Where the invoice service is, and how long it may take.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Invoice service")]
pub struct PackedSettings {
    /// Binding keys of Akinon's package events
    #[arg(
        long,
        env = "BILAG_PACKED_KEYS",
        value_delimiter = ',',
        default_value = "package.status.packed,package.status.packed_for_refund,package.status.transitioned",
        value_name = "KEYS"
    )]
    pub(crate) packed_keys: Vec<BindingKey>,
    /// URL of the service that issues the invoices of packed packages [default: none]
    #[arg(long, env = "INVOICE_SERVICE_URL", value_name = "URL")]
    invoice_service_url: Option<String>,
    #[command(flatten)]
    invoice_service_username: Username,
    #[command(flatten)]
    invoice_service_password: Password,
    /// Time for the receipt to arrive on the bus, after which it is requested once more
    #[arg(long, env = "INVOICE_SERVICE_PATIENCE", default_value = "30m", value_name = "DELAY")]
    invoice_service_patience: Delay,
    /// Maximum requests to the invoice service in flight, per process
    #[arg(long, env = "INVOICE_SERVICE_MAX_CONCURRENT_REQUESTS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    invoice_service_max_concurrent_requests: u16,
    /// Timeout of a request to the invoice service
    #[arg(long, env = "INVOICE_SERVICE_TIMEOUT", default_value = "20s", value_name = "DELAY")]
    invoice_service_timeout: Delay,
}

impl PackedSettings {
    pub(crate) fn url(&self) -> Option<&str> {
        self.invoice_service_url.as_deref().filter(|url| !url.is_empty())
    }

    /// How long a receipt may take to come before its package is asked for again.
    pub fn overdue_after(&self) -> Duration {
        self.invoice_service_patience.duration()
    }

    pub(crate) fn client(&self) -> Result<InvoiceService, SettingError> {
        let what_for = "to ask for the invoices of packages";
        let username = self.invoice_service_username.setting();
        let password = self.invoice_service_password.setting();
        let config = InvoiceServiceConfig {
            url: needed("INVOICE_SERVICE_URL", &self.invoice_service_url, what_for)?.to_owned(),
            username: Some(username.needed(what_for)?),
            password: Some(password.needed(what_for)?),
            max_concurrent: self.invoice_service_max_concurrent_requests.into(),
            timeout: self.invoice_service_timeout.duration(),
        };
        InvoiceService::new(config).map_err(SettingError::described)
    }
}
