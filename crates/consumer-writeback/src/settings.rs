//! Where the OMS is, and how its command is written.

use akinon::{InvoiceCommand, Oms, OmsConfig};
use amqp::Delay;
use clap::Args;
use consumer::{SettingError, needed};

consumer::secret_args! {
    struct ApiToken("OMS_API_TOKEN", "oms-api-token", "TOKEN");
    help: "API token; prefer the variable to the flag";
    file_help: "File to read the token from, reread when it changes";
}

/// Where the OMS is, and how its command is written. Akinon's documents name the command and what it
/// takes, and give neither its slug nor its JSON keys: to be confirmed with Akinon.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Akinon OMS")]
pub struct OmsSettings {
    /// URL of the OMS that receives the invoices of packages, as in https://SHOP-oms.akinon.net [default: none]
    #[arg(long, env = "OMS_BASE_URL", value_name = "URL")]
    oms_base_url: Option<String>,
    #[command(flatten)]
    oms_api_token: ApiToken,
    /// Slug or transition id of the command that sets the invoice of a package; confirm it with Akinon
    #[arg(
        long,
        env = "OMS_INVOICE_SLUG",
        default_value = "update_invoice_of_the_package",
        value_name = "SLUG"
    )]
    oms_invoice_slug: String,
    /// Id of a package by whose commands `doctor` checks OMS_INVOICE_SLUG [default: none]
    #[arg(long, env = "OMS_CHECK_PACKAGE", value_name = "ID")]
    oms_check_package: Option<u64>,
    /// Parameter for the invoice number; confirm it with Akinon
    #[arg(long, env = "OMS_INVOICE_NUMBER_KEY", default_value = "invoice_number", value_name = "KEY")]
    oms_invoice_number_key: String,
    /// Parameter for the invoice date; confirm it with Akinon
    #[arg(long, env = "OMS_INVOICE_DATE_KEY", default_value = "invoice_date", value_name = "KEY")]
    oms_invoice_date_key: String,
    /// Parameter for the document type; confirm it with Akinon
    #[arg(long, env = "OMS_DOCUMENT_TYPE_KEY", default_value = "invoice_document_type", value_name = "KEY")]
    oms_document_type_key: String,
    /// Document type
    #[arg(long, env = "OMS_DOCUMENT_TYPE", default_value = "pdf", value_name = "TYPE")]
    oms_document_type: String,
    /// Parameter for the document, sent in base64; confirm it with Akinon
    #[arg(long, env = "OMS_DOCUMENT_KEY", default_value = "invoice_document", value_name = "KEY")]
    oms_document_key: String,
    /// Maximum requests to the OMS in flight, per process
    #[arg(long, env = "OMS_MAX_CONCURRENT_REQUESTS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    oms_max_concurrent_requests: u16,
    /// Timeout of a request to the OMS
    #[arg(long, env = "OMS_TIMEOUT", default_value = "10s", value_name = "DELAY")]
    oms_timeout: Delay,
}

impl OmsSettings {
    pub(crate) fn check_package(&self) -> Option<u64> {
        self.oms_check_package
    }

    pub(crate) fn base_url(&self) -> Option<&str> {
        self.oms_base_url.as_deref().filter(|url| !url.is_empty())
    }

    pub(crate) fn client(&self) -> Result<Oms, SettingError> {
        let what_for = "to give the OMS the invoices of packages";
        let token = self.oms_api_token.setting();
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
