//! Settings: environment variables, each also a flag. What may hold a password is never parsed by
//! the command line's own code, which would repeat a wrong value.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay};
use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use omnium::{Config, Omnium, Secret};
use receipt_pdf::Template;
use sync_store::SyncStore;

use crate::output::Failed;

/// Where the bus is, and how Bilag's own queues are shaped.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Broker")]
pub struct BrokerSettings {
    /// The broker; amqps:// too
    #[arg(
        long,
        env = "BILAG_AMQP_URL",
        hide_env_values = true,
        hide_default_value = true,
        default_value = "amqp://guest:guest@127.0.0.1:5672/%2f",
        value_name = "URL"
    )]
    pub amqp_url: String,
    /// The exchange your events are published to; must exist, is never declared
    #[arg(
        long,
        env = "BILAG_BUS_EXCHANGE",
        hide_env_values = true,
        default_value = "events",
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "NAME"
    )]
    pub bus_exchange: String,
    /// Binding keys of settled receipts
    #[arg(
        long,
        env = "BILAG_RECEIPT_KEYS",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "receipt.settled.v1",
        value_name = "KEYS"
    )]
    pub receipt_keys: Vec<String>,
    /// The rungs: how long a failed message waits before each further attempt; after the last it is
    /// a dead letter
    #[arg(
        long,
        env = "BILAG_RETRY_DELAYS",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "5s,30s,2m,10m,1h",
        value_name = "DELAYS"
    )]
    pub retry_delays: Vec<Delay>,
}

impl BrokerSettings {
    /// The broker; `purpose` is what its own pages show.
    pub fn broker(&self, purpose: &str) -> Result<Broker, Failed> {
        Broker::parse(&self.amqp_url, purpose).map_err(|error| Failed::used_wrongly("BILAG_AMQP_URL", error))
    }

    /// Longer than all rungs together: who is untouched for so long waits in none of them.
    pub fn all_rungs(&self) -> Duration {
        let waits: Duration = self.retry_delays.iter().map(|delay| delay.duration()).sum();
        waits + waits / 10 + Duration::from_secs(60)
    }
}

/// How consumers run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Running")]
pub struct RuntimeSettings {
    /// Messages in hand at once, per consumer
    #[arg(long, env = "BILAG_CONCURRENCY", hide_env_values = true, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub concurrency: u16,
    /// How often stranded receipts are sent on again
    #[arg(
        long,
        env = "BILAG_RECONCILE_EVERY",
        hide_env_values = true,
        default_value = "10m",
        value_name = "DELAY"
    )]
    pub reconcile_every: Delay,
    /// Where /livez and /readyz are served [default: off]
    #[arg(long, env = "BILAG_HEALTH_ADDR", hide_env_values = true, value_name = "ADDRESS")]
    pub health_addr: Option<SocketAddr>,
    /// How logs are written
    #[arg(
        long,
        env = "BILAG_LOG_FORMAT",
        hide_env_values = true,
        value_enum,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
    /// What is logged: a level, or tracing's filter directives
    #[arg(long, env = "BILAG_LOG", hide_env_values = true, default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Where sync records and the index of dead letters are kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreSettings {
    /// sqlite://FILE for one machine, postgres://… for several
    #[arg(
        long,
        env = "BILAG_DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite://bilag.db",
        value_name = "URL"
    )]
    pub database_url: String,
}

impl StoreSettings {
    /// Opens the store and brings its tables up to date.
    pub async fn open(&self) -> Result<Arc<dyn SyncStore>, Failed> {
        sync_store::connect(&self.database_url).await.map_err(|error| match error {
            sync_store::StoreError::BadUrl { .. } => Failed::used_wrongly("BILAG_DATABASE_URL", error),
            error => Failed::at("the store could not be opened", error),
        })
    }
}

/// How receipts look.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct RenderSettings {
    /// A built-in template (a4, roll-80mm) or a file
    #[arg(
        long,
        env = "BILAG_TEMPLATE",
        hide_env_values = true,
        default_value = "a4",
        value_name = "TEMPLATE"
    )]
    pub template: String,
}

impl RenderSettings {
    /// The template. One that is read from a file lives as long as the process.
    pub fn load(&self) -> Result<&'static Template, Failed> {
        load_template(&self.template).map_err(|failed| failed.of("BILAG_TEMPLATE"))
    }
}

/// A built-in template by its name, or one from a file, checked.
pub fn load_template(name: &str) -> Result<&'static Template, Failed> {
    if let Some(template) = Template::builtin(name) {
        return Ok(template);
    }
    let path = Path::new(name);
    let source = std::fs::read_to_string(path).map_err(|error| {
        let built_in = Template::BUILTIN.join(", ");
        Failed::used_wrongly(
            &format!("template {name} is neither built in ({built_in}) nor a file that can be read"),
            error,
        )
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let template = Template::load(&source, name, &|image| std::fs::read(folder.join(image)))
        .map_err(Failed::plainly_used_wrongly)?;
    Ok(Box::leak(Box::new(template)))
}

/// Omnium, and what is sent there.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumSettings {
    /// Whether receipts are sent to Omnium at all
    #[arg(long, env = "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", hide_env_values = true, default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    pub send_order_receipt_to_omnium: bool,
    /// Omnium's API
    #[arg(
        long,
        env = "OMNIUM_BASE_URL",
        hide_env_values = true,
        default_value = "https://api.omnium.no",
        value_name = "URL"
    )]
    pub omnium_base_url: String,
    /// The API user's id
    #[arg(long, env = "OMNIUM_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub omnium_client_id: Option<String>,
    /// The API user's secret; better given by the variable than on the command line
    #[arg(long, env = "OMNIUM_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub omnium_client_secret: Option<String>,
    /// What the keys of properties begin with
    #[arg(
        long,
        env = "OMNIUM_PROPERTY_PREFIX",
        hide_env_values = true,
        default_value = "flow",
        value_name = "PREFIX"
    )]
    pub omnium_property_prefix: String,
    /// Requests to Omnium in flight at once, per process
    #[arg(long, env = "OMNIUM_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub omnium_max_concurrent_requests: u16,
    /// How long one request to Omnium may take
    #[arg(long, env = "OMNIUM_TIMEOUT", hide_env_values = true, default_value = "10s", value_name = "DELAY")]
    pub omnium_timeout: Delay,
}

impl OmniumSettings {
    /// The client of Omnium's API.
    pub fn client(&self) -> Result<Omnium, Failed> {
        let needed = |name: &str, value: &Option<String>| match value {
            Some(value) if !value.is_empty() => Ok(Secret::new(value.clone())),
            _ => Err(Failed::used_wrongly(name, "needed to send receipts to Omnium, and not set")),
        };
        let config = Config {
            base_url: self.omnium_base_url.clone(),
            client_id: needed("OMNIUM_CLIENT_ID", &self.omnium_client_id)?,
            client_secret: needed("OMNIUM_CLIENT_SECRET", &self.omnium_client_secret)?,
            max_concurrent: self.omnium_max_concurrent_requests.into(),
            timeout: self.omnium_timeout.duration(),
        };
        Omnium::new(config).map_err(Failed::plainly_used_wrongly)
    }
}
