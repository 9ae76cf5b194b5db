//! Settings that are no one consumer's: environment variables, each also a flag. What may hold a
//! password is never parsed by the command line's own code, which would repeat a wrong value.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amqp::{Broker, Delay};
use clap::Args;
use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use config::Secret;
use sync_store::{StoreError, SyncStore};

use crate::output::{Failed, tell};

/// A broker on this machine, as it is after its installation.
const BROKER_HERE: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// A file in the working directory.
const FILE_HERE: &str = "sqlite://bilag.db";

const DATABASE_URL: &str = "BILAG_DATABASE_URL";

consumer::secret_args! {
    struct AmqpUrl("BILAG_AMQP_URL", "amqp-url", "URL");
    help: "AMQP URL of the broker, amqp:// or amqps://; nodes of a cluster separated by commas";
    file_help: "File to read the URL from, again at each new connection";
}

/// Where the bus is, and how Bilag's own queues are shaped.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Broker")]
pub struct BrokerSettings {
    #[command(flatten)]
    amqp_url: AmqpUrl,
    /// Exchange that your events are published to; must exist, never declared by Bilag
    #[arg(
        long,
        env = "BILAG_BUS_EXCHANGE",
        default_value = "events",
        value_parser = NonEmptyStringValueParser::new(),
        value_name = "NAME"
    )]
    pub bus_exchange: String,
    /// Delays before each retry, one queue each; after the last retry a message becomes a dead letter
    #[arg(
        long,
        env = "BILAG_RETRY_DELAYS",
        value_delimiter = ',',
        default_value = "5s,30s,2m,10m,1h",
        value_name = "DELAYS"
    )]
    pub retry_delays: Vec<Delay>,
}

impl BrokerSettings {
    /// The broker; `purpose` is what its own pages show.
    pub fn broker(&self, purpose: &str) -> Result<Broker, Failed> {
        let setting = self.amqp_url.setting();
        let url = setting.read().map_err(Failed::plainly_used_wrongly)?;
        let url = url.unwrap_or_else(|| Secret::new(BROKER_HERE));
        Broker::new(url, purpose).map_err(|error| Failed::used_wrongly(setting.name, error))
    }

    /// The same, for a command that publishes: it says on standard error that it waits for the end of an alarm.
    pub fn broker_to_publish(&self, purpose: &str) -> Result<Broker, Failed> {
        Ok(self.broker(purpose)?.on_alarm(|broker, alarm| match alarm {
            Some(alarm) => tell(format_args!(
                "waiting: the broker at {broker} has an alarm and accepts no messages: {alarm}"
            )),
            None => tell("the broker's alarm has ended"),
        }))
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
    /// Maximum messages in flight, per consumer
    #[arg(long, env = "BILAG_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub concurrency: u16,
    #[command(flatten)]
    pub queues: QueueSettings,
    /// Interval at which events of stranded receipts are published again
    #[arg(long, env = "BILAG_RECONCILE_EVERY", default_value = "10m", value_name = "DELAY")]
    pub reconcile_every: Delay,
    /// Dry run: process receipts completely, send nothing to any target, and report what would have been sent
    #[arg(long, env = "BILAG_DRY_RUN", default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    pub dry_run: bool,
    /// Address that serves /livez and /readyz [default: off]
    #[arg(long, env = "BILAG_HEALTH_ADDR", value_name = "ADDRESS")]
    pub health_addr: Option<SocketAddr>,
    #[command(flatten)]
    pub logs: LogSettings,
}

/// Who declares queues.
#[derive(Clone, Debug, Args)]
pub struct QueueSettings {
    /// Whether to declare queues at startup; if not, consumers wait until `bilag topology apply` has declared
    /// them, and need no configure permission
    #[arg(
        long,
        env = "BILAG_DECLARE",
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
    /// Log format
    #[arg(long, env = "BILAG_LOG_FORMAT", value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Log level, or tracing filter directives
    #[arg(long, env = "BILAG_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
}

/// Log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Human-readable
    Text,
    /// JSON Lines
    Json,
}

consumer::secret_args! {
    struct DatabaseUrl("BILAG_DATABASE_URL", "database-url", "URL");
    help: "Database URL: sqlite://FILE for one machine, postgres://… for several [default: sqlite://bilag.db]";
    file_help: "File to read the URL from, again at each new connection";
}

/// Where sync records and the index of dead letters are kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Store")]
pub struct StoreSettings {
    #[command(flatten)]
    database_url: DatabaseUrl,
}

impl StoreSettings {
    /// The store's URL.
    pub fn url(&self) -> Result<Secret, Failed> {
        let url = self.database_url.setting().read();
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
    /// Name of the OMS in idempotency keys and records: unique for each OMS, never changed
    #[arg(
        long,
        env = "OMS_ID",
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
        false => Err("a name must have 1 to 64 characters of a-z, 0-9, -, _ and ."),
    }
}
