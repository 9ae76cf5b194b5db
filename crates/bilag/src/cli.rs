//! The command line.

mod accounts;
mod backfill;
mod console;
mod dead;
mod doctor;
#[cfg(test)]
mod documented;
mod ingress;
mod stages;
mod store;
mod unlisted;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand};
use consumer_render::RenderSettings;
use sync_store::{PackageState, State};
use tenants::TenantSettings;

pub use accounts::{ReportArgs, ReportFormat, VerifyArgs};
pub use backfill::BackfillArgs;
pub use console::{ConsoleArgs, ConsoleCommand, ConsoleSettings, OidcArgs, SessionsArgs};
pub use dead::{
    AuditArgs, DeadCommand, DeadLetterKind, DeadLettersArgs, EditArgs, ExportArgs, ListArgs, RedriveArgs,
    ReindexArgs, ShowArgs,
};
pub use doctor::DoctorArgs;
pub use ingress::IngressArgs;
pub use stages::{PauseArgs, ResumeArgs, StagesArgs};
pub use store::{MigrateArgs, PruneArgs, RecountArgs};
pub use unlisted::UnlistedSettings;

use crate::chain::{ChainSettings, stages};
use crate::settings::{BrokerSettings, PackageSettings, RuntimeSettings, StoreSettings};

/// Carries retail receipts to where their invoices belong, over RabbitMQ.
#[derive(Debug, Parser)]
#[command(name = "bilag", version, about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look whether everything is there that consumers need, and say what to mend; changes nothing
    Doctor(Box<DoctorArgs>),
    /// Run consumers until told to stop
    Consume(Box<ConsumeArgs>),
    /// Declare the topology, compare it with the broker's, or print it
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Put events on the bus, confirmed and routable, or say why not
    Publish(PublishArgs),
    /// Put exported receipts of a period on the bus: what a store that came later has not heard
    Backfill(BackfillArgs),
    /// Print the Omnium invoice of a receipt
    Map(MapArgs),
    /// Make the PDF of a receipt
    Render(RenderArgs),
    /// Check receipt templates
    #[command(subcommand)]
    Template(TemplateCommand),
    /// The sync records: how far each receipt has come
    #[command(subcommand)]
    Sync(SyncCommand),
    /// The dead letters: what a person must look at, and why
    #[command(subcommand)]
    Dead(DeadCommand),
    /// The packages of the OMS: asked for, issued, written back
    #[command(subcommand)]
    Packages(PackagesCommand),
    /// What was heard in a period, what became of it, and which voucher numbers are missing
    Report(ReportArgs),
    /// What each stage is doing, all processes together; which are paused, and why
    Stages(StagesArgs),
    /// Pause stages by hand: none of their processes takes a message any more
    Pause(PauseArgs),
    /// End pauses by hand
    Resume(ResumeArgs),
    /// What operators did: who, when, what, which dead letters
    Audit(AuditArgs),
    /// The operators' pages, in a browser
    Console(Box<ConsoleArgs>),
    /// Take the vendors' webhooks, and publish each before it is answered
    Ingress(Box<IngressArgs>),
    /// Run `bilag-sandbox`: stand-ins for Omnium, an invoice service, Akinon's OMS, an ERP and a hydrate
    /// hook, with faults on request and a record of every call
    Sandbox(SandboxArgs),
}

/// Names every consumer that is in use.
pub const ALL: &str = "all";

/// The consumers by their names.
fn stage_names() -> PossibleValuesParser {
    let all = PossibleValue::new(ALL).help("Every consumer that is in use");
    let stages = stages().iter().map(|stage| PossibleValue::new(stage.name).help(stage.about));
    PossibleValuesParser::new([all].into_iter().chain(stages))
}

#[derive(Debug, Args)]
pub struct ConsumeArgs {
    /// Which consumers; several may be named
    #[arg(required = true, value_parser = stage_names())]
    pub stages: Vec<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub runtime: RuntimeSettings,
    #[command(flatten)]
    pub store: StoreSettings,
    #[command(flatten)]
    pub packages: PackageSettings,
    #[command(flatten)]
    pub settings: ChainSettings,
}

#[derive(Debug, Subcommand)]
pub enum TopologyCommand {
    /// Declare exchanges, queues and bindings of the stages; never the bus
    Apply(TopologyArgs),
    /// Name each difference between the topology and the broker's
    Check(CheckArgs),
    /// Print it as definitions for `rabbitmqctl import_definitions`
    Export(TopologyArgs),
    /// Print it as AsyncAPI 3, for those who publish to Bilag or listen to it: every stage, in use or not
    Asyncapi(TopologyArgs),
    /// Print a user of the broker for each part, with the rights it needs and no more
    Users(TopologyArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "The consumers' own settings count too: which of them are in use, and what they hear. \
                        `bilag consume --help` has them all."
)]
pub struct TopologyArgs {
    /// Which stages
    #[arg(default_values = [ALL], value_parser = stage_names())]
    pub stages: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub settings: UnlistedSettings,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The broker's management API, as in http://HOST:15672: bindings and policies are compared as well
    #[arg(long, env = "BILAG_MANAGEMENT_URL", hide_env_values = true, value_name = "URL")]
    pub management_url: Option<String>,
    #[command(flatten)]
    pub topology: TopologyArgs,
}

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Files with one event each; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The routing key; by default the event's type
    #[arg(long)]
    pub key: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
}

