//! The Omnium invoice (`OmniumInvoice` of its OpenAPI), with the members that Bilag fills.
//!
//! A member without a value is left out. `additionalProperties` is false there, so nothing else may
//! ever appear here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Amount, Text, Timestamp, Uid};

/// What `PUT /api/Invoices/UpdateInvoice` takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invoice {
    /// The receipt's uid: sending twice updates, never duplicates.
    pub id: Uid,
    /// The order's uid.
    pub order_id: Uid,
    /// When the receipt was created.
    pub invoice_date: Timestamp,
    /// The voucher number.
    pub invoice_number: Text,
    /// What it comes to, VAT included.
    pub amount: Amount,
    /// What it comes to, VAT excluded.
    pub amount_excluding_tax: Amount,
    /// ISO 4217.
    pub currency: Text,
    /// When the receipt was settled.
    pub delivery_date: Timestamp,
    /// When the receipt was settled.
    pub invoice_due_date: Timestamp,
    /// Of the contact person, else the invoice address, else the order's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_email: Option<Text>,
    /// The customer's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Text>,
    /// Of the contact person, else the invoice address, else the order's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<Text>,
    /// `B2B` or `B2C`, or the tenant's words for them.
    pub customer_type: Text,
    /// Where the order was made.
    pub origin: Text,
    /// The store's uid.
    pub store_id: Uid,
    /// The store's external id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_id: Option<Text>,
    /// The invoice address, else the order's address, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_address: Option<Address>,
    /// Whether it is a credit note. This and the members to `externalIds` are absent unless asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_credit_note: Option<bool>,
    /// The Norwegian payment reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<Text>,
    /// Always `Outgoing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_type: Option<Text>,
    /// What it comes to, less the totals of its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_roundoff: Option<Amount>,
    /// The issuer by law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_sender_address: Option<Address>,
    /// Its names in other systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<ExternalId>,
    /// The lines.
    pub line_items: Vec<Line>,
    /// The payments.
    pub payments: Vec<Payment>,
    /// Further facts, in a fixed order.
    pub properties: Vec<Property>,
}

/// The address of a customer or of the issuer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Address {
    /// Display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Text>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Text>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line1: Option<Text>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Text>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Text>,
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<Text>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// Mobile telephone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text>,
    /// The organisation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Text>,
    /// The organisation's VAT number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_number: Option<Text>,
}

/// One line. A payment invoice's only line has no tax members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    /// The item's uid (Omnium: REQUIRED).
    pub line_item_id: Text,
    /// The article's number.
    pub code: Text,
    /// The article's name.
    pub display_name: Text,
    /// The article's EAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ean: Option<Text>,
    /// How many.
    pub quantity: Amount,
    /// List price of one, VAT included.
    pub placed_price: Amount,
    /// List price of one, VAT excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_price_excl_tax: Option<Amount>,
    /// Discount on the whole line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounted: Option<Amount>,
    /// Total of the line, VAT included.
    pub extended_price: Amount,
    /// Total of the line, VAT excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_price_excl_tax: Option<Amount>,
    /// In percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<Amount>,
    /// The VAT in the line's total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_total: Option<Amount>,
    /// Further facts of the line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<Property>,
}

/// One payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payment {
    /// Always positive; the direction is in `transactionType`.
    pub amount: Amount,
    /// The means of payment as Omnium calls it, else its code.
    pub payment_method_name: Text,
    /// The means of payment's name.
    pub payment_type: Text,
    /// The payment provider's reference, else the settlement's uid.
    pub transaction_id: Text,
    /// `Sale` or `Credit`.
    pub transaction_type: Text,
    /// Always `Processed`.
    pub status: Text,
    /// When it was completed.
    pub paid_date: Timestamp,
}

/// The name of an invoice, or of what it is for, in another system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalId {
    /// The name.
    pub id: Text,
    /// The system that gave it.
    pub provider_name: Text,
}

/// A named fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Property {
    /// Its name.
    pub key: Text,
    /// Its value, always a string.
    pub value: Text,
    /// What it belongs to.
    pub key_group: Text,
}
