//! Omnium, and whether anything is sent there.

use std::path::PathBuf;
use std::sync::Arc;

use amqp::Delay;
use chrono::{DateTime, FixedOffset};
use clap::Args;
use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use consumer::SettingError;
use events::Timestamp;
use omnium::{Allowance, AttachBy};
use tenants::{Tenant, TenantSettings, Tenants};

use crate::omniums::Omniums;

/// Omnium, and whether anything is sent there.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumSettings {
    /// Whether receipts are sent to Omnium at all
    #[arg(long, env = "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", hide_env_values = true, default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    send_order_receipt_to_omnium: bool,
    /// When the store was last restored from a backup (RFC 3339): of receipts settled before, Omnium is asked
    /// first whether it has the invoice and its file
    #[arg(long, env = "BILAG_RESTORED_AT", hide_env_values = true, value_parser = moment, value_name = "TIME")]
    pub(crate) restored_at: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    connection: OmniumConnection,
    #[arg(skip)]
    pub(crate) tenants: Option<Tenants>,
}

/// How Omnium is reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumConnection {
    /// Omnium's API
    #[arg(
        long,
        env = "OMNIUM_BASE_URL",
        hide_env_values = true,
        default_value = "https://api.omnium.no",
        value_name = "URL"
    )]
    pub(crate) omnium_base_url: String,
    /// The API user's id
    #[arg(long, env = "OMNIUM_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub(crate) omnium_client_id: Option<String>,
    /// The file that the id is read from instead, again whenever it changes
    #[arg(long, env = "OMNIUM_CLIENT_ID_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) omnium_client_id_file: Option<PathBuf>,
    /// The API user's secret; better given by the variable than on the command line
    #[arg(long, env = "OMNIUM_CLIENT_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub(crate) omnium_client_secret: Option<String>,
    /// The file that the secret is read from instead, again whenever it changes
    #[arg(long, env = "OMNIUM_CLIENT_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    pub(crate) omnium_client_secret_file: Option<PathBuf>,
    /// Requests to Omnium in flight at once, per process; all processes that share a store keep to
    /// Omnium's own limit of 20 together
    #[arg(long, env = "OMNIUM_MAX_CONCURRENT_REQUESTS", hide_env_values = true, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub(crate) omnium_max_concurrent_requests: u16,
    /// How long one request to Omnium may take
    #[arg(long, env = "OMNIUM_TIMEOUT", hide_env_values = true, default_value = "10s", value_name = "DELAY")]
    pub(crate) omnium_timeout: Delay,
    /// How a file comes to an invoice: `file` (AddFileToInvoice) or `asset` (AddAsset with an id of ours, which
    /// may be repeated)
    #[arg(
        long,
        env = "OMNIUM_ATTACH_BY",
        hide_env_values = true,
        default_value = "file",
        value_parser = attach_by(),
        value_name = "WAY"
    )]
    pub(crate) omnium_attach_by: AttachBy,
}

/// The names by which [`AttachBy`] is set.
fn attach_by() -> impl TypedValueParser<Value = AttachBy> {
    PossibleValuesParser::new(["file", "asset"])
        .map(|way| if way == "asset" { AttachBy::Asset } else { AttachBy::File })
}

fn moment(text: &str) -> Result<DateTime<FixedOffset>, &'static str> {
    let moment = Timestamp::parse(text).map(|moment| moment.moment());
    moment.ok_or("it is a time in RFC 3339, as in 2026-11-02T09:15:42Z")
}

impl OmniumSettings {
    pub(crate) fn with_tenants(&self, tenants: &TenantSettings) -> Self {
        Self { tenants: tenants.tenants.clone(), ..self.clone() }
    }

    /// The first rule of the sync: nothing is sent unless it is enabled.
    pub(crate) fn disabled_reason(&self) -> Option<&'static str> {
        match self.tenants {
            _ if self.is_on() => None,
            None => Some("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false"),
            Some(_) => Some(
                "no tenant sends: OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false, and send in BILAG_TENANTS",
            ),
        }
    }

    /// Whether the store may have forgotten what became of a receipt that was settled then.
    pub(crate) fn may_be_forgotten(&self, settled_at: &Timestamp) -> bool {
        self.restored_at.is_some_and(|restored_at| settled_at.moment() < restored_at)
    }

    /// Whether anything is sent at all.
    fn is_on(&self) -> bool {
        match &self.tenants {
            Some(tenants) => tenants.iter().any(|tenant| self.sends(Some(tenant))),
            None => self.send_order_receipt_to_omnium,
        }
    }

    /// Whether a tenant's receipts are sent; the installation's where there is no tenants' file.
    pub(crate) fn sends(&self, tenant: Option<&Tenant>) -> bool {
        tenant.and_then(|tenant| tenant.send).unwrap_or(self.send_order_receipt_to_omnium)
    }

    pub(crate) fn omniums(&self, allowance: &Arc<dyn Allowance>) -> Result<Omniums, SettingError> {
        let sends = |tenant: &Tenant| self.sends(Some(tenant));
        self.connection.omniums(self.tenants.as_ref(), sends, "to send receipts to Omnium", allowance)
    }
}
