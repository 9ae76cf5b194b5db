//! The command line of the dead letters.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, Subcommand};
use consumer::TransformSettings;
use operate::dead_letters::{SINCE_FORMAT, since};

use crate::chain::stages;
use crate::settings::{BrokerSettings, PackageSettings, StoreSettings};

#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Count dead letters by stage and reason and list the latest
    List(Box<ListArgs>),
    /// Show one dead letter, its cause and its remedy
    Show(Box<ShowArgs>),
    /// Send dead letters back to the queues they came from, with all attempts
    ///
    /// In batches of 1, 2, 5, 20, 100, then 500. It stops if the last batch fails again or is not
    /// consumed. Ctrl-C stops it once what is in flight has moved; nothing is lost or sent twice.
    Redrive(Box<RedriveArgs>),
    /// Move dead letters to the archive, which keeps them for 30 days
    Discard(Box<DeadLettersArgs>),
    /// Move discarded dead letters from the archive back to the dead-letter queues
    Restore(Box<DeadLettersArgs>),
    /// Send a corrected body in place of a dead letter, and archive the dead letter
    ///
    /// The body is checked as its stage would read it, and must be about the same receipt or package.
    Edit(Box<EditArgs>),
    /// Print the complete messages of dead-letter queues as JSON Lines; fails if not all could be read
    Export(ExportArgs),
    /// Rebuild the index of dead letters from the queues
    Reindex(ReindexArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only this stage
    #[arg(value_parser = stage_name())]
    pub stage: Option<String>,
    /// Only this reason, as in docs/reasons.md
    #[arg(long, value_parser = reasons(), hide_possible_values = true)]
    pub reason: Option<String>,
    /// Only dead letters indexed since: an age as in 30m, 2h or 7d, or a day
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<DateTime<Utc>>,
    /// Only about receipts of this tenant
    #[arg(long, value_name = "UID")]
    pub tenant: Option<String>,
    /// Only with this text in id, message id, receipt, package or error
    #[arg(long)]
    pub text: Option<String>,
    /// Group by cause: stage, reason and error without its variable parts
    #[arg(long)]
    pub group: bool,
    /// Maximum number of rows
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: u32,
    /// Rows to skip
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub offset: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the dead letter, from `bilag dead list`
    pub id: String,
    /// Save the PDF of the dead letter
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub transforms: TransformSettings,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// The stages by their names: one that is mistyped would match nothing, as if all were well.
fn stage_name() -> PossibleValuesParser {
    PossibleValuesParser::new(stages().iter().map(|stage| stage.name))
}

/// The reasons by their names.
fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(
        operate::reasons(stages()).iter().map(|reason| reason.as_str()).collect::<Vec<_>>(),
    )
}

fn parse_since(text: &str) -> Result<DateTime<Utc>, String> {
    since(text, Utc::now()).ok_or_else(|| format!("expected {SINCE_FORMAT}"))
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// Ids of dead letters, from `bilag dead list`
    #[arg(value_name = "LETTER", conflicts_with_all = ["group", "stage", "reason", "since", "tenant", "text", "all"])]
    pub ids: Vec<String>,
    /// Dead letters with the same cause, by the group's id from `bilag dead list --group`
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    #[command(flatten)]
    pub kind: DeadLetterKind,
    /// All dead letters
    #[arg(long)]
    pub all: bool,
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub who: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// A kind of dead letters; together they must all hold.
#[derive(Debug, Args)]
pub struct DeadLetterKind {
    /// Of this stage
    #[arg(long, value_parser = stage_name())]
    pub stage: Option<String>,
    /// With this reason, as in docs/reasons.md
    #[arg(long, value_parser = reasons(), hide_possible_values = true)]
    pub reason: Option<String>,
    /// Indexed since: an age as in 30m, 2h or 7d, or a day
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<DateTime<Utc>>,
    /// About receipts of this tenant
    #[arg(long, value_name = "UID")]
    pub tenant: Option<String>,
    /// With this text in id, message id, receipt, package or error
    #[arg(long)]
    pub text: Option<String>,
}

impl DeadLetterKind {
    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        let texts = [&self.stage, &self.reason, &self.tenant, &self.text];
        self.since.is_none() && texts.iter().all(|text| text.is_none())
    }
}

#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Maximum dead letters per second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub rate: Option<u16>,
    /// Also redrive into a stage paused by an operator, where they wait until it is resumed
    #[arg(long)]
    pub into_paused: bool,
    #[command(flatten)]
    pub letters: DeadLettersArgs,
}

#[derive(Debug, Args)]
pub struct EditArgs {
    /// Id of the dead letter, from `bilag dead list`
    pub id: String,
    /// Required: the message sent is no longer the one received
    #[arg(long)]
    pub allow_edit: bool,
    /// File with the corrected body; `-` reads standard input [default: edit it in $EDITOR]
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// Your name in the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub who: Option<String>,
    #[command(flatten)]
    pub transforms: TransformSettings,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only this stage
    #[arg(value_parser = stage_name())]
    pub stage: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct ReindexArgs {
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub packages: PackageSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Maximum number of rows
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreSettings,
}
