//! `bilag notify`.

use clap::Args;
use notify::NotifySettings;

#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Send a test message, and print the answer
    #[arg(long, required = true)]
    pub test: bool,
    #[command(flatten)]
    pub notify: NotifySettings,
}
