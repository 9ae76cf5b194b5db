//! The people and places of a receipt: store, customer, seller, addresses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::OptionalText;
use crate::{Text, Uid};

/// The store that issued the receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Store {
    /// Identifies the store.
    pub uid: Uid,
    /// The store's identifier in other systems; Omnium's market.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Text>,
    /// The store's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Organisation or tax number, as it is to be printed.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub organization_number: Option<Text>,
    /// Where the store is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The store's telephone.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text>,
    /// The store's e-mail address.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
}

/// A postal address with the people behind it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Whom to write on the envelope.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Text>,
    /// Given name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub firstname: Option<Text>,
    /// Family name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub lastname: Option<Text>,
    /// The organisation's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub company_name: Option<Text>,
    /// The organisation's VAT number.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub vat_number: Option<Text>,
    /// Street and number.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub address: Option<Text>,
    /// Postal code.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Text>,
    /// City.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub city: Option<Text>,
    /// ISO 3166-1 alpha-2: `NO`.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub country_code: Option<Text>,
    /// E-mail address.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// Mobile telephone.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Text>,
}

/// Who sold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// The seller's user code.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub code: Option<Text>,
    /// The seller's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
}

/// Who issues the invoice by law: the legal entity behind the store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// The registered name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub legal_name: Option<Text>,
    /// The organisation number, as the register of companies has it.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub legal_id: Option<Text>,
    /// The VAT number with its country's prefix, or as the country writes it: `NO987654325MVA`.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub vat_id: Option<Text>,
    /// The tax office, where the country names one.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub tax_office: Option<Text>,
    /// What the law wants written of a register: `Foretaksregisteret`.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub register_note: Option<Text>,
    /// The registered office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// Who bought it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// Identifies the customer.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub uid: Option<Text>,
    /// `PERSON` or `ORGANIZATION`.
    #[serde(rename = "type", default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Text>,
    /// The customer's number in the loyalty programme.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub loyalty_id: Option<Text>,
    /// The customer's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Text>,
}

/// The person to reach at a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContactPerson {
    /// The person's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Text>,
    /// E-mail address.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// Mobile telephone.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub mobile: Option<Text>,
}
