//! `receipt.settled.v1`: a till receipt whose settlement is completed, in Flow's words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{OptionalDate, OptionalNumber, OptionalText};
use crate::{
    Address, ContactPerson, Customer, Date, Hundredths, Issuer, Number, Seller, Settlement, SettlementKind,
    Store, Text, Timestamp, Uid,
};

/// The event on the user's bus. Unknown members are ignored; optional ones may be absent or null,
/// and an empty text counts as absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptSettled {
    /// The event's own identifier.
    pub id: Uid,
    /// Always `receipt.settled.v1`.
    #[serde(rename = "type")]
    pub kind: ReceiptSettledType,
    /// When the settlement was completed, as the till tells it.
    pub occurred_at: Timestamp,
    /// The retailer.
    pub tenant: Tenant,
    /// The receipt, immutable once issued.
    pub order_receipt: OrderReceipt,
    /// Present when the receipt is the invoice of a packed Akinon package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
}

/// The event's type and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReceiptSettledType {
    /// The first and current version.
    #[serde(rename = "receipt.settled.v1")]
    V1,
}

impl ReceiptSettledType {
    /// As on the wire: the message's type, and its routing key or the beginning of it.
    pub const NAME: &'static str = "receipt.settled.v1";
}

/// The retailer a receipt belongs to; with the receipt's uid it identifies the receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Identifies the retailer.
    pub uid: Uid,
    /// The retailer's name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where the retailer trades.
    pub country: Country,
}

/// Country and currency of the retailer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Country {
    /// ISO 3166-1 alpha-2: `NO`.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub code: Option<Number>,
    /// ISO 4217: `NOK`.
    pub currency: Number,
}

/// The package of Akinon's OMS that a receipt is the invoice of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// The package's id in the OMS.
    pub id: u64,
    /// The package's number, as people know it.
    pub number: Number,
}

/// What the till issued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::order_receipt_rules)]
pub struct OrderReceipt {
    /// Identifies the receipt within its tenant; becomes the Omnium invoice's id.
    pub uid: Uid,
    /// The number that customers and accountants know.
    pub voucher_number: Number,
    /// When the receipt was created.
    pub created_at: Timestamp,
    /// When its settlement was completed.
    pub settled_at: Timestamp,
    /// The order behind the receipt.
    pub order: Order,
    /// Totals of the whole receipt.
    pub order_totals: OrderTotals,
    /// Sum of the counted settlements; required for `PAYMENT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_total: Option<Hundredths>,
    /// The lines; may be empty only for `PAYMENT`.
    pub items: Vec<Item>,
    /// How it was paid.
    pub settlements: Vec<Settlement>,
    /// Who sold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seller: Option<Seller>,
    /// Who bought it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// The person to reach at a customer that is an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_person: Option<ContactPerson>,
    /// Where the invoice goes, where that is not the order's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_address: Option<Address>,
    /// The voucher that a payment is for; required for `PAYMENT`.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub referenced_voucher_number: Option<Number>,
    /// Who issues the invoice by law, where that is more than the store's name and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// When what is not paid yet is due.
    #[serde(default, with = "OptionalDate", skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// When the goods were handed over or the service was done.
    #[serde(default, with = "OptionalDate", skip_serializing_if = "Option::is_none")]
    pub delivery_date: Option<Date>,
    /// The till that issued the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub till: Option<Till>,
    /// Where what is not paid yet is paid to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_account: Option<PaymentAccount>,
    /// What the buyer wants quoted: an order number, a cost centre, a name.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub buyer_reference: Option<Text>,
    /// Whether the receipt was issued before, and this is a copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_copy: Option<bool>,
}

impl OrderReceipt {
    /// What its invoice comes to: the grand total; for `PAYMENT` the settlement total (Flow: "the
    /// amount is the total settlement amount from the receipt").
    pub fn amount(&self) -> Hundredths {
        match self.order.kind {
            OrderType::Sale | OrderType::Return => self.order_totals.grand_total,
            OrderType::Payment => self.settlement_total.unwrap_or_default(),
        }
    }

