//! Settings that are no one consumer's: environment variables, each also a flag. What may hold a
//! password is never parsed by the command line's own code, which would repeat a wrong value.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay};
use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use config::Secret;
use consumer::SecretSetting;
use sync_store::{StoreError, SyncStore};

use crate::output::Failed;

/// A broker on this machine, as it is after its installation.
const BROKER_HERE: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// A file in the working directory.
const FILE_HERE: &str = "sqlite://bilag.db";

const DATABASE_URL: &str = "BILAG_DATABASE_URL";

/// Where the bus is, and how Bilag's own queues are shaped.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Broker")]
pub struct BrokerSettings {
    /// The broker; amqps:// too; of a cluster, its nodes separated by commas
    #[arg(long, env = "BILAG_AMQP_URL", hide_env_values = true, value_name = "URL")]
    amqp_url: Option<String>,
    /// The file that the URL is read from instead, again at each new connection
    #[arg(long, env = "BILAG_AMQP_URL_FILE", hide_env_values = true, value_name = "FILE")]
    amqp_url_file: Option<PathBuf>,
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
    /// The retry queues: how long a failed message waits before each further attempt; after the last it is
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
        let setting = SecretSetting {
            name: "BILAG_AMQP_URL",
            value: self.amqp_url.as_deref(),
            file: self.amqp_url_file.as_deref(),
        };
        let url = setting.read().map_err(Failed::plainly_used_wrongly)?;
        let url = url.unwrap_or_else(|| Secret::new(BROKER_HERE));
        Broker::new(url, purpose).map_err(|error| Failed::used_wrongly(setting.name, error))
    }

    /// Longer than all retry queues together: who is untouched for so long waits in none of them.
    pub fn all_retry_delays(&self) -> Duration {
        let waits: Duration = self.retry_delays.iter().map(|delay| delay.duration()).sum();
        waits + waits / 10 + Duration::from_secs(60)
    }
}

/// How consumers run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Running")]
pub struct RuntimeSettings {
    /// Messages in flight at once, per consumer
    #[arg(long, env = "BILAG_CONCURRENCY", hide_env_values = true, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub concurrency: u16,
    #[command(flatten)]
    pub queues: QueueSettings,
    /// How often stranded receipts are sent on again
    #[arg(
        long,
        env = "BILAG_RECONCILE_EVERY",
        hide_env_values = true,
        default_value = "10m",
        value_name = "DELAY"
    )]
    pub reconcile_every: Delay,
    /// Whether nothing is sent to any target: receipts go the whole way, and what would have been sent is
    /// told
    #[arg(long, env = "BILAG_DRY_RUN", hide_env_values = true, default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    pub dry_run: bool,
    /// Where /livez and /readyz are served [default: off]
    #[arg(long, env = "BILAG_HEALTH_ADDR", hide_env_values = true, value_name = "ADDRESS")]
    pub health_addr: Option<SocketAddr>,
    #[command(flatten)]
    pub logs: LogSettings,
}

/// Who declares queues.
#[derive(Clone, Debug, Args)]
pub struct QueueSettings {
    /// Whether queues are declared at the start; where they are not, they are waited for until `bilag
    /// topology apply` has declared them, and the broker's user needs no right to configure
    #[arg(
        long,
        env = "BILAG_DECLARE",
        hide_env_values = true,
        default_value = "true",
        value_parser = BoolishValueParser::new(),
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub declare: bool,
}

/// How a process that goes on running tells what it does.
#[derive(Clone, Debug, Args)]
pub struct LogSettings {
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
    /// sqlite://FILE for one machine, postgres://… for several [default: sqlite://bilag.db]
    #[arg(long, env = "BILAG_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: Option<String>,
    /// The file that the URL is read from instead, again at each new connection
    #[arg(long, env = "BILAG_DATABASE_URL_FILE", hide_env_values = true, value_name = "FILE")]
    database_url_file: Option<PathBuf>,
}

impl StoreSettings {
    /// The store's URL.
    pub fn url(&self) -> Result<Secret, Failed> {
        let (value, file) = (self.database_url.as_deref(), self.database_url_file.as_deref());
        let url = SecretSetting { name: DATABASE_URL, value, file }.read();
        Ok(url.map_err(Failed::plainly_used_wrongly)?.unwrap_or_else(|| Secret::new(FILE_HERE)))
    }

    /// Opens the store of the consumers. Where they have made none yet, or somewhere else, none is made:
    /// an empty one would say that all is well.
    pub async fn open(&self) -> Result<Arc<dyn SyncStore>, Failed> {
        sync_store::connect_to_existing(&self.url()?).await.map_err(unopened)
    }

    /// Opens the store, and creates it where it is missing: for consumers, and for an index that is made
    /// anew after its store was lost.
    pub async fn open_or_create(&self) -> Result<Arc<dyn SyncStore>, Failed> {
        sync_store::connect_by(&self.url()?).await.map_err(unopened)
    }
}

fn unopened(error: StoreError) -> Failed {
    match error {
        StoreError::BadUrl { .. } => Failed::used_wrongly(DATABASE_URL, error),
        error => Failed::at("the store could not be opened", error),
    }
}

/// Which OMS packages are of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Akinon OMS")]
pub struct PackageSettings {
    /// Names the OMS in idempotency keys and records: give each OMS its own, and never change it
    #[arg(
        long,
        env = "OMS_ID",
        hide_env_values = true,
        default_value = "akinon",
        value_parser = parse_oms_id,
        value_name = "NAME"
    )]
    pub oms_id: String,
}

/// It stands in headers and keys.
fn parse_oms_id(text: &str) -> Result<String, &'static str> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    match !text.is_empty() && text.len() <= 64 && text.bytes().all(is_name) {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 64 of a-z, 0-9, -, _ and ."),
    }
}
