//! Which receipts are consumed, and how their invoices are mapped.

use amqp::BindingKey;
use clap::Args;

use crate::mapping::MappingSettings;

/// Which receipts are consumed, and how their invoices are mapped.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Receipts")]
pub struct ReceiptSettings {
    /// Binding keys of settled receipts
    #[arg(
        long,
        env = "BILAG_RECEIPT_KEYS",
        value_delimiter = ',',
        default_value = "receipt.settled.v1",
        value_name = "KEYS"
    )]
    pub(crate) receipt_keys: Vec<BindingKey>,
    #[command(flatten)]
    pub(crate) mapping: MappingSettings,
}
