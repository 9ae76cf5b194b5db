//! Where the invoice service is, and how long it may take.

use std::path::PathBuf;
use std::time::Duration;

use akinon::{InvoiceService, InvoiceServiceConfig};
use amqp::{BindingKey, Delay};
use clap::Args;
use consumer::{SecretSetting, SettingError, needed};

/// Where the invoice service is, and how long it may take.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Invoice service")]
pub struct PackedSettings {
    /// Binding keys of Akinon's package events
    #[arg(
        long,
        env = "BILAG_PACKED_KEYS",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "package.status.packed,package.status.transitioned",
        value_name = "KEYS"
    )]
    pub(crate) packed_keys: Vec<BindingKey>,
    /// Who makes the invoices of packed packages [default: nobody]
    #[arg(long, env = "INVOICE_SERVICE_URL", hide_env_values = true, value_name = "URL")]
    invoice_service_url: Option<String>,
    /// The user that it is asked as
    #[arg(long, env = "INVOICE_SERVICE_USERNAME", hide_env_values = true, value_name = "USER")]
    invoice_service_username: Option<String>,
    /// The file that the user is read from instead, again whenever it changes
    #[arg(long, env = "INVOICE_SERVICE_USERNAME_FILE", hide_env_values = true, value_name = "FILE")]
    invoice_service_username_file: Option<PathBuf>,
    /// That user's password; better given by the variable than on the command line
    #[arg(long, env = "INVOICE_SERVICE_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    invoice_service_password: Option<String>,
    /// The file that the password is read from instead, again whenever it changes
    #[arg(long, env = "INVOICE_SERVICE_PASSWORD_FILE", hide_env_values = true, value_name = "FILE")]
    invoice_service_password_file: Option<PathBuf>,
    /// How long a receipt may take to come over the bus before it is asked for once more
    #[arg(
        long,
        env = "INVOICE_SERVICE_PATIENCE",
        hide_env_values = true,
        default_value = "30m",
        value_name = "DELAY"
    )]
    invoice_service_patience: Delay,
    /// Requests to the invoice service in flight at once, per process
    #[arg(long, env = "INVOICE_SERVICE_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    invoice_service_max_concurrent_requests: u16,
    /// How long one request to the invoice service may take
    #[arg(
        long,
        env = "INVOICE_SERVICE_TIMEOUT",
        hide_env_values = true,
        default_value = "20s",
        value_name = "DELAY"
    )]
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
        let username = SecretSetting {
            name: "INVOICE_SERVICE_USERNAME",
            value: self.invoice_service_username.as_deref(),
            file: self.invoice_service_username_file.as_deref(),
        };
        let password = SecretSetting {
            name: "INVOICE_SERVICE_PASSWORD",
            value: self.invoice_service_password.as_deref(),
            file: self.invoice_service_password_file.as_deref(),
        };
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
