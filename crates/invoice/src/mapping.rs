//! What an installation or a tenant chooses of the mapping.

use std::collections::{BTreeMap, BTreeSet};

use events::Text;
use strum::{EnumIter, EnumString, IntoEnumIterator, IntoStaticStr};

use crate::text;

/// How invoices are mapped, as far as it can be chosen. The default is Flow's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What the keys of properties begin with (`OMNIUM_PROPERTY_PREFIX`).
    pub prefix: String,
    /// What invoices say beyond Flow's page (`OMNIUM_INVOICE_EXTRAS`).
    pub extras: BTreeSet<Extra>,
    /// What Omnium calls means of payment, by their code. Others are called as the receipt says, else by their code.
    pub payment_methods: BTreeMap<String, Text>,
    /// What Omnium calls customers.
    pub customer_types: CustomerTypes,
    /// Whole keys of properties that do not begin with the prefix.
    pub property_keys: BTreeMap<PropertyName, Text>,
}

/// The words of `customerType`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerTypes {
    /// Of a business.
    pub business: Text,
    /// Of anybody else.
    pub private: Text,
}

impl Default for CustomerTypes {
    fn default() -> Self {
        Self { business: text("B2B"), private: text("B2C") }
    }
}

impl Mapping {
    /// The key of a property.
    pub(crate) fn key(&self, name: PropertyName) -> Text {
        let own = self.property_keys.get(&name).cloned();
        own.unwrap_or_else(|| text(format!("{}.{}", self.prefix, <&str>::from(name))))
    }
}

/// A property of an invoice or of a line, by its key without the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(parse_err_ty = UnknownProperty, parse_err_fn = unknown_property)]
pub enum PropertyName {
    /// The order's number.
    #[strum(serialize = "order_number")]
    OrderNumber,
    /// The customer's loyalty id.
    #[strum(serialize = "customer.loyalty_id")]
    LoyaltyId,
    /// The seller's code.
    #[strum(serialize = "seller.code")]
    SellerCode,
    /// The order's type.
    #[strum(serialize = "order.type")]
    OrderType,
    /// The voucher number, of each line.
    #[strum(serialize = "receipt.voucher_number")]
    VoucherNumber,
    /// See [`Extra::ReferencedVoucherNumber`].
    #[strum(serialize = "receipt.referenced_voucher_number")]
    ReferencedVoucherNumber,
}

/// The text names no property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", PropertyName::names())]
pub struct UnknownProperty;

fn unknown_property(_: &str) -> UnknownProperty {
    UnknownProperty
}

impl PropertyName {
    /// The names of all, for people.
    pub fn names() -> String {
        Self::iter().map(<&str>::from).collect::<Vec<_>>().join(", ")
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            prefix: "flow".to_owned(),
            extras: BTreeSet::new(),
            payment_methods: BTreeMap::new(),
            customer_types: CustomerTypes::default(),
            property_keys: BTreeMap::new(),
        }
    }
}

/// What an invoice can say beyond Flow's page, where the receipt says it: a member of `OmniumInvoice` of this
/// name, or a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "camelCase", parse_err_ty = UnknownExtra, parse_err_fn = unknown)]
pub enum Extra {
    /// True of a return.
    IsCreditNote,
    /// The payment reference, in Norway.
    Kid,
    /// The property `{prefix}.receipt.referenced_voucher_number`: the receipt that this one refers to.
    ReferencedVoucherNumber,
    /// `Outgoing`.
    InvoiceType,
    /// What was rounded, where that is not zero.
    AmountRoundoff,
    /// Who issues the invoice by law.
    InvoiceSenderAddress,
    /// The package in Akinon's OMS.
    ExternalIds,
}

impl Extra {
    /// Whether a tenant's facts can complete it.
    pub fn needs_facts(self) -> bool {
        matches!(self, Self::Kid | Self::InvoiceSenderAddress)
    }

    /// The names of all, for people.
    pub fn names() -> String {
        Self::iter().map(<&str>::from).collect::<Vec<_>>().join(", ")
    }
}

/// The text names nothing of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", Extra::names())]
pub struct UnknownExtra;

fn unknown(_: &str) -> UnknownExtra {
    UnknownExtra
}
