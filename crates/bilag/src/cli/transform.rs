//! The command line of transforms.

use std::path::PathBuf;

use clap::Args;
use consumer::TransformSettings;

use super::transform_init::TransformCommand;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct TransformArgs {
    #[command(subcommand)]
    pub command: Option<TransformCommand>,
    /// Files with one message each, or folders of such files; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Routing key of the messages; by default the first transform is used, whatever its key
    #[arg(long)]
    pub key: Option<String>,
    /// AMQP type of the messages
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Tenant of the messages, as their header `tenant` names it
    #[arg(long, value_name = "UID")]
    pub tenant: Option<String>,
    /// Print one line for each file instead of the event; fail if one is wrong
    #[arg(long)]
    pub check: bool,
    /// Do it again whenever a message or the transforms change, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub transforms: TransformSettings,
}
