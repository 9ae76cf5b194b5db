//! The command line.

mod accounts;
mod backfill;
mod console;
mod dead;
mod doctor;
#[cfg(test)]
mod documented;
mod ingress;
mod notify;
mod shell;
mod stages;
mod store;
mod transform;
mod transform_init;
mod unlisted;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand};
use consumer_receipt::MappingSettings;
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
pub use notify::NotifyArgs;
pub use shell::{CompletionsArgs, ManArgs};
pub use stages::{PauseArgs, ResumeArgs, StagesArgs};
pub use store::{MigrateArgs, PruneArgs, RecountArgs};
pub use transform::TransformArgs;
pub use transform_init::{TransformCommand, TransformInitArgs};
pub use unlisted::UnlistedSettings;

use crate::chain::{ALL, ChainSettings, stages};
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
    /// Check the deployment and report what to fix; changes nothing
    Doctor(Box<DoctorArgs>),
    /// Run consumers until SIGTERM or SIGINT
    Consume(Box<ConsumeArgs>),
    /// Declare the topology, compare it with the broker's, or export it
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Publish events to the bus, with publisher confirms; fail if one is unroutable
    Publish(PublishArgs),
    /// Publish exported receipts of a period that the store has not received
    Backfill(BackfillArgs),
    /// Print what transforms make of messages, or check samples of them
    ///
    /// Prints the event that the transforms of BILAG_TRANSFORMS make of a message, checked as the stage would that reads
    /// it. An error names the place in the message.
    Transform(Box<TransformArgs>),
    /// Print the Omnium invoice of a receipt, or its e-invoice
    Map(MapArgs),
    /// Render the PDF of a receipt
    Render(RenderArgs),
    /// Check, print and preview receipt templates
    #[command(subcommand)]
    Template(TemplateCommand),
    /// Delivery status of receipts
    #[command(subcommand)]
    Sync(SyncCommand),
    /// List, inspect and move dead letters
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Status of Akinon packages and their invoices
    #[command(subcommand)]
    Packages(PackagesCommand),
    /// Receipts received in a period, their outcome, and missing voucher numbers
    Report(ReportArgs),
    /// Status of each stage over all processes, with pauses and their reasons
    Stages(StagesArgs),
    /// Pause stages: all their processes stop consuming
    Pause(PauseArgs),
    /// Resume paused stages
    Resume(ResumeArgs),
    /// Audit log of operators' actions
    Audit(AuditArgs),
    /// Notifications of new causes of dead letters, long pauses and missing files
    Notify(NotifyArgs),
    /// Web console for operators
    Console(Box<ConsoleArgs>),
    /// Receive webhooks and publish each to the bus before answering
    Ingress(Box<IngressArgs>),
    /// Run `bilag-sandbox`: stand-ins for Omnium, an invoice service, Akinon's OMS, an ERP, Flow and a
    /// hydrate hook, with faults on request and a record of every call
    Sandbox(SandboxArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command
    Man(ManArgs),
}

/// The consumers by their names.
fn stage_names() -> PossibleValuesParser {
    let all = PossibleValue::new(ALL).help("Every consumer that is in use");
    let stages = stages().iter().map(|stage| PossibleValue::new(stage.name).help(stage.about));
    PossibleValuesParser::new([all].into_iter().chain(stages))
}

#[derive(Debug, Args)]
pub struct ConsumeArgs {
    /// Consumers to run
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
    /// Declare exchanges, queues and bindings of the stages; never the bus exchange
    Apply(TopologyArgs),
    /// List differences between the topology and the broker's
    Check(CheckArgs),
    /// Print definitions for `rabbitmqctl import_definitions`
    Export(TopologyArgs),
    /// Print an AsyncAPI 3 document of all stages, for publishers and subscribers
    Asyncapi(TopologyArgs),
    /// Print a broker user with least privileges for each stage
    Users(TopologyArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "The settings of the consumers apply too, see `bilag consume --help`.")]
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
    /// Management API of the broker, as in http://HOST:15672: also compare bindings and policies
    #[arg(long, env = "BILAG_MANAGEMENT_URL", value_name = "URL")]
    pub management_url: Option<String>,
    #[command(flatten)]
    pub topology: TopologyArgs,
}

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Files with one event each; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Routing key; by default the event's type
    #[arg(long)]
    pub key: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
}

#[derive(Debug, Args)]
pub struct MapArgs {
    /// File with a receipt.settled.v1 event; `-` reads standard input
    #[arg(value_name = "RECEIPT")]
    pub file: PathBuf,
    /// Print the e-invoice by EN 16931 in CII (factur-x.xml), or what is missing for one
    #[arg(long)]
    pub en16931: bool,
    /// Print the e-invoice by EN 16931 in UBL 2.1, or what is missing for one
    #[arg(long, conflicts_with = "en16931")]
    pub ubl: bool,
    #[command(flatten)]
    pub mapping: MappingSettings,
    #[command(flatten)]
    pub tenants: TenantSettings,
}

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// File with a receipt.settled.v1 event; `-` reads standard input
    #[arg(value_name = "RECEIPT", required_unless_present = "receipt", conflicts_with = "receipt")]
    pub file: Option<PathBuf>,
    /// Render a stored receipt, by uid or voucher number
    #[arg(long, value_name = "UID")]
    pub receipt: Option<String>,
    /// Only this tenant
    #[arg(long, value_name = "UID", requires = "receipt")]
    pub tenant: Option<String>,
    /// Print the stored receipt as it was issued, not as a copy of it
    #[arg(long, conflicts_with = "file")]
    pub original: bool,
    /// List what the law of the tenant's country asks for and the document does not say; nothing is written without
    /// an output file
    #[arg(long)]
    pub check_content: bool,
    /// Output file; `-` writes standard output
    #[arg(short, long, value_name = "OUT", required_unless_present = "check_content")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub render: RenderSettings,
    #[command(flatten)]
    pub tenants: TenantSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Subcommand)]
