//! Where Flow's API is, and what its receipts do not say.

use std::time::Duration;

use amqp::{BindingKey, Delay};
use clap::Args;
use consumer::SettingError;
use flow::{Defaults, Flow, FlowConfig};

consumer::secret_args! {
    struct ApiToken("FLOW_API_TOKEN", "flow-api-token", "TOKEN");
    help: "Token for Flow's API; prefer the variable to the flag";
    file_help: "File to read the token from, reread when it changes";
}

/// Where Flow's API is. From Flow's public pages, and not seen live: to be confirmed with Flow.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Flow")]
pub struct FlowConnection {
    /// URL of Flow's API, version included
    #[arg(long, env = "FLOW_BASE_URL", default_value = "https://api.flowretail.com/v2", value_name = "URL")]
    flow_base_url: String,
    #[command(flatten)]
    flow_api_token: ApiToken,
    /// Currency of Flow's receipts, where they do not say
    #[arg(long, env = "FLOW_CURRENCY", default_value = "NOK", value_name = "CODE")]
    flow_currency: String,
    /// Country of Flow's receipts, where they do not say [default: none]
    #[arg(long, env = "FLOW_COUNTRY", value_name = "CODE")]
    flow_country: Option<String>,
    /// Items per page of Flow's answers
    #[arg(long, env = "FLOW_PAGE_SIZE", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000), value_name = "N")]
    flow_page_size: u32,
    /// Maximum requests to Flow in flight, per process
    #[arg(long, env = "FLOW_MAX_CONCURRENT_REQUESTS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    flow_max_concurrent_requests: u16,
    /// Timeout of a request to Flow
    #[arg(long, env = "FLOW_TIMEOUT", default_value = "10s", value_name = "DELAY")]
    flow_timeout: Delay,
}

/// Which events are hydrated, and from where.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Flow")]
pub struct HydrateSettings {
    #[command(flatten)]
    pub(crate) flow: FlowConnection,
    /// Binding keys of Flow's events that hold ids only
    #[arg(
        long,
        env = "BILAG_HYDRATE_KEYS",
        value_delimiter = ',',
        default_value = "ORDER_SETTLED,ORDER_RECEIPT_SETTLED",
        value_name = "KEYS"
    )]
    pub(crate) hydrate_keys: Vec<BindingKey>,
    /// How far back a store's receipts are searched for one that is known by its uid alone
    #[arg(long, env = "FLOW_LOOKBACK", default_value = "24h", value_name = "DELAY")]
    flow_lookback: Delay,
}

impl HydrateSettings {
    pub(crate) fn lookback(&self) -> Duration {
        self.flow_lookback.duration()
    }
}

impl FlowConnection {
    pub(crate) fn has_token(&self) -> bool {
        let setting = self.flow_api_token.setting();
        setting.value.is_some_and(|value| !value.is_empty())
            || setting.file.is_some_and(|file| !file.as_os_str().is_empty())
    }

    /// What Flow's receipts do not say.
    pub fn defaults(&self) -> Defaults {
        let country = self.flow_country.clone().filter(|country| !country.is_empty());
        Defaults { currency: self.flow_currency.clone(), country }
    }

    /// A client that has not called yet.
    ///
    /// # Errors
    /// There is no token, or a setting is wrong.
    pub fn client(&self) -> Result<Flow, SettingError> {
        let config = FlowConfig {
            base_url: self.flow_base_url.clone(),
            token: self.flow_api_token.setting().needed("to read receipts from Flow")?,
            page_size: self.flow_page_size,
            max_concurrent: self.flow_max_concurrent_requests.into(),
            timeout: self.flow_timeout.duration(),
        };
        Flow::new(config).map_err(SettingError::described)
    }
}
