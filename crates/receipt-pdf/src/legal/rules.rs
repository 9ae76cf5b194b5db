//! What the law asks of documents, by country: our reading of the sources that `docs/legal-contents.md` names.

use events::{OrderType, ReceiptSettled};

use crate::data::DocumentKind::{self, CreditNote, Invoice, Payment, Return, Sale};

/// Something that a document has to say.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) countries: &'static [&'static str],
    /// The regulation and its paragraph.
    pub(crate) source: &'static str,
    pub(crate) what: &'static str,
    /// Of which receipts it is asked.
    pub(crate) when: fn(&Subject<'_>) -> bool,
    pub(crate) form: Form,
    /// The variables of templates that say it: one of them is enough. Of [`Form::Word`], the words.
    pub(crate) any: &'static [&'static str],
    /// Whether a value is one that the rule means.
    pub(crate) accepts: fn(&str) -> bool,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Money,
    Quantity,
    Percent,
    Date,
    Time,
    /// A word of its own, which the template brings.
    Word,
}

/// A receipt as rules ask about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) event: &'a ReceiptSettled,
    pub(crate) kind: DocumentKind,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(event: &'a ReceiptSettled) -> Self {
        Self { event, kind: DocumentKind::of(&event.order_receipt) }
    }

    fn is_goods(&self) -> bool {
        self.kind != Payment
    }

    /// An invoice, or what changes one.
    fn is_invoice(&self) -> bool {
        matches!(self.kind, Invoice | CreditNote)
    }

    fn is_for_business(&self) -> bool {
        self.is_invoice() || (self.kind == Sale && self.event.order_receipt.is_business())
    }

    fn is_receipt(&self) -> bool {
        matches!(self.kind, Sale | Return)
    }

    /// A receipt of a till: the order was not made on the web.
    fn is_of_till(&self) -> bool {
        let origin = self.event.order_receipt.order.origin.to_ascii_uppercase();
        self.is_receipt() && !["WEB", "ONLINE"].contains(&&*origin)
    }

    fn is_copy(&self) -> bool {
        self.event.order_receipt.is_copy == Some(true)
    }

    fn charges_vat(&self) -> bool {
        self.is_goods() && !self.event.order_receipt.order_totals.vat_total.is_zero()
    }

    /// Whether the issuer is a Norwegian limited company, by its name.
    fn is_limited_company(&self) -> bool {
        let receipt = &self.event.order_receipt;
        let legal = receipt.issuer.as_ref().and_then(|issuer| issuer.legal_name.as_deref());
        let name = legal.or(self.event.tenant.name.as_deref()).or(receipt.order.store.name.as_deref());
        let is_form = |word: &str| matches!(word, "AS" | "ASA");
        self.is_goods() && name.is_some_and(|name| name.split_whitespace().any(is_form))
    }

    /// Whether the goods went elsewhere than the invoice.
    fn is_sent(&self) -> bool {
        let receipt = &self.event.order_receipt;
        let both = receipt.invoice_address.as_ref().zip(receipt.order.address.as_ref());
        both.is_some_and(|(invoice, order)| invoice != order && order.address.is_some())
    }

    fn has_exemption(&self) -> bool {
        let is_exempt = |item: &events::Item| {
            let is_zero_rated = item.tax_category.as_deref() == Some("Z");
            item.vat_rate.is_zero() && !item.total.is_zero() && !is_zero_rated
        };
        self.event.order_receipt.items.iter().any(is_exempt)
    }

    /// Above which a Danish invoice is not a simplified one, in kroner.
    fn is_full_in_denmark(&self) -> bool {
        const SIMPLIFIED: u64 = 3_000;
        let total = self.event.order_receipt.order_totals.grand_total.get().unsigned_abs();
        let is_sale = self.event.order_receipt.order.kind == OrderType::Sale;
        is_sale && self.is_for_business() && total > SIMPLIFIED * 100
    }
}

const NO: &[&str] = &["NO"];
const SE: &[&str] = &["SE"];
const DK: &[&str] = &["DK"];
const FI: &[&str] = &["FI"];
const TR: &[&str] = &["TR"];
const EU: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