pub enum TemplateCommand {
    /// List all errors of a template with their lines, and what the law asks for and it does not print
    Check {
        /// Name of a built-in template, or a file
        template: String,
        /// Countries that it is for, as in NO,SE: what their law asks for and it does not print is an error
        /// [default: a warning, for NO, SE, DK, FI and TR]
        #[arg(long, value_name = "COUNTRIES", value_delimiter = ',', ignore_case = true,
              value_parser = PossibleValuesParser::new(receipt_pdf::COUNTRIES), hide_possible_values = true)]
        country: Vec<String>,
    },
    /// Print the source of a built-in template, to start one of your own from
    Show {
        /// Name of a built-in template
        #[arg(value_parser = PossibleValuesParser::new(receipt_pdf::Template::BUILTIN))]
        name: String,
    },
    /// Render a template with a sample receipt or your own; with --watch, again on each save, in a browser
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// Name of a built-in template, or a file
    pub template: String,
    /// File with a receipt.settled.v1 event; by default a sample sale
    #[arg(value_name = "RECEIPT")]
    pub receipt: Option<PathBuf>,
    /// Output file; by default named after the template
    #[arg(short, long, value_name = "OUT", conflicts_with = "watch")]
    pub output: Option<PathBuf>,
    /// Serve a page on this machine that shows the PDF, and renders it again when a file changes
    #[arg(long)]
    pub watch: bool,
    /// Port of the page; 0 chooses a free one
    #[arg(long, default_value_t = 8765, requires = "watch")]
    pub port: u16,
}

#[derive(Debug, Subcommand)]
pub enum SyncCommand {
    /// Count records by state and list the latest
    List {
        /// Only records in this state
        #[arg(long)]
        state: Option<State>,
        /// Only receipts with this voucher number, order number or uid, or this text in the customer's name,
        /// number, e-mail or phone
        #[arg(long, value_parser = NonEmptyStringValueParser::new(), value_name = "TEXT")]
        search: Option<String>,
        /// Maximum number of rows
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
    /// Show all that is stored about one receipt
    Show {
        /// Uid or voucher number of the receipt
        receipt: String,
        /// Only this tenant
        #[arg(long, value_name = "UID")]
        tenant: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Compare the records with Omnium: invoice, amount, currency, file
    ///
    /// Only reads. Lists every difference, with what to do, and ends with exit code 1 where there is one; with 3 where
    /// there is none, and something could not be compared.
    /// Ctrl-C ends it with what was found so far.
    Verify(Box<VerifyArgs>),
    /// Recompute days in reports after BILAG_TIME_ZONE or a tenant's time zone has changed
    ///
    /// Receipts keep the day that they were stored with. This goes through those that are not pruned, and moves
    /// them to the day that they have by the time zones as they are set now. May be run again at any time.
    Recount(RecountArgs),
    /// Migrate the database schema, or list pending migrations
    Migrate(MigrateArgs),
    /// Remove personal data of old receipts that are complete or skipped
    ///
    /// What recognises a late duplicate and what reports count stays. Ctrl-C ends it between two batches.
    Prune(PruneArgs),
    /// Publish events of stranded receipts again, now
    Reconcile {
        /// Age of the last change after which a receipt counts as stranded; by default more than all retry delays together
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
    /// Count packages by state and list the latest
    List {
        /// Only packages in this state
        #[arg(long)]
        state: Option<PackageState>,
        /// Only packages requested twice and still without a receipt
        #[arg(long)]
        waiting: bool,
        /// Maximum number of rows
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: PackageTimeout,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Show all that is stored about one package
    Show {
        /// Id or number of the package
        package: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        timeout: PackageTimeout,
        #[command(flatten)]
        store: StoreSettings,
    },
    /// Request the invoice of a package again, with the same idempotency key
    Ask {
        /// Id of the package
        package: u64,
        #[command(flatten)]
        packages: PackageSettings,
        #[command(flatten)]
        broker: BrokerSettings,
        #[command(flatten)]
        store: StoreSettings,
    },
}

/// Timeout of the invoice service.
#[derive(Debug, Args)]
pub struct PackageTimeout {
    /// Time for the receipt to arrive on the bus, after which its package counts as waiting
    #[arg(long = "patience", env = "INVOICE_SERVICE_PATIENCE", default_value = "30m", value_name = "DELAY")]
    pub delay: amqp::Delay,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct SandboxArgs {
    /// The arguments of `bilag-sandbox`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub args: Vec<OsString>,
}