    /// The invoice address, then the order's: what is asked of an address is taken from the first that has it.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.invoice_address.iter().chain(&self.order.address)
    }

    /// Whether the customer is a business: an `ORGANIZATION`, or one whose address has a company's name or VAT number.
    pub fn is_business(&self) -> bool {
        self.customer.as_ref().and_then(|customer| customer.kind.as_deref()) == Some("ORGANIZATION")
            || self.addresses().any(|address| address.company_name.is_some() || address.vat_number.is_some())
    }

    /// What is invoiced: the completed settlements of that kind.
    pub fn invoiced(&self) -> Hundredths {
        let invoiced = |settlement: &&Settlement| {
            settlement.is_completed() && settlement.kind() == SettlementKind::Invoice
        };
        self.settlements.iter().filter(invoiced).map(|settlement| settlement.amount).sum()
    }

    /// See [`file_name`].
    pub fn file_name(&self) -> String {
        file_name(&self.voucher_number)
    }
}

/// The name of a receipt's PDF: `{voucherNumber}.pdf` (the Flow page), with `-` for what separates folders
/// or is reserved in the names of files.
pub fn file_name(voucher_number: &str) -> String {
    format!("{}.pdf", voucher_number.replace(['/', '\\', ':', '*', '?', '"', '<', '>', '|'], "-"))
}

/// The till that issued the receipt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Till {
    /// The till's number or name.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub number: Option<Number>,
    /// The number of the control unit that signs its receipts.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub control_unit: Option<Number>,
}

/// The issuer's account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentAccount {
    /// ISO 13616.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub iban: Option<Number>,
    /// ISO 9362.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub bic: Option<Number>,
    /// The account's number within its country, where there is no IBAN.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub account: Option<Number>,
    /// What the payer states: KID, OCR.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Number>,
}

/// The order that the receipt settles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Identifies the order.
    pub uid: Uid,
    /// The order's number, as people know it.
    pub order_number: Number,
    /// Sale, return or payment.
    #[serde(rename = "type")]
    pub kind: OrderType,
    /// Where the order was made: `POS`, `WEB` …
    pub origin: Number,
    /// The store that issued the receipt.
    pub store: Store,
    /// The customer's address on the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// What the receipt documents. Any other type is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OrderType {
    /// Goods went to the customer.
    Sale,
    /// Goods came back.
    Return,
    /// Money alone: a down payment, a deposit, the payment of an invoice.
    Payment,
}

impl OrderType {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "SALE",
            Self::Return => "RETURN",
            Self::Payment => "PAYMENT",
        }
    }
}

/// Totals of the whole receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderTotals {
    /// What the receipt comes to, VAT included.
    pub grand_total: Hundredths,
    /// The VAT in it.
    pub vat_total: Hundredths,
    /// The VAT by rate; computed from the items where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<Vec<VatRow>>,
}

/// The VAT of one rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VatRow {
    /// In percent: 2500 is 25 %.
    pub rate: Hundredths,
    /// What was sold at this rate, VAT excluded.
    pub net: Hundredths,
    /// The VAT on it.
    pub vat: Hundredths,
}

/// One line of the receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::schema::item_rules)]
pub struct Item {
    /// Identifies the line within the receipt.
    pub uid: Uid,
    /// The article's number.
    pub sku: Number,
    /// The article's name.
    pub name: Text,
    /// How many: 150 is 1.5. Negative or zero on a return.
    pub quantity: Hundredths,
    /// List price of one, VAT included.
    pub unit_price: Hundredths,
    /// Discount on the whole line. Negative or zero on a return.
    pub discount_amount: Hundredths,
    /// VAT included, after discount: quantity × unit price − discount.
    pub total: Hundredths,
    /// In percent: 2500 is 25 %.
    pub vat_rate: Hundredths,
    /// The VAT in the total.
    pub vat_amount: Hundredths,
    /// The article's EAN.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub ean: Option<Number>,
    /// The unit of the quantity by UN/ECE Recommendation 20: `KGM`; `C62` (one) where absent.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub unit_code: Option<Number>,
    /// The VAT category by UNCL 5305: `S`, `Z`, `E`, `AE`, `K`, `G`, `O`.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub tax_category: Option<Number>,
    /// Why no VAT is charged.
    #[serde(default, with = "OptionalText", skip_serializing_if = "Option::is_none")]
    pub exemption_reason: Option<Text>,
}
