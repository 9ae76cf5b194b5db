//! The command line of the dead letters.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::settings::{BrokerSettings, PackageSettings, StoreSettings};

#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Counts by stage and reason, and the latest dead letters
    List(Box<ListArgs>),
    /// One dead letter: why, when, what, and what to do
    Show(Box<ShowArgs>),
    /// Send dead letters back to the queue each came from, with all their attempts
    ///
    /// In batches of 1, 2, 5, 20, 100, then 500. It stops where the last batch fails again or is not
    /// taken. Ctrl-C stops it once what is in flight has moved; nothing is lost or sent twice.
    Redrive(Box<RedriveArgs>),
    /// Put dead letters aside, into the archive, where they stay for 30 days
    Discard(Box<DeadLettersArgs>),
    /// Bring discarded dead letters back among the dead letters
    Restore(Box<DeadLettersArgs>),
    /// Send a corrected body on in a dead letter's place, and put the dead letter into the archive
    ///
    /// The body is checked as its stage would read it, and must be about the same receipt or package.
    Edit(Box<EditArgs>),
    /// Print the dead letters as they lie in their queues, whole, a line of JSON each
    Export(ExportArgs),
    /// Make the index say what the queues hold, where the two differ
    Reindex(ReindexArgs),
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this stage
    pub stage: Option<String>,
    /// Only with this reason
    #[arg(long)]
    pub reason: Option<String>,
    /// Only what was noted within this time, as in 2h
    #[arg(long, value_name = "DELAY")]
    pub since: Option<amqp::Delay>,
    /// Only with this text in id, message id, receipt, package or error
    #[arg(long)]
    pub text: Option<String>,
    /// Group dead letters that died of the same thing: stage, reason and error without its variable parts
    #[arg(long)]
    pub group: bool,
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: u32,
    /// After so many
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
    /// Its id, as `bilag dead list` shows it
    pub id: String,
    /// Save the PDF that the dead letter has
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// Dead letters by their ids, as `bilag dead list` shows them
    #[arg(value_name = "LETTER", conflicts_with_all = ["group", "stage", "reason", "since", "text", "all"])]
    pub ids: Vec<String>,
    /// Dead letters that died of the same thing, by their group's id, as `bilag dead list --group` shows it
    #[arg(long, value_name = "GROUP")]
    pub group: Option<String>,
    #[command(flatten)]
    pub kind: DeadLetterKind,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Who acts, for the audit log [default: the user of this machine]
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
    #[arg(long)]
    pub stage: Option<String>,
    /// With this reason
    #[arg(long)]
    pub reason: Option<String>,
    /// Noted within this time, as in 2h
    #[arg(long, value_name = "DELAY")]
    pub since: Option<amqp::Delay>,
    /// With this text in id, message id, receipt, package or error
    #[arg(long)]
    pub text: Option<String>,
}

impl DeadLetterKind {
    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.stage.is_none() && self.reason.is_none() && self.since.is_none() && self.text.is_none()
    }
}

#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// At most so many dead letters a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub rate: Option<u16>,
    /// Also into a stage that is paused by hand, where the dead letters wait until it is resumed
    #[arg(long)]
    pub into_paused: bool,
    #[command(flatten)]
    pub letters: DeadLettersArgs,
}

#[derive(Debug, Args)]
pub struct EditArgs {
    /// Its id, as `bilag dead list` shows it
    pub id: String,
    /// Needed: what is sent is not what was received any more
    #[arg(long)]
    pub allow_edit: bool,
    /// The corrected body, `-` for standard input [default: opens the dead letter's in $EDITOR]
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// Who acts, for the audit log [default: the user of this machine]
    #[arg(long = "as", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub who: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Only of this stage
    pub stage: Option<String>,
    #[command(flatten)]
    pub broker: BrokerSettings,
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
    /// At most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: u32,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreSettings,
}