const NO_CONTENTS: &str = "bokføringsforskriften § 5-1-1";
const NO_PARTIES: &str = "bokføringsforskriften § 5-1-2";
const NO_TILL: &str = "kassasystemforskriften § 2-8";
const SE_TILL: &str = "SKVFS 2014:9";
const DK_VAT: &str = "momsbekendtgørelsen §§ 58, 64";
const FI_RECEIPT: &str = "laki 658/2013";
const TR_INVOICE: &str = "VUK 230";
const EU_INVOICE: &str = "directive 2006/112/EC, article 226";
const EU_SIMPLIFIED: &str = "directive 2006/112/EC, article 226b";
const EU_CHANGE: &str = "directive 2006/112/EC, article 219";

/// Variables that say who sells.
const SELLER: &[&str] = &["issuer.name", "tenant.name", "store.name"];
const SELLER_NUMBER: &[&str] = &["issuer.vatId", "issuer.legalId", "store.organizationNumber"];
const BUYER: &[&str] = &["customer.name", "customer.company"];
const PRICE: &[&str] = &["items.total", "items.net"];
const RATE: &[&str] = &["vat.rate", "items.vatRate"];
const VAT: &[&str] = &["receipt.vatTotal", "vat.vat"];

type When = fn(&Subject<'_>) -> bool;

const ALWAYS: When = |_| true;
const GOODS: When = |subject| subject.is_goods();
const INVOICE: When = |subject| subject.is_invoice();
const RECEIPT: When = |subject| subject.is_receipt();
const OF_TILL: When = |subject| subject.is_of_till();
const FOR_BUSINESS: When = |subject| subject.is_for_business();
const VAT_CHARGED: When = |subject| subject.charges_vat();

#[rustfmt::skip]
pub(crate) static RULES: &[Rule] = &[
    rule(NO, NO_CONTENTS, "the number", ALWAYS, Form::Text, &["receipt.voucherNumber"]),
    rule(NO, NO_CONTENTS, "the date", ALWAYS, Form::Date, &["receipt.createdAt"]),
    rule(NO, NO_CONTENTS, "the goods", GOODS, Form::Text, &["items.name"]),
    rule(NO, NO_CONTENTS, "the quantity of the goods", GOODS, Form::Quantity, &["items.quantity"]),
    rule(NO, NO_CONTENTS, "the price of the goods", GOODS, Form::Money, PRICE),
    rule(NO, NO_CONTENTS, "the VAT", VAT_CHARGED, Form::Money, VAT),
    rule(NO, NO_CONTENTS, "the date of delivery", FOR_BUSINESS, Form::Date, &["receipt.deliveredAt"]),
    rule(NO, NO_CONTENTS, "the place of delivery", |s| s.is_for_business() && s.is_sent(), Form::Text, &["delivery.street"]),
    rule(NO, NO_CONTENTS, "the place of delivery", |s| s.is_for_business() && !s.is_sent(), Form::Text, &["store.street", "customer.street"]),
    rule(NO, NO_CONTENTS, "the due date", |s| s.kind == Invoice, Form::Date, &["receipt.dueDate"]),
    rule(NO, NO_PARTIES, "the seller's name", ALWAYS, Form::Text, SELLER),
    Rule { accepts: |value| value.to_ascii_uppercase().ends_with("MVA"), ..rule(NO, NO_PARTIES, "the seller's organisation number, followed by MVA", VAT_CHARGED, Form::Text, &["issuer.vatId", "store.organizationNumber"]) },
    rule(NO, NO_PARTIES, "the word Foretaksregisteret", |subject| subject.is_limited_company(), Form::Text, &["issuer.registerNote"]),
    rule(NO, NO_PARTIES, "the street of the registered office", |subject| subject.is_limited_company(), Form::Text, &["issuer.street"]),
    rule(NO, NO_PARTIES, "the city of the registered office", |subject| subject.is_limited_company(), Form::Text, &["issuer.city"]),
    rule(NO, NO_PARTIES, "the buyer's name", FOR_BUSINESS, Form::Text, BUYER),
    rule(NO, NO_PARTIES, "the buyer's address or organisation number", FOR_BUSINESS, Form::Text, &["customer.vatNumber", "customer.street"]),
    rule(NO, NO_TILL, "the title Salgskvittering", |s| s.kind == Sale && s.is_of_till(), Form::Word, &["Salgskvittering"]),
    rule(NO, NO_TILL, "the title Returkvittering", |s| s.kind == Return && s.is_of_till(), Form::Word, &["Returkvittering"]),
    rule(NO, NO_TILL, "the word KOPI on a copy", |subject| subject.is_copy(), Form::Word, &["KOPI"]),
    rule(NO, NO_TILL, "the number of the till", OF_TILL, Form::Text, &["receipt.till"]),

    rule(SE, SE_TILL, "the seller's name", OF_TILL, Form::Text, SELLER),
    rule(SE, SE_TILL, "the seller's organisation number", OF_TILL, Form::Text, SELLER_NUMBER),
    rule(SE, SE_TILL, "the street of the store", OF_TILL, Form::Text, &["store.street", "issuer.street"]),
    rule(SE, SE_TILL, "the city of the store", OF_TILL, Form::Text, &["store.city", "issuer.city"]),
    rule(SE, SE_TILL, "the date", OF_TILL, Form::Date, &["receipt.createdAt"]),
    rule(SE, SE_TILL, "the time", OF_TILL, Form::Time, &["receipt.createdAt"]),
    rule(SE, SE_TILL, "the number", OF_TILL, Form::Text, &["receipt.voucherNumber"]),
    rule(SE, SE_TILL, "the goods", OF_TILL, Form::Text, &["items.name"]),
    rule(SE, SE_TILL, "the price of the goods", OF_TILL, Form::Money, PRICE),
    rule(SE, SE_TILL, "the rates of VAT", OF_TILL, Form::Percent, RATE),
    rule(SE, SE_TILL, "the VAT by rate", OF_TILL, Form::Money, &["vat.vat"]),
    rule(SE, SE_TILL, "the means of payment", OF_TILL, Form::Text, &["payments.name"]),
    rule(SE, SE_TILL, "the name of the till", OF_TILL, Form::Text, &["receipt.till"]),
    rule(SE, SE_TILL, "the number of the control unit", OF_TILL, Form::Text, &["receipt.controlUnit"]),
    rule(SE, SE_TILL, "the word KOPIA on a copy", |s| s.is_of_till() && s.is_copy(), Form::Word, &["KOPIA"]),

    rule(DK, DK_VAT, "the price of one without VAT", |subject| subject.is_full_in_denmark(), Form::Money, &["items.unitPriceNet"]),
    rule(DK, DK_VAT, "the date of delivery", |subject| subject.is_full_in_denmark(), Form::Date, &["receipt.deliveredAt"]),
    rule(DK, DK_VAT, "the invoice that it changes", |s| s.kind == CreditNote, Form::Text, &["receipt.referencedVoucherNumber"]),

    rule(FI, FI_RECEIPT, "the date", RECEIPT, Form::Date, &["receipt.createdAt"]),
    rule(FI, FI_RECEIPT, "the number", RECEIPT, Form::Text, &["receipt.voucherNumber"]),
    rule(FI, FI_RECEIPT, "the seller's name", RECEIPT, Form::Text, SELLER),
    rule(FI, FI_RECEIPT, "the seller's Y-tunnus", RECEIPT, Form::Text, SELLER_NUMBER),
    rule(FI, FI_RECEIPT, "the goods", RECEIPT, Form::Text, &["items.name"]),
    rule(FI, FI_RECEIPT, "the price of the goods", RECEIPT, Form::Money, PRICE),
    rule(FI, FI_RECEIPT, "the rates of VAT", RECEIPT, Form::Percent, RATE),
    rule(FI, FI_RECEIPT, "the VAT", RECEIPT, Form::Money, VAT),

    rule(TR, TR_INVOICE, "the number", GOODS, Form::Text, &["receipt.voucherNumber"]),
    rule(TR, TR_INVOICE, "the date", GOODS, Form::Date, &["receipt.createdAt"]),
    rule(TR, TR_INVOICE, "the seller's name", GOODS, Form::Text, SELLER),
    Rule { accepts: is_tax_number, ..rule(TR, TR_INVOICE, "the seller's VKN (10 digits) or TCKN (11 digits)", GOODS, Form::Text, SELLER_NUMBER) },
    rule(TR, TR_INVOICE, "the seller's tax office", GOODS, Form::Text, &["issuer.taxOffice"]),
    rule(TR, TR_INVOICE, "the goods", GOODS, Form::Text, &["items.name"]),
    rule(TR, TR_INVOICE, "the quantity of the goods", GOODS, Form::Quantity, &["items.quantity"]),
    rule(TR, TR_INVOICE, "the price of the goods", GOODS, Form::Money, PRICE),
    rule(TR, TR_INVOICE, "the VAT", VAT_CHARGED, Form::Money, VAT),
    rule(TR, TR_INVOICE, "the buyer's name", FOR_BUSINESS, Form::Text, BUYER),
    rule(TR, TR_INVOICE, "the buyer's address", FOR_BUSINESS, Form::Text, &["customer.street"]),
    Rule { accepts: is_tax_number, ..rule(TR, TR_INVOICE, "the buyer's VKN (10 digits) or TCKN (11 digits)", FOR_BUSINESS, Form::Text, &["customer.vatNumber"]) },
    rule(TR, TR_INVOICE, "the date of delivery", FOR_BUSINESS, Form::Date, &["receipt.deliveredAt"]),

    rule(EU, EU_INVOICE, "the date", INVOICE, Form::Date, &["receipt.createdAt"]),
    rule(EU, EU_INVOICE, "the number", INVOICE, Form::Text, &["receipt.voucherNumber"]),
    Rule { accepts: has_country, ..rule(EU, EU_INVOICE, "the seller's VAT number, with its country", INVOICE, Form::Text, &["issuer.vatId", "store.organizationNumber"]) },
    rule(EU, EU_INVOICE, "the seller's name", INVOICE, Form::Text, SELLER),
    rule(EU, EU_INVOICE, "the seller's address", INVOICE, Form::Text, &["issuer.street", "store.street"]),
    rule(EU, EU_INVOICE, "the buyer's name", INVOICE, Form::Text, BUYER),
    rule(EU, EU_INVOICE, "the buyer's address", INVOICE, Form::Text, &["customer.street"]),
    rule(EU, EU_INVOICE, "the goods", INVOICE, Form::Text, &["items.name"]),
    rule(EU, EU_INVOICE, "the quantity of the goods", INVOICE, Form::Quantity, &["items.quantity"]),
    rule(EU, EU_INVOICE, "the date of delivery", INVOICE, Form::Date, &["receipt.deliveredAt"]),
    rule(EU, EU_INVOICE, "the price of one without VAT", INVOICE, Form::Money, &["items.unitPriceNet"]),
    rule(EU, EU_INVOICE, "the taxable amount by rate", INVOICE, Form::Money, &["vat.net"]),
    rule(EU, EU_INVOICE, "the rates of VAT", INVOICE, Form::Percent, RATE),
    rule(EU, EU_INVOICE, "the VAT", INVOICE, Form::Money, VAT),
    rule(EU, EU_INVOICE, "why no VAT is charged", |s| s.is_invoice() && s.has_exemption(), Form::Text, &["items.exemption"]),
    rule(EU, EU_CHANGE, "the invoice that it changes", |s| s.kind == CreditNote, Form::Text, &["receipt.referencedVoucherNumber"]),
    rule(EU, EU_SIMPLIFIED, "the date", RECEIPT, Form::Date, &["receipt.createdAt"]),
    rule(EU, EU_SIMPLIFIED, "the seller's name", RECEIPT, Form::Text, SELLER),
    rule(EU, EU_SIMPLIFIED, "the goods", RECEIPT, Form::Text, &["items.name"]),
    rule(EU, EU_SIMPLIFIED, "the VAT", RECEIPT, Form::Money, VAT),
];

const fn rule(
    countries: &'static [&'static str],
    source: &'static str,
    what: &'static str,
    when: When,
    form: Form,
    any: &'static [&'static str],
) -> Rule {
    Rule { countries, source, what, when, form, any, accepts: |_| true }
}

