//! Omnium, and whether anything is sent there.

use std::path::PathBuf;
use std::sync::Arc;

use amqp::Delay;
use clap::Args;
use clap::builder::BoolishValueParser;
use consumer::{SecretSetting, WrongSetting};
use omnium::{Allowance, Config, Omnium};

/// Omnium, and whether anything is sent there.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumSettings {
    /// Whether receipts are sent to Omnium at all
    #[arg(long, env = "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", hide_env_values = true, default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    send_order_receipt_to_omnium: bool,
    #[command(flatten)]
    connection: OmniumConnection,
}

/// How Omnium is reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumConnection {
    /// Omnium's API
    #[arg(
        long,
        env = "OMNIUM_BASE_URL",
        hide_env_values = true,
        default_value = "https://api.omnium.no",
        value_name = "URL"
    )]
    omnium_base_url: String,
    /// The API user's id
    #[arg(long, env = "OMNIUM_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    omnium_client_id: Option<String>,
    /// The file that the id is read from instead, again whenever it changes
    #[arg(long, env = "OMNIUM_CLIENT_ID_FILE", hide_env_values = true, value_name = "FILE")]
    omnium_client_id_file: Option<PathBuf>,
    /// The API user's secret; better given by the variable than on the command line
    #[arg(long, env = "OMNIUM_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    omnium_client_secret: Option<String>,
    /// The file that the secret is read from instead, again whenever it changes
    #[arg(long, env = "OMNIUM_CLIENT_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    omnium_client_secret_file: Option<PathBuf>,
    /// Requests to Omnium in flight at once, per process; all processes that share a store keep to
    /// Omnium's own limit of 20 together
    #[arg(long, env = "OMNIUM_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    omnium_max_concurrent_requests: u16,
    /// How long one request to Omnium may take
    #[arg(long, env = "OMNIUM_TIMEOUT", hide_env_values = true, default_value = "10s", value_name = "DELAY")]
    omnium_timeout: Delay,
}

impl OmniumSettings {
    pub(crate) fn is_on(&self) -> bool {
        self.send_order_receipt_to_omnium
    }

    pub(crate) fn client(&self, allowance: Arc<dyn Allowance>) -> Result<Omnium, WrongSetting> {
        let config = self.connection.config("to send receipts to Omnium")?;
        Omnium::new(config, allowance).map_err(WrongSetting::told)
    }
}

impl OmniumConnection {
    /// What a client of Omnium is told; `what_for` says why credentials are needed.
    ///
    /// # Errors
    /// One of the settings is missing, or cannot be used.
    pub fn config(&self, what_for: &str) -> Result<Config, WrongSetting> {
        Ok(Config {
            base_url: self.omnium_base_url.clone(),
            client_id: SecretSetting {
                name: "OMNIUM_CLIENT_ID",
                value: self.omnium_client_id.as_deref(),
                file: self.omnium_client_id_file.as_deref(),
            }
            .needed(what_for)?,
            client_secret: SecretSetting {
                name: "OMNIUM_CLIENT_SECRET",
                value: self.omnium_client_secret.as_deref(),
                file: self.omnium_client_secret_file.as_deref(),
            }
            .needed(what_for)?,
            max_concurrent: self.omnium_max_concurrent_requests.into(),
            timeout: self.omnium_timeout.duration(),
        })
    }
}
