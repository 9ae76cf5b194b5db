//! What a template's texts can say of a receipt: the variables, in the event's words.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use events::store_clock::{self, Zone};
use events::{
    Address, Date, Hundredths, Issuer, Item, Number, OrderReceipt, OrderType, PaymentAccount, ReceiptSettled,
    Settlement, SettlementKind, Store, Text,
};
use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::labels::label;
use crate::language::Language;

/// Every variable of a receipt, by its first name.
pub(crate) const VARIABLES: [(&str, &[&str]); 9] = [
    ("receipt", &RECEIPT),
    ("tenant", &["name"]),
    ("issuer", &ISSUER),
    ("store", &STORE),
    ("seller", &["code", "name"]),
    ("customer", &CUSTOMER),
    ("delivery", &DELIVERY),
    ("account", &ACCOUNT),
    ("package", &["number"]),
];

/// The lists a table can go through, with the members of `row` in each.
pub(crate) const LISTS: [(&str, &[&str]); 3] = [("items", &ITEM), ("vat", &VAT), ("payments", &PAYMENT)];

const RECEIPT: [&str; 35] = [
    "voucherNumber",
    "title",
    "kind",
    "type",
    "isReturn",
    "isPayment",
    "isInvoice",
    "isCreditNote",
    "isRefund",
    "isBusiness",
    "isNet",
    "isCopy",
    "isPaidInCash",
    "createdAt",
    "settledAt",
    "deliveredAt",
    "dueDate",
    "origin",
    "country",
    "currency",
    "orderNumber",
    "referencedVoucherNumber",
    "buyerReference",
    "till",
    "controlUnit",
    "grandTotal",
    "vatTotal",
    "netTotal",
    "itemsTotal",
    "rounding",
    "itemsNet",
    "netRounding",
    "invoiced",
    "sign",
    "linesSign",
];

const ITEM: [&str; 14] = [
    "name",
    "sku",
    "ean",
    "quantity",
    "unitPrice",
    "discount",
    "total",
    "vatRate",
    "vatAmount",
    "unitPriceNet",
    "discountNet",
    "net",
    "unitCode",
    "exemption",
];

const STORE: [&str; 9] = [
    "name",
    "organizationNumber",
    "organizationLabel",
    "street",
    "postalCode",
    "city",
    "country",
    "phone",
    "email",
];

const CUSTOMER: [&str; 12] = [
    "name",
    "contact",
    "company",
    "vatNumber",
    "vatLabel",
    "street",
    "postalCode",
    "city",
    "country",
    "email",
    "phone",
    "loyaltyId",
];

const ISSUER: [&str; 9] =
    ["name", "legalId", "vatId", "taxOffice", "registerNote", "street", "postalCode", "city", "country"];

const DELIVERY: [&str; 6] = ["name", "company", "street", "postalCode", "city", "country"];

const ACCOUNT: [&str; 4] = ["iban", "bic", "number", "reference"];

const PAYMENT: [&str; 6] = ["name", "note", "amount", "transactionId", "kind", "code"];

const VAT: [&str; 4] = ["rate", "net", "vat", "gross"];

const ROOT: [&str; 12] = [
    "receipt", "tenant", "issuer", "store", "seller", "customer", "delivery", "account", "package", "items",
    "vat", "payments",
];

const ROOT_ON_PAGE: [&str; 14] = [
    "receipt", "tenant", "issuer", "store", "seller", "customer", "delivery", "account", "package", "items",
    "vat", "payments", "page", "pages",
];

/// A receipt as the variables of a template's texts.
pub(crate) struct Variables([Value; ROOT.len()]);

impl Variables {
    pub(crate) fn new(event: &ReceiptSettled, language: Language, zone: Option<Zone>) -> Self {
        let receipt = &event.order_receipt;
        let seller = receipt.seller.as_ref();
        Self([
            receipt_values(event, language, zone),
            Group::value(&["name"], [text(&event.tenant.name)]),
            issuer_values(event),
            store_values(&receipt.order.store, language),
            Group::value(
                &["code", "name"],
                [
                    seller.map_or_else(none, |seller| text(&seller.code)),
                    seller.map_or_else(none, |seller| text(&seller.name)),
                ],
            ),
            customer_values(event, language),
            delivery_values(receipt),
            account_values(receipt),
            Group::value(
                &["number"],
                [event.package.as_ref().map_or_else(none, |package| string(&package.number))],
            ),
            receipt.items.iter().map(item).collect(),
            vat(receipt),
            payments(receipt, language),
        ])
    }