/// Whether it has as many digits as a tax number of Türkiye.
fn is_tax_number(value: &str) -> bool {
    matches!(value.bytes().filter(u8::is_ascii_digit).count(), 10 | 11)
}

/// Whether it begins with a country, as VAT numbers do.
fn has_country(value: &str) -> bool {
    let mut letters = value.bytes().take(2);
    value.len() > 2 && letters.all(|b| b.is_ascii_uppercase()) && value.bytes().any(|b| b.is_ascii_digit())
}

/// Where a variable comes from: the member of the event, and the key of a tenant's facts that stands in for it.
pub(crate) fn origin(variable: &str) -> Option<(&'static str, Option<&'static str>)> {
    #[rustfmt::skip]
    const ORIGINS: &[(&str, &str, Option<&str>)] = &[
        ("receipt.voucherNumber", "orderReceipt.voucherNumber", None),
        ("receipt.createdAt", "orderReceipt.createdAt", None),
        ("receipt.deliveredAt", "orderReceipt.deliveryDate", None),
        ("receipt.dueDate", "orderReceipt.dueDate", Some("payment-days")),
        ("receipt.referencedVoucherNumber", "orderReceipt.referencedVoucherNumber", None),
        ("receipt.till", "orderReceipt.till.number", Some("till")),
        ("receipt.controlUnit", "orderReceipt.till.controlUnit", Some("control-unit")),
        ("receipt.vatTotal", "orderReceipt.orderTotals.vatTotal", None),
        ("issuer.name", "orderReceipt.issuer.legalName", Some("legal-name")),
        ("issuer.legalId", "orderReceipt.issuer.legalId", Some("legal-id")),
        ("issuer.vatId", "orderReceipt.issuer.vatId", Some("vat-id")),
        ("issuer.taxOffice", "orderReceipt.issuer.taxOffice", Some("tax-office")),
        ("issuer.registerNote", "orderReceipt.issuer.registerNote", Some("register-note")),
        ("issuer.street", "orderReceipt.issuer.address.address", Some("street")),
        ("issuer.city", "orderReceipt.issuer.address.city", Some("city")),
        ("tenant.name", "tenant.name", None),
        ("store.name", "orderReceipt.order.store.name", None),
        ("store.organizationNumber", "orderReceipt.order.store.organizationNumber", None),
        ("store.street", "orderReceipt.order.store.address.address", None),
        ("store.city", "orderReceipt.order.store.address.city", None),
        ("customer.name", "orderReceipt.customer.displayName", None),
        ("customer.company", "orderReceipt.invoiceAddress.companyName", None),
        ("customer.vatNumber", "orderReceipt.invoiceAddress.vatNumber", None),
        ("customer.street", "orderReceipt.invoiceAddress.address", None),
        ("delivery.street", "orderReceipt.order.address.address", None),
        ("items.name", "orderReceipt.items[].name", None),
        ("items.quantity", "orderReceipt.items[].quantity", None),
        ("items.total", "orderReceipt.items[].total", None),
        ("items.net", "orderReceipt.items[].total", None),
        ("items.vatRate", "orderReceipt.items[].vatRate", None),
        ("items.unitPriceNet", "orderReceipt.items[].unitPrice", None),
        ("items.exemption", "orderReceipt.items[].exemptionReason", None),
        ("vat.rate", "orderReceipt.items[].vatRate", None),
        ("vat.net", "orderReceipt.items[].total", None),
        ("vat.vat", "orderReceipt.items[].vatAmount", None),
        ("payments.name", "orderReceipt.settlements[].name", None),
    ];
    let found = ORIGINS.iter().find(|(name, ..)| *name == variable);
    found.map(|(_, member, key)| (*member, *key))
}
