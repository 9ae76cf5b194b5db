//! Settlements: how a receipt was paid, and which of them count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{OptionalNumber, OptionalText};
use crate::{Hundredths, Number, Text, Timestamp, Uid};

/// One payment movement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::settlement_rules)]
pub struct Settlement {
    /// Identifies the movement.
    pub uid: Uid,
    /// The means of payment's code.
    pub code: Number,
    /// The means of payment's name.
    pub name: Text,
    /// `CARD`, `CASH`, `CASHBACK`, `GIFT_CARD`, `INVOICE`, `PRE_PAYMENT`, `OTHER`; an unknown one
    /// counts as `OTHER`.
    #[serde(rename = "kind")]
    pub kind_code: Number,
    /// How much; negative for money handed out.
    pub amount: Hundredths,
    /// `COMPLETED` counts; any other is not completed.
    pub state: Number,
    /// When it was completed; required then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// The payment provider's reference.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<Text>,
    /// The pre-payment this movement settles.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub pre_payment_uid: Option<Text>,
    /// What other systems call the means of payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_system_mappings: Option<Vec<ExternalSystemMapping>>,
}

/// What another system calls a means of payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSystemMapping {
    /// The system: `OMNIUM`.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub system_code: Option<Number>,
    /// What it calls the means of payment.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Text>,
}

/// What a settlement was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementKind {
    /// A payment card.
    Card,
    /// Cash taken in.
    Cash,
    /// Cash handed back.
    Cashback,
    /// A gift card.
    GiftCard,
    /// To be paid by invoice.
    Invoice,
    /// Paid before, by another receipt.
    PrePayment,
    /// Anything else.
    Other,
}

impl Settlement {
    /// The kind behind the code; an unknown code is `Other`.
    pub fn kind(&self) -> SettlementKind {
        match &*self.kind_code {
            "CARD" => SettlementKind::Card,
            "CASH" => SettlementKind::Cash,
            "CASHBACK" => SettlementKind::Cashback,
            "GIFT_CARD" => SettlementKind::GiftCard,
            "INVOICE" => SettlementKind::Invoice,
            "PRE_PAYMENT" => SettlementKind::PrePayment,
            _ => SettlementKind::Other,
        }
    }

    /// What Omnium calls the means of payment, where the till knows.
    pub fn omnium_name(&self) -> Option<&Text> {
        let mappings = self.external_system_mappings.iter().flatten();
        let mut of_omnium = mappings.filter(|mapping| mapping.system_code.as_deref() == Some("OMNIUM"));
        of_omnium.find_map(|mapping| mapping.external_id.as_ref())
    }

    /// Whether the money has moved.
    pub fn is_completed(&self) -> bool {
        &*self.state == "COMPLETED"
    }

    /// Whether it counts as a payment of this receipt (Flow: "only completed settlements are
    /// included; pre-payments and settlements linked to pre-payments are skipped").
    pub fn is_counted(&self) -> bool {
        self.is_completed() && self.kind() != SettlementKind::PrePayment && self.pre_payment_uid.is_none()
    }
}