    /// For the blocks of the body.
    pub(crate) fn root(&self) -> Value {
        Group::value(&ROOT, self.0.clone())
    }

    /// For the footer of a page, counted from 1.
    pub(crate) fn on_page(&self, page: usize, pages: usize) -> Value {
        let [page, pages] = [page, pages].map(Value::from);
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.0.clone();
        Group::value(&ROOT_ON_PAGE, [a, b, c, d, e, f, g, h, i, j, k, l, page, pages])
    }
}

/// What the document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    Sale,
    Return,
    Payment,
    /// A sale of which something is to be paid by invoice.
    Invoice,
    /// A return by a business.
    CreditNote,
}

impl DocumentKind {
    pub(crate) fn of(receipt: &OrderReceipt) -> Self {
        match receipt.order.kind {
            OrderType::Payment => Self::Payment,
            OrderType::Return if receipt.is_business() => Self::CreditNote,
            OrderType::Return => Self::Return,
            OrderType::Sale if receipt.invoiced().get() > 0 => Self::Invoice,
            OrderType::Sale => Self::Sale,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Return => "return",
            Self::Payment => "payment",
            Self::Invoice => "invoice",
            Self::CreditNote => "creditNote",
        }
    }

    /// The key of the label that is its title.
    fn title(self) -> &'static str {
        match self {
            Self::Sale => "saleTitle",
            Self::Return => "returnTitle",
            Self::Payment => "paymentTitle",
            Self::Invoice => "invoiceTitle",
            Self::CreditNote => "creditNoteTitle",
        }
    }
}

fn receipt_values(event: &ReceiptSettled, language: Language, zone: Option<Zone>) -> Value {
    let receipt = &event.order_receipt;
    let totals = &receipt.order_totals;
    let country = event.tenant.country.code.as_deref();
    let time = |moment| Value::from(store_clock::local(moment, zone, country).to_rfc3339());
    let sum =
        |amount: fn(&Item) -> Hundredths| receipt.items.iter().map(|item| amount(item).get()).sum::<i64>();
    let has_items = !receipt.items.is_empty();
    let (items_total, items_vat) = (sum(|item| item.total), sum(|item| item.vat_amount));
    let (grand_total, vat_total) = (totals.grand_total.get(), totals.vat_total.get());
    let rounding = if has_items { grand_total - items_total } else { 0 };
    let net_rounding = if has_items { grand_total - vat_total - (items_total - items_vat) } else { 0 };
    let kind = DocumentKind::of(receipt);
    let is_payment = kind == DocumentKind::Payment;
    let is_return = receipt.order.kind == OrderType::Return;
    // A payment's own amount is what it settled (Flow: "the amount is the total settlement amount").
    let amount = match receipt.settlement_total {
        Some(settled) if is_payment => settled.get(),
        _ => grand_total,
    };
    let is_cash = |settlement: &Settlement| {
        settlement.is_completed()
            && matches!(settlement.kind(), SettlementKind::Cash | SettlementKind::Cashback)
    };
    let delivered = receipt.delivery_date.map_or_else(|| time(receipt.settled_at.moment()), date);
    let till = receipt.till.as_ref();
    let sign = |is_negative: bool| Value::from(if is_negative { -1 } else { 1 });
    Group::value(
        &RECEIPT,
        [
            string(&receipt.voucher_number),
            Value::from(label(kind.title(), language).unwrap_or_default()),
            Value::from(kind.name()),
            Value::from(receipt.order.kind.as_str()),
            Value::from(is_return),
            Value::from(is_payment),
            Value::from(kind == DocumentKind::Invoice),
            Value::from(kind == DocumentKind::CreditNote),
            Value::from(amount < 0),
            Value::from(receipt.is_business()),
            Value::from(kind == DocumentKind::Invoice || receipt.is_business()),
            Value::from(receipt.is_copy == Some(true)),
            Value::from(receipt.settlements.iter().any(is_cash)),
            time(receipt.created_at.moment()),
            time(receipt.settled_at.moment()),
            delivered,
            receipt.due_date.map_or_else(none, date),
            string(&receipt.order.origin),
            text(&event.tenant.country.code),
            string(&event.tenant.country.currency),
            string(&receipt.order.order_number),
            text(&receipt.referenced_voucher_number),
            text(&receipt.buyer_reference),
            till.map_or_else(none, |till| text(&till.number)),
            till.map_or_else(none, |till| text(&till.control_unit)),
            Value::from(amount),
            Value::from(vat_total),
            Value::from(grand_total - vat_total),
            Value::from(items_total),
            Value::from(rounding),
            Value::from(items_total - items_vat),
            Value::from(net_rounding),
            Value::from(receipt.invoiced().get()),
            sign(amount < 0),
            sign(is_return),
        ],
    )
}

