//! The command line of the console.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::UnlistedSettings;
use crate::settings::{BrokerSettings, LogSettings, StoreSettings};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "On localhost the console needs no login. To publish it, set BILAG_CONSOLE_URL, and \
                  BILAG_CONSOLE_USERS or BILAG_CONSOLE_OIDC_ISSUER."
)]
pub struct ConsoleArgs {
    #[command(subcommand)]
    pub command: Option<ConsoleCommand>,
    #[command(flatten)]
    pub serve: ConsoleSettings,
}

#[derive(Debug, Subcommand)]
pub enum ConsoleCommand {
    /// Hash a password for the users file; reads the terminal or standard input
    Hash,
    /// List sessions
    Sessions(SessionsArgs),
    /// End sessions of a user
    Revoke {
        /// Name of the user
        #[arg(value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
        name: Option<String>,
        /// End all sessions
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
    /// Address to listen on
    #[arg(
        long = "listen",
        env = "BILAG_CONSOLE_ADDR",
        default_value = "127.0.0.1:8096",
        value_name = "ADDRESS"
    )]
    pub console_addr: SocketAddr,
    /// Public URL, as in https://bilag.example, if the console is behind a proxy
    #[arg(long = "url", env = "BILAG_CONSOLE_URL", value_name = "URL")]
    pub console_url: Option<String>,
    /// TOML file of users with passwords: [[user]] with name, role (viewer, operator or editor) and password,
    /// as `bilag console hash` prints it
    #[arg(long = "users", env = "BILAG_CONSOLE_USERS", value_name = "FILE")]
    pub console_users: Option<PathBuf>,
    /// Allow editors to edit dead letters; without a login everybody is an editor
    #[arg(
        long = "allow-edit",
        env = "BILAG_CONSOLE_ALLOW_EDIT",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_name = "BOOL"
    )]
    pub console_allow_edit: bool,
    /// Management API of the broker, as in http://HOST:15672: queue lengths come from it if set
    #[arg(long, env = "BILAG_MANAGEMENT_URL", value_name = "URL")]
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

consumer::secret_args! {
    pub struct OidcClientSecret("BILAG_CONSOLE_OIDC_CLIENT_SECRET", "oidc-client-secret", "SECRET");
    help: "Client secret";
    file_help: "File to read the secret from, reread when it changes";
}

/// Login by OpenID Connect.
#[derive(Args)]
#[command(next_help_heading = "Login by OpenID Connect")]
pub struct OidcArgs {
    /// Issuer URL of the identity provider
    #[arg(long = "oidc-issuer", env = "BILAG_CONSOLE_OIDC_ISSUER", value_name = "URL")]
    pub oidc_issuer: Option<String>,
    /// Client id of the console; its redirect URI is BILAG_CONSOLE_URL with /login/back
    #[arg(long = "oidc-client-id", env = "BILAG_CONSOLE_OIDC_CLIENT_ID", value_name = "ID")]
    pub oidc_client_id: Option<String>,
    #[command(flatten)]
    pub oidc_client_secret: OidcClientSecret,
    /// Claim of the ID token with the roles; dots descend into objects
    #[arg(
        long = "oidc-roles-claim",
        env = "BILAG_CONSOLE_OIDC_ROLES_CLAIM",
        default_value = "roles",
        value_name = "CLAIM"
    )]
    pub oidc_roles_claim: String,
    /// Value of the claim for viewers
    #[arg(
        long = "oidc-role-viewer",
        env = "BILAG_CONSOLE_OIDC_ROLE_VIEWER",
        default_value = "bilag-viewer",
        value_name = "NAME"
    )]
    pub oidc_role_viewer: String,
    /// Value of the claim for operators
    #[arg(
        long = "oidc-role-operator",
        env = "BILAG_CONSOLE_OIDC_ROLE_OPERATOR",
        default_value = "bilag-operator",
        value_name = "NAME"
    )]
    pub oidc_role_operator: String,
    /// Value of the claim for editors
    #[arg(
        long = "oidc-role-editor",
        env = "BILAG_CONSOLE_OIDC_ROLE_EDITOR",
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
