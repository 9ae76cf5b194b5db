//! The allow-list of event members, by position: Flow's names, Omnium's, and Akinon's.

use Member::{Redacted, Shown, Within};

/// An entry of the allow-list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// A scalar, or a list of such, whose value is shown.
    Shown,
    /// Only its name is shown.
    Redacted,
    /// An object, or a list of such.
    Within(&'static Members),
}

/// Allowed members of an object.
#[derive(Debug)]
pub(super) struct Members(&'static [(&'static str, Member)]);

impl Members {
    pub(super) fn get(&self, name: &str) -> Option<&'static Member> {
        let known: &'static [(&'static str, Member)] = self.0;
        known.iter().find(|(known, _)| *known == name).map(|(_, member)| member)
    }
}

/// Of every event: `receipt.settled.v1`, `invoice.ready.v1`, `invoice.rendered.v1`, and those of packages.
pub(super) static EVENT_MEMBERS: Members = Members(&[
    ("id", Shown),
    ("type", Shown),
    ("occurredAt", Shown),
    ("targets", Shown),
    ("target", Shown),
    ("tenant", Within(&TENANT)),
    ("orderType", Shown),
    ("orderReceipt", Within(&ORDER_RECEIPT)),
    ("package", Within(&PACKAGE)),
    ("receipt", Within(&RECEIPT)),
    ("invoice", Within(&INVOICE)),
    ("pdf", Within(&PDF)),
    ("eInvoice", Within(&E_INVOICE)),
    ("event", Within(&EVENT)),
    ("payload", Within(&PAYLOAD)),
]);

static RECEIPT: Members = Members(&[
    ("id", Shown),
    ("type", Shown),
    ("occurredAt", Shown),
    ("tenant", Within(&TENANT)),
    ("orderReceipt", Within(&ORDER_RECEIPT)),
    ("package", Within(&PACKAGE)),
]);

static TENANT: Members = Members(&[("uid", Shown), ("name", Shown), ("country", Within(&COUNTRY))]);

static COUNTRY: Members = Members(&[("code", Shown), ("currency", Shown)]);

static PACKAGE: Members = Members(&[("id", Shown), ("number", Shown)]);

static ORDER_RECEIPT: Members = Members(&[
    ("uid", Shown),
    ("voucherNumber", Shown),
    ("createdAt", Shown),
    ("settledAt", Shown),
    ("order", Within(&ORDER)),
    ("orderTotals", Within(&TOTALS)),
    ("settlementTotal", Shown),
    ("items", Within(&ITEM)),
    ("settlements", Within(&SETTLEMENT)),
    ("seller", Redacted),
    ("customer", Within(&CUSTOMER)),
    ("contactPerson", Within(&CONTACT)),
    ("invoiceAddress", Within(&ADDRESS)),
    ("referencedVoucherNumber", Shown),
    ("issuer", Within(&ISSUER)),
    ("dueDate", Shown),
    ("deliveryDate", Shown),
    ("till", Within(&TILL)),
    ("paymentAccount", Redacted),
    ("buyerReference", Redacted),
    ("isCopy", Shown),
]);

static ISSUER: Members = Members(&[
    ("legalName", Shown),
    ("legalId", Shown),
    ("vatId", Shown),
    ("taxOffice", Shown),
    ("registerNote", Shown),
    ("address", Within(&ADDRESS)),
]);

static TILL: Members = Members(&[("number", Shown), ("controlUnit", Shown)]);

static ORDER: Members = Members(&[
    ("uid", Shown),
    ("orderNumber", Shown),
    ("type", Shown),
    ("origin", Shown),
    ("store", Within(&STORE)),
    ("address", Within(&ADDRESS)),
]);

static STORE: Members = Members(&[
    ("uid", Shown),
    ("externalId", Shown),
    ("name", Shown),
    ("organizationNumber", Shown),
    ("address", Within(&ADDRESS)),
    ("phone", Redacted),
    ("email", Redacted),
]);

static TOTALS: Members = Members(&[("grandTotal", Shown), ("vatTotal", Shown), ("vat", Within(&VAT))]);

static VAT: Members = Members(&[("rate", Shown), ("net", Shown), ("vat", Shown)]);

static ITEM: Members = Members(&[
    ("uid", Shown),
    ("sku", Shown),
    ("name", Shown),
    ("quantity", Shown),
    ("unitPrice", Shown),
    ("discountAmount", Shown),
    ("total", Shown),
    ("vatRate", Shown),
    ("vatAmount", Shown),
    ("ean", Shown),
    ("unitCode", Shown),
    ("taxCategory", Shown),
    ("exemptionReason", Shown),
]);

static SETTLEMENT: Members = Members(&[
    ("uid", Shown),
    ("code", Shown),
    ("name", Shown),
    ("kind", Shown),
    ("amount", Shown),
    ("state", Shown),
    ("settledAt", Shown),
    ("transactionId", Redacted),
    ("prePaymentUid", Shown),
    ("externalSystemMappings", Within(&SYSTEM_MAPPING)),
]);