fn date(date: Date) -> Value {
    Value::from(date.to_string())
}

/// A line; what it is without VAT, is computed: the unit's price as in the Omnium invoice, and the discount so that
/// the line adds up.
fn item(item: &Item) -> Value {
    let net = item.total.get() - item.vat_amount.get();
    let unit_net = without_vat(item.unit_price.get(), item.vat_rate.get());
    let discount_net = if item.discount_amount.is_zero() {
        0
    } else {
        rounded(i128::from(item.quantity.get()) * i128::from(unit_net), 100) - net
    };
    Group::value(
        &ITEM,
        [
            string(&item.name),
            string(&item.sku),
            text(&item.ean),
            Value::from(item.quantity.get()),
            Value::from(item.unit_price.get()),
            Value::from(item.discount_amount.get()),
            Value::from(item.total.get()),
            Value::from(item.vat_rate.get()),
            Value::from(item.vat_amount.get()),
            Value::from(unit_net),
            Value::from(discount_net),
            Value::from(net),
            text(&item.unit_code),
            text(&item.exemption_reason),
        ],
    )
}

/// A price without its VAT, both in hundredths, midpoints away from zero.
fn without_vat(price: i64, rate: i64) -> i64 {
    rounded(i128::from(price) * 10_000, 10_000 + rate)
}

/// A quotient, midpoints away from zero.
fn rounded(number: i128, by: i64) -> i64 {
    let by = i128::from(by);
    ((number.abs() * 2 + by) / (by * 2) * number.signum()) as i64
}

fn none() -> Value {
    Value::from(())
}

fn store_values(store: &Store, language: Language) -> Value {
    let of = |pick: fn(&Address) -> &Option<Text>| first([store.address.as_ref()], pick);
    // A number may bring its name with it: `VKN 1234567890`.
    let names_itself = |number: &Text| number.chars().take(3).all(char::is_alphabetic);
    let names_itself = store.organization_number.as_ref().is_some_and(names_itself);
    let number_label = label("organization", language).filter(|_| !names_itself);
    Group::value(
        &STORE,
        [
            text(&store.name),
            text(&store.organization_number),
            Value::from(number_label.unwrap_or_default()),
            of(|a| &a.address),
            of(|a| &a.postal_code),
            of(|a| &a.city),
            of(|a| &a.country_code),
            text(&store.phone),
            text(&store.email),
        ],
    )
}

/// Who issues the document by law.
fn issuer_values(event: &ReceiptSettled) -> Value {
    let issuer = event.order_receipt.issuer.as_ref();
    let of = |pick: fn(&Issuer) -> &Option<Text>| issuer.map_or_else(none, |issuer| text(pick(issuer)));
    let address = [issuer.and_then(|issuer| issuer.address.as_ref())];
    Group::value(
        &ISSUER,
        [
            of(|i| &i.legal_name),
            of(|i| &i.legal_id),
            of(|i| &i.vat_id),
            of(|i| &i.tax_office),
            of(|i| &i.register_note),
            first(address, |a| &a.address),
            first(address, |a| &a.postal_code),
            first(address, |a| &a.city),
            first(address, |a| &a.country_code),
        ],
    )
}

