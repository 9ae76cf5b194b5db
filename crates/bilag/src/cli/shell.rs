//! `bilag completions` and `bilag man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "Load it with: source <(bilag completions bash). The Debian package installs it for \
    bash, zsh and fish.")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Read one with: man -l DIR/bilag-dead-list.1. The Debian package installs them.")]
pub struct ManArgs {
    /// Folder to write to; created if missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}