#[derive(Debug, Args)]
pub struct MapArgs {
    /// A file with a receipt.settled.v1 event; `-` is standard input
    #[arg(value_name = "RECEIPT")]
    pub file: PathBuf,
    /// What the keys of properties begin with
    #[arg(
        long,
        env = "OMNIUM_PROPERTY_PREFIX",
        default_value = "flow",
        hide_env_values = true,
        value_name = "PREFIX"
    )]
    pub property_prefix: String,
    #[command(flatten)]
    pub tenants: TenantSettings,
}

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// A file with a receipt.settled.v1 event; `-` is standard input
    #[arg(value_name = "RECEIPT", required_unless_present = "receipt", conflicts_with = "receipt")]
    pub file: Option<PathBuf>,
    /// A receipt that was heard, by its uid or its voucher number: the kept receipt is printed again
    #[arg(long, value_name = "UID")]
    pub receipt: Option<String>,
    /// Only of this tenant
    #[arg(long, value_name = "UID", requires = "receipt")]
    pub tenant: Option<String>,
    /// Where the PDF goes; `-` is standard output
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    #[command(flatten)]
    pub render: RenderSettings,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List every mistake of a template with its line
    Check {
        /// A built-in template's name, or a file
        template: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// How many records are in each state, and the latest of them
    List {
        /// Only in this state
        #[arg(long)]
        state: Option<State>,
        /// Only receipts with this voucher number, order number or uid, or of a customer with this text
        /// in their name, number, e-mail or telephone
        #[arg(long, value_parser = NonEmptyStringValueParser::new(), value_name = "TEXT")]
        search: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        tenants: Box<TenantSettings>,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Everything that is known of one receipt
    Show {
        /// The receipt's uid, or its voucher number
        receipt: String,
        /// Only of this tenant
        #[arg(long, value_name = "UID")]
        tenant: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Compare the records with Omnium itself: invoice, amount, currency, file
    ///
    /// Only reads. Lists every difference, with what to do, and ends with exit code 1 where there is one.
    /// Ctrl-C ends it with what was found so far.
    Verify(Box<VerifyArgs>),
    /// Count receipts on other days, once BILAG_TIME_ZONE or a tenant's time zone has changed
    ///
    /// Receipts keep the day that they were stored with. This goes through those that are not pruned, and moves
    /// them to the day that they have by the time zones as they are set now. May be run again at any time.
    Recount(RecountArgs),
    /// Bring the store's tables up to date, or say what is pending
    Migrate(MigrateArgs),
    /// Remove personal data of receipts that were complete or skipped long ago
    ///
    /// What recognises a late duplicate and what reports count stays. Ctrl-C ends it between two batches.
    Prune(PruneArgs),
    /// Send stranded receipts on again, now
    Reconcile {
        /// Count what is untouched for so long as stranded; by default longer than all retry queues together
        #[arg(long, value_name = "DELAY")]
        untouched_for: Option<amqp::Delay>,
        #[command(flatten)]
        broker: BrokerSettings,
        #[command(flatten)]
        store: StoreSettings,
    },
}

#[derive(Debug, Subcommand)]
pub enum PackagesCommand {
    /// How many packages are in each state, and the latest of them
    List {
        /// Only in this state
        #[arg(long)]
        state: Option<PackageState>,
        /// Only those that were asked for twice and have no receipt yet
        #[arg(long)]
        waiting: bool,
        /// At most so many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Everything that is known of one package
    Show {
        /// The package's id, or its number
        package: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        patience: Patience,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Ask the invoice service for a package once more, under the same key
    Ask {
        /// The package's id
        package: u64,
        #[command(flatten)]
        packages: PackageSettings,
        #[command(flatten)]
        broker: BrokerSettings,
        #[command(flatten)]
        store: StoreSettings,
    },
}

/// How long a receipt may take to come.
#[derive(Debug, Args)]
pub struct Patience {
    /// How long a receipt may take to come over the bus before its package counts as waiting
    #[arg(
        long = "patience",
        env = "INVOICE_SERVICE_PATIENCE",
        hide_env_values = true,
        default_value = "30m",
        value_name = "DELAY"
    )]
    pub delay: amqp::Delay,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct SandboxArgs {
    /// The arguments of `bilag-sandbox`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub args: Vec<OsString>,
}