/// Where the goods went, where that is not where the invoice goes.
fn delivery_values(receipt: &OrderReceipt) -> Value {
    let both = receipt.invoice_address.as_ref().and(receipt.order.address.as_ref());
    let address = [both.filter(|address| receipt.invoice_address.as_ref() != Some(*address))];
    Group::value(
        &DELIVERY,
        [
            first(address, |a| &a.display_name),
            first(address, |a| &a.company_name),
            first(address, |a| &a.address),
            first(address, |a| &a.postal_code),
            first(address, |a| &a.city),
            first(address, |a| &a.country_code),
        ],
    )
}

fn account_values(receipt: &OrderReceipt) -> Value {
    let account = receipt.payment_account.as_ref();
    let of = |pick: fn(&PaymentAccount) -> &Option<Number>| {
        account.map_or_else(none, |account| text(pick(account)))
    };
    Group::value(&ACCOUNT, [of(|a| &a.iban), of(|a| &a.bic), of(|a| &a.account), of(|a| &a.reference)])
}

/// Who the receipt is made out to: the invoice address before the order's, each as a whole, as on
/// the invoice; names and ways to reach people from the first that has them.
fn customer_values(event: &ReceiptSettled, language: Language) -> Value {
    let receipt = &event.order_receipt;
    let both = [receipt.invoice_address.as_ref(), receipt.order.address.as_ref()];
    let address = [receipt.invoice_address.as_ref().or(receipt.order.address.as_ref())];
    let contact = receipt.contact_person.as_ref();
    let customer = receipt.customer.as_ref();
    let company = pick(both, |a| &a.company_name);
    let name = customer
        .and_then(|customer| customer.display_name.as_ref())
        .or_else(|| pick(both, |a| &a.display_name))
        .or_else(|| contact.and_then(|contact| contact.display_name.as_ref()));
    let person =
        contact.and_then(|contact| contact.display_name.as_ref()).filter(|person| Some(*person) != name);
    let email = contact.and_then(|contact| contact.email.as_ref()).or_else(|| pick(both, |a| &a.email));
    let phone = contact.and_then(|contact| contact.mobile.as_ref()).or_else(|| pick(both, |a| &a.mobile));
    let vat_number = pick(both, |a| &a.vat_number);
    // A person's number in Türkiye has one digit more than a company's (VUK 230).
    let digits = vat_number.map_or(0, |number| number.chars().filter(char::is_ascii_digit).count());
    let is_person = event.tenant.country.code.as_deref() == Some("TR") && digits == 11;
    let vat_label = label(if is_person { "personNumber" } else { "vatNumber" }, language);
    Group::value(
        &CUSTOMER,
        [
            optional(name),
            optional(person),
            optional(company.filter(|company| Some(*company) != name)),
            optional(vat_number),
            Value::from(vat_label.unwrap_or_default()),
            first(address, |a| &a.address),
            first(address, |a| &a.postal_code),
            first(address, |a| &a.city),
            first(address, |a| &a.country_code),
            optional(email),
            optional(phone),
            customer.map_or_else(|| Value::from(()), |customer| text(&customer.loyalty_id)),
        ],
    )
}

fn first<const N: usize>(addresses: [Option<&Address>; N], member: fn(&Address) -> &Option<Text>) -> Value {
    optional(pick(addresses, member))
}

fn pick<const N: usize>(
    addresses: [Option<&Address>; N],
    member: fn(&Address) -> &Option<Text>,
) -> Option<&Text> {
    addresses.into_iter().flatten().find_map(|address| member(address).as_ref())
}

fn optional(value: Option<&Text>) -> Value {
    value.map_or_else(|| Value::from(()), |value| string(value))
}

fn payments(receipt: &OrderReceipt, language: Language) -> Value {
    shown_settlements(receipt)
        .into_iter()
        .map(|settlement| {
            Group::value(
                &PAYMENT,
                [
                    string(&settlement.name),
                    payment_note(settlement)
                        .and_then(|key| label(key, language))
                        .map_or_else(none, Value::from),
                    Value::from(settlement.amount.get()),
                    text(&settlement.transaction_id),
                    string(&settlement.kind_code),
                    string(&settlement.code),
                ],
            )
        })
        .collect()
}

fn payment_note(settlement: &Settlement) -> Option<&'static str> {
    match settlement.kind() {
        SettlementKind::PrePayment => Some("prePaid"),
        _ if settlement.pre_payment_uid.is_some() => Some("prePaid"),
        SettlementKind::Invoice => Some("invoiced"),
        _ => None,
    }
}

