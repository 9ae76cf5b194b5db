//! `bilag notify`.

use clap::Args;
use notify::NotifySettings;
use tenants::TenantSettings;

#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Send a test message to each, and print the answers
    #[arg(long, required = true)]
    pub test: bool,
    #[command(flatten)]
    pub notify: NotifySettings,
    #[command(flatten)]
    pub tenants: TenantSettings,
}
