//! `invoice.ready.v1`: a receipt that a target wants, with its invoice, before the PDF exists.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Invoice, ReceiptSettled, Target, Timestamp};

/// From the receipt consumer to the render consumer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceReady {
    /// The event's own identifier; the same whenever the same receipt is sent on again.
    pub id: String,
    /// Always `invoice.ready.v1`.
    #[serde(rename = "type")]
    pub kind: InvoiceReadyType,
    /// When it was emitted.
    pub occurred_at: Timestamp,
    /// Who wants the invoice; never empty.
    #[serde(deserialize_with = "at_least_one")]
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
    /// The receipt as it was received.
    pub receipt: ReceiptSettled,
    /// Exactly what Omnium will get.
    pub invoice: Invoice,
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Target>, D::Error> {
    let targets = Vec::<Target>::deserialize(deserializer)?;
    if targets.is_empty() {
        return Err(de::Error::invalid_length(0, &"at least one target"));
    }
    Ok(targets)
}

/// The event's type and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvoiceReadyType {
    /// The first and current version.
    #[serde(rename = "invoice.ready.v1")]
    V1,
}

impl InvoiceReadyType {
    /// As on the wire: the message's type, and its routing key or the beginning of it.
    pub const NAME: &'static str = "invoice.ready.v1";
}
