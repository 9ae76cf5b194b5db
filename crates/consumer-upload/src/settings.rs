//! Omnium, and whether anything is sent there.

use amqp::Delay;
use chrono::{DateTime, FixedOffset};
use clap::Args;
use clap::builder::{BoolishValueParser, PossibleValuesParser, TypedValueParser};
use events::Timestamp;
use omnium::{AttachBy, CONCURRENT_OF_TENANT};
use tenants::{Tenant, TenantSettings, Tenants};

/// Omnium, and whether anything is sent there.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumSettings {
    /// Whether to send receipts to Omnium
    #[arg(long, env = "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", default_value = "false", value_parser = BoolishValueParser::new(), action = clap::ArgAction::Set, value_name = "BOOL")]
    send_order_receipt_to_omnium: bool,
    /// When the store was last restored from a backup (RFC 3339): for receipts settled before, Bilag first
    /// looks up invoice and file in Omnium
    #[arg(long, env = "BILAG_RESTORED_AT", value_parser = moment, value_name = "TIME")]
    pub(crate) restored_at: Option<DateTime<FixedOffset>>,
    #[command(flatten)]
    pub(crate) connection: OmniumConnection,
    #[arg(skip)]
    pub(crate) tenants: Option<Tenants>,
}

consumer::secret_args! {
    pub(crate) struct ClientId("OMNIUM_CLIENT_ID", "omnium-client-id", "ID");
    help: "Id of the API user";
    file_help: "File to read the id from, reread when it changes";
}

consumer::secret_args! {
    pub(crate) struct ClientSecret("OMNIUM_CLIENT_SECRET", "omnium-client-secret", "SECRET");
    help: "Secret of the API user; prefer the variable to the flag";
    file_help: "File to read the secret from, reread when it changes";
}

/// How Omnium is reached.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Omnium")]
pub struct OmniumConnection {
    /// Omnium's API
    #[arg(long, env = "OMNIUM_BASE_URL", default_value = "https://api.omnium.no", value_name = "URL")]
    pub(crate) omnium_base_url: String,
    #[command(flatten)]
    pub(crate) omnium_client_id: ClientId,
    #[command(flatten)]
    pub(crate) omnium_client_secret: ClientSecret,
    /// Maximum requests to Omnium in flight, per process; processes that share a store stay below Omnium's
    /// limit of 20 together
    #[arg(long, env = "OMNIUM_MAX_CONCURRENT_REQUESTS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub(crate) omnium_max_concurrent_requests: u16,
    /// Maximum requests to Omnium in flight, of all API users of one Omnium tenant together; Omnium's limit is 40,
    /// which other integrations share
    #[arg(long, env = "OMNIUM_TENANT_MAX_CONCURRENT_REQUESTS", default_value_t = CONCURRENT_OF_TENANT, value_parser = clap::value_parser!(u16).range(1..=i64::from(CONCURRENT_OF_TENANT)), value_name = "N")]
    pub(crate) omnium_tenant_max_concurrent_requests: u16,
    /// Timeout of a request to Omnium
    #[arg(long, env = "OMNIUM_TIMEOUT", default_value = "10s", value_name = "DELAY")]
    pub(crate) omnium_timeout: Delay,
    /// How to attach a file to an invoice: `file` (AddFileToInvoice) or `asset` (AddAsset with an id from
    /// Bilag, which is idempotent)
    #[arg(
        long,
        env = "OMNIUM_ATTACH_BY",
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
}
