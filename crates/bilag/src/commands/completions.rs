//! `bilag completions`: the completion script of a shell.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::output::say_bytes;

/// Prints the script for the commands and flags of this version.
pub fn run(args: &CompletionsArgs) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bilag", &mut script);
    say_bytes(&script);
}