static SYSTEM_MAPPING: Members = Members(&[("systemCode", Shown), ("externalId", Shown)]);

static CUSTOMER: Members =
    Members(&[("uid", Redacted), ("type", Shown), ("loyaltyId", Redacted), ("displayName", Redacted)]);

static CONTACT: Members = Members(&[("displayName", Redacted), ("email", Redacted), ("mobile", Redacted)]);

/// Country only: in a village, the postal code may identify a house.
static ADDRESS: Members = Members(&[
    ("displayName", Redacted),
    ("firstname", Redacted),
    ("lastname", Redacted),
    ("companyName", Redacted),
    ("vatNumber", Redacted),
    ("address", Redacted),
    ("postalCode", Redacted),
    ("city", Redacted),
    ("countryCode", Shown),
    ("email", Redacted),
    ("mobile", Redacted),
]);

static INVOICE: Members = Members(&[
    ("id", Shown),
    ("orderId", Shown),
    ("invoiceDate", Shown),
    ("invoiceNumber", Shown),
    ("amount", Shown),
    ("amountExcludingTax", Shown),
    ("currency", Shown),
    ("deliveryDate", Shown),
    ("invoiceDueDate", Shown),
    ("customerEmail", Redacted),
    ("customerId", Redacted),
    ("customerName", Redacted),
    ("customerType", Shown),
    ("origin", Shown),
    ("storeId", Shown),
    ("marketId", Shown),
    ("customerAddress", Within(&INVOICE_ADDRESS)),
    ("isCreditNote", Shown),
    ("kid", Redacted),
    ("invoiceType", Shown),
    ("amountRoundoff", Shown),
    ("invoiceSenderAddress", Within(&INVOICE_ADDRESS)),
    ("externalIds", Within(&EXTERNAL_ID)),
    ("lineItems", Within(&LINE)),
    ("payments", Within(&PAYMENT)),
    ("properties", Within(&PROPERTY)),
]);

static EXTERNAL_ID: Members = Members(&[("id", Shown), ("providerName", Shown)]);

static INVOICE_ADDRESS: Members = Members(&[
    ("name", Redacted),
    ("firstName", Redacted),
    ("lastName", Redacted),
    ("line1", Redacted),
    ("postalCode", Redacted),
    ("city", Redacted),
    ("countryCode", Shown),
    ("email", Redacted),
    ("phone", Redacted),
    ("organization", Redacted),
    ("organizationalNumber", Redacted),
]);

static LINE: Members = Members(&[
    ("lineItemId", Shown),
    ("code", Shown),
    ("displayName", Shown),
    ("ean", Shown),
    ("quantity", Shown),
    ("placedPrice", Shown),
    ("placedPriceExclTax", Shown),
    ("discounted", Shown),
    ("extendedPrice", Shown),
    ("extendedPriceExclTax", Shown),
    ("taxRate", Shown),
    ("taxTotal", Shown),
    ("properties", Within(&PROPERTY)),
]);

static PAYMENT: Members = Members(&[
    ("amount", Shown),
    ("paymentMethodName", Shown),
    ("paymentType", Shown),
    ("transactionId", Redacted),
    ("transactionType", Shown),
    ("status", Shown),
    ("paidDate", Shown),
]);

/// A value may be the customer's loyalty number.
static PROPERTY: Members = Members(&[("key", Shown), ("value", Redacted), ("keyGroup", Shown)]);

static PDF: Members = Members(&[("fileName", Shown), ("sha256", Shown), ("content", Redacted)]);

static E_INVOICE: Members = Members(&[("syntax", Shown), ("content", Redacted)]);

static EVENT: Members = Members(&[("type", Shown), ("uuid", Shown)]);

/// Akinon's package; real ones have addresses and names in many more members.
static PAYLOAD: Members = Members(&[
    ("id", Shown),
    ("number", Shown),
    ("order_id", Shown),
    ("order_number", Shown),
    ("channel_name", Shown),
    ("payment_type", Shown),
    ("date_placed", Shown),
    ("invoice_number", Shown),
    ("state", Within(&STATE)),
    ("stock_location", Within(&LOCATION)),
    ("packageitem_set", Within(&PACKAGE_ITEM)),
]);

static STATE: Members = Members(&[
    ("id", Shown),
    ("name", Shown),
    ("enum_class", Shown),
    ("enum_value", Shown),
    ("created_date", Shown),
    ("modified_date", Shown),
]);

static LOCATION: Members = Members(&[("id", Shown), ("name", Shown), ("erp_code", Shown)]);

static PACKAGE_ITEM: Members = Members(&[("id", Shown), ("sku", Shown), ("quantity", Shown)]);
