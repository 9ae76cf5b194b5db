//! Where the OMS is, and how its command is written.

use std::path::PathBuf;

use akinon::{InvoiceCommand, Oms, OmsConfig};
use amqp::Delay;
use clap::Args;
use consumer::{SecretSetting, SettingError, needed};

/// Where the OMS is, and how its command is written. Akinon's documents name the command and what it
/// takes, and give neither its slug nor its JSON keys: to be confirmed with Akinon.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Akinon OMS")]
pub struct OmsSettings {
    /// The OMS that gets the invoices of packages, as in https://SHOP-oms.akinon.net [default: none]
    #[arg(long, env = "OMS_BASE_URL", hide_env_values = true, value_name = "URL")]
    oms_base_url: Option<String>,
    /// The API token; better given by the variable than on the command line
    #[arg(long, env = "OMS_API_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    oms_api_token: Option<String>,
    /// The file that the token is read from instead, again whenever it changes
    #[arg(long, env = "OMS_API_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    oms_api_token_file: Option<PathBuf>,
    /// The slug of the command that sets a package's invoice; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_INVOICE_SLUG",
        hide_env_values = true,
        default_value = "update_invoice_of_the_package",
        value_name = "SLUG"
    )]
    oms_invoice_slug: String,
    /// The command's key of the invoice's number; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_INVOICE_NUMBER_KEY",
        hide_env_values = true,
        default_value = "invoice_number",
        value_name = "KEY"
    )]
    oms_invoice_number_key: String,
    /// The command's key of the invoice's date; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_INVOICE_DATE_KEY",
        hide_env_values = true,
        default_value = "invoice_date",
        value_name = "KEY"
    )]
    oms_invoice_date_key: String,
    /// The command's key of the document's type; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_DOCUMENT_TYPE_KEY",
        hide_env_values = true,
        default_value = "invoice_document_type",
        value_name = "KEY"
    )]
    oms_document_type_key: String,
    /// The document's type
    #[arg(
        long,
        env = "OMS_DOCUMENT_TYPE",
        hide_env_values = true,
        default_value = "pdf",
        value_name = "TYPE"
    )]
    oms_document_type: String,
    /// The command's key of the document, which is sent in base64; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_DOCUMENT_KEY",
        hide_env_values = true,
        default_value = "invoice_document",
        value_name = "KEY"
    )]
    oms_document_key: String,
    /// Requests to the OMS in flight at once, per process
    #[arg(long, env = "OMS_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    oms_max_concurrent_requests: u16,
    /// How long one request to the OMS may take
    #[arg(long, env = "OMS_TIMEOUT", hide_env_values = true, default_value = "10s", value_name = "DELAY")]
    oms_timeout: Delay,
}

impl OmsSettings {
    pub(crate) fn base_url(&self) -> Option<&str> {
        self.oms_base_url.as_deref().filter(|url| !url.is_empty())
    }

    pub(crate) fn client(&self) -> Result<Oms, SettingError> {
        let what_for = "to give the OMS the invoices of packages";
        let token = SecretSetting {
            name: "OMS_API_TOKEN",
            value: self.oms_api_token.as_deref(),
            file: self.oms_api_token_file.as_deref(),
        };
        let config = OmsConfig {
            base_url: needed("OMS_BASE_URL", &self.oms_base_url, what_for)?.to_owned(),
            token: token.needed(what_for)?,
            command: InvoiceCommand {
                slug: self.oms_invoice_slug.clone(),
                number_key: self.oms_invoice_number_key.clone(),
                date_key: self.oms_invoice_date_key.clone(),
                document_type_key: self.oms_document_type_key.clone(),
                document_type: self.oms_document_type.clone(),
                document_key: self.oms_document_key.clone(),
            },
            max_concurrent: self.oms_max_concurrent_requests.into(),
            timeout: self.oms_timeout.duration(),
        };
        Oms::new(config).map_err(SettingError::described)
    }
}
