//! Why there is no client.

use thiserror::Error;

use crate::InvalidCommand;

/// Why there is no client of the invoice service or of the OMS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL, the credentials or TLS.
    #[error(transparent)]
    Client(#[from] http_client::ConfigError),
    /// A user without a password, or a password without a user.
    #[error("set both INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD, or neither")]
    HalfOfTheCredentials,
    /// Basic authentication ends the user's name at its first colon (RFC 7617).
    #[error("INVOICE_SERVICE_USERNAME must not hold a colon: basic authentication ends the name there")]
    ColonInUsername,
    /// The OMS's command cannot be built.
    #[error("the command that gives a package its invoice cannot be built")]
    Command(#[from] InvalidCommand),
}