/// Completed settlements of some amount. A movement linked to a pre-payment is how that one was
/// paid at the time: where the pre-payments alone make up what the counted payments leave open,
/// showing it too would count the money twice.
fn shown_settlements(receipt: &OrderReceipt) -> Vec<&Settlement> {
    let completed = receipt.settlements.iter().filter(|s| s.is_completed() && !s.amount.is_zero());
    let (linked, own): (Vec<_>, Vec<_>) =
        completed.partition(|s| s.pre_payment_uid.is_some() && s.kind() != SettlementKind::PrePayment);
    let sum: Hundredths = own.iter().map(|s| s.amount).sum();
    let is_told_by_pre_payments =
        own.iter().any(|s| s.kind() == SettlementKind::PrePayment) && sum == receipt.order_totals.grand_total;
    if is_told_by_pre_payments { own } else { own.into_iter().chain(linked).collect() }
}

fn vat(receipt: &OrderReceipt) -> Value {
    vat_rows(receipt)
        .into_iter()
        .map(|(rate, net, vat)| {
            Group::value(&VAT, [rate, net, vat, net + vat].map(|number| Value::from(number.get())))
        })
        .collect()
}

/// Rate, net and VAT, by rising rate. Without a VAT table, what the lines come to; where all are of one rate, its VAT is
/// the VAT total, which the till may have rounded once for all lines.
fn vat_rows(receipt: &OrderReceipt) -> Vec<(Hundredths, Hundredths, Hundredths)> {
    if let Some(rows) = receipt.order_totals.vat.as_ref().filter(|rows| !rows.is_empty()) {
        let mut rows: Vec<_> = rows.iter().map(|row| (row.rate, row.net, row.vat)).collect();
        rows.sort_by_key(|row| row.0);
        return rows;
    }
    let mut by_rate = BTreeMap::<Hundredths, (Hundredths, Hundredths)>::new();
    for item in &receipt.items {
        let (net, vat) = by_rate.entry(item.vat_rate).or_default();
        *net = *net + item.total - item.vat_amount;
        *vat = *vat + item.vat_amount;
    }
    let totals = &receipt.order_totals;
    let is_single = by_rate.len() == 1;
    let row = |(rate, (net, vat)): (Hundredths, (Hundredths, Hundredths))| match is_single && !rate.is_zero()
    {
        true => (rate, net + vat - totals.vat_total, totals.vat_total),
        false => (rate, net, vat),
    };
    by_rate.into_iter().map(row).collect()
}

/// A template variable with members: a fixed list of names beside its values. Cheaper to make than a map: the names are shared by all receipts.
#[derive(Debug)]
struct Group {
    names: &'static [&'static str],
    values: Box<[Value]>,
}

impl Group {
    /// Members by name; `names` and `values` in the same order.
    fn value<const N: usize>(names: &'static [&'static str; N], values: [Value; N]) -> Value {
        Value::from_object(Self { names, values: Box::new(values) })
    }
}

impl Object for Group {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let place = self.names.iter().position(|name| *name == key)?;
        self.values.get(place).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(self.names)
    }
}

/// An optional text; `none` where absent.
fn text(text: &Option<impl Deref<Target = str>>) -> Value {
    text.as_deref().map_or_else(|| Value::from(()), string)
}

/// A text on one line: whatever breaks lines or cannot be printed becomes a space.
fn string(text: &str) -> Value {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        let spaced = text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
        Value::from(spaced.split_whitespace().collect::<Vec<_>>().join(" "))
    } else {
        Value::from(text.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_names_every_variable() {
        let manual = include_str!("../../../docs/templates.md");
        for (group, members) in VARIABLES.iter().chain(&LISTS) {
            let line = manual.lines().find(|line| {
                line.starts_with(&format!("| `{group}` |"))
                    || line.starts_with(&format!("| `row`, in a table of `{group}` |"))
            });
            let line = line.unwrap_or_else(|| panic!("no line for {group}"));
            for member in *members {
                assert!(line.contains(&format!("`{member}`")), "{group}.{member}");
            }
        }
    }
}
