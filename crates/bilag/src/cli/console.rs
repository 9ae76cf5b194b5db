//! The command line of the console.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::UnlistedSettings;
use crate::settings::{BrokerSettings, LogSettings, StoreSettings};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Listening on this machine alone it asks nobody who they are. For everybody else it needs \
                  BILAG_CONSOLE_URL, and BILAG_CONSOLE_USERS or BILAG_CONSOLE_OIDC_ISSUER."
)]
pub struct ConsoleArgs {
    #[command(subcommand)]
    pub command: Option<ConsoleCommand>,
    #[command(flatten)]
    pub serve: ConsoleSettings,
}

#[derive(Debug, Subcommand)]
pub enum ConsoleCommand {
    /// Make the line of the users file for a password, which is read from the terminal or from
    /// standard input
    Hash,
    /// Who is logged in
    Sessions(SessionsArgs),
    /// End somebody's sessions
    Revoke {
        /// Whose
        #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// Everybody's
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        store: StoreSettings,
    },
}

#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub store: StoreSettings,
}

#[derive(Debug, Args)]
pub struct ConsoleSettings {
    /// Where to listen
    #[arg(
        long = "listen",
        env = "BILAG_CONSOLE_ADDR",
        hide_env_values = true,
        default_value = "127.0.0.1:8096",
        value_name = "ADDRESS"
    )]
    pub console_addr: SocketAddr,
    /// The address that browsers use, as in https://bilag.example, where a proxy stands before it
    #[arg(long = "url", env = "BILAG_CONSOLE_URL", hide_env_values = true, value_name = "URL")]
    pub console_url: Option<String>,
    /// Who may log in with a password: a TOML file of [[user]] with name, role (viewer, operator or
    /// editor) and password, as `bilag console hash` prints it
    #[arg(long = "users", env = "BILAG_CONSOLE_USERS", hide_env_values = true, value_name = "FILE")]
    pub console_users: Option<PathBuf>,
    /// Let editors change what is in dead letters; where nobody logs in, everybody is one then
    #[arg(
        long = "allow-edit",
        env = "BILAG_CONSOLE_ALLOW_EDIT",
        hide_env_values = true,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub console_allow_edit: bool,
    /// The broker's management API, as in http://HOST:15672: numbers come from there where it is set
    #[arg(long, env = "BILAG_MANAGEMENT_URL", hide_env_values = true, value_name = "URL")]
    pub management_url: Option<String>,
    #[command(flatten)]
    pub oidc: OidcArgs,
    #[command(flatten)]
    pub broker: BrokerSettings,
    #[command(flatten)]
    pub store: StoreSettings,
    #[command(flatten)]
    pub logs: LogSettings,
    #[command(flatten)]
    pub settings: UnlistedSettings,
}

/// Login by OpenID Connect.
#[derive(Args)]
#[command(next_help_heading = "Login by OpenID Connect")]
pub struct OidcArgs {
    /// The identity provider: its issuer URL
    #[arg(
        long = "oidc-issuer",
        env = "BILAG_CONSOLE_OIDC_ISSUER",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub oidc_issuer: Option<String>,
    /// The console's client id there; its redirect URI is BILAG_CONSOLE_URL with /login/back
    #[arg(
        long = "oidc-client-id",
        env = "BILAG_CONSOLE_OIDC_CLIENT_ID",
        hide_env_values = true,
        value_name = "ID"
    )]
    pub oidc_client_id: Option<String>,
    /// The client's secret; never logged or shown
    #[arg(
        long = "oidc-client-secret",
        env = "BILAG_CONSOLE_OIDC_CLIENT_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub oidc_client_secret: Option<String>,
    /// The file that the secret is read from instead, again whenever it changes
    #[arg(
        long = "oidc-client-secret-file",
        env = "BILAG_CONSOLE_OIDC_CLIENT_SECRET_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// The claim of the ID token that holds the roles; dots lead into objects
    #[arg(
        long = "oidc-roles-claim",
        env = "BILAG_CONSOLE_OIDC_ROLES_CLAIM",
        hide_env_values = true,
        default_value = "roles",
        value_name = "CLAIM"
    )]
    pub oidc_roles_claim: String,
    /// What that claim calls viewers
    #[arg(
        long = "oidc-role-viewer",
        env = "BILAG_CONSOLE_OIDC_ROLE_VIEWER",
        hide_env_values = true,
        default_value = "bilag-viewer",
        value_name = "NAME"
    )]
    pub oidc_role_viewer: String,
    /// What it calls operators
    #[arg(
        long = "oidc-role-operator",
        env = "BILAG_CONSOLE_OIDC_ROLE_OPERATOR",
        hide_env_values = true,
        default_value = "bilag-operator",
        value_name = "NAME"
    )]
    pub oidc_role_operator: String,
    /// What it calls editors
    #[arg(
        long = "oidc-role-editor",
        env = "BILAG_CONSOLE_OIDC_ROLE_EDITOR",
        hide_env_values = true,
        default_value = "bilag-editor",
        value_name = "NAME"
    )]
    pub oidc_role_editor: String,
}

/// It may hold a secret.
impl std::fmt::Debug for OidcArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OidcArgs")
    }
}
