//! What a template's texts can say of a receipt: the variables, in the event's words.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use events::store_clock::{self, Zone};
use events::{
    Address, Hundredths, Item, OrderReceipt, OrderType, ReceiptSettled, Settlement, SettlementKind, Store,
    Text,
};
use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::labels::label;
use crate::language::Language;

/// Every variable of a receipt, by its first name.
pub(crate) const VARIABLES: [(&str, &[&str]); 6] = [
    ("receipt", &RECEIPT),
    ("tenant", &["name"]),
    ("store", &STORE),
    ("seller", &["code", "name"]),
    ("customer", &CUSTOMER),
    ("package", &["number"]),
];

/// The lists a table can go through, with the members of `row` in each.
pub(crate) const LISTS: [(&str, &[&str]); 3] = [("items", &ITEM), ("vat", &VAT), ("payments", &PAYMENT)];

const RECEIPT: [&str; 17] = [
    "voucherNumber",
    "title",
    "type",
    "isReturn",
    "isPayment",
    "createdAt",
    "settledAt",
    "origin",
    "country",
    "currency",
    "orderNumber",
    "referencedVoucherNumber",
    "grandTotal",
    "vatTotal",
    "netTotal",
    "itemsTotal",
    "rounding",
];

const ITEM: [&str; 9] =
    ["name", "sku", "ean", "quantity", "unitPrice", "discount", "total", "vatRate", "vatAmount"];

const STORE: [&str; 8] =
    ["name", "organizationNumber", "street", "postalCode", "city", "country", "phone", "email"];

const CUSTOMER: [&str; 11] = [
    "name",
    "contact",
    "company",
    "vatNumber",
    "street",
    "postalCode",
    "city",
    "country",
    "email",
    "phone",
    "loyaltyId",
];

const PAYMENT: [&str; 4] = ["name", "note", "amount", "transactionId"];

const VAT: [&str; 4] = ["rate", "net", "vat", "gross"];

const ROOT: [&str; 9] =
    ["receipt", "tenant", "store", "seller", "customer", "package", "items", "vat", "payments"];

const ROOT_ON_PAGE: [&str; 11] = [
    "receipt", "tenant", "store", "seller", "customer", "package", "items", "vat", "payments", "page",
    "pages",
];

/// A receipt as the variables of a template's texts.
pub(crate) struct Variables([Value; 9]);

impl Variables {
    pub(crate) fn new(event: &ReceiptSettled, language: Language, zone: Option<Zone>) -> Self {
        let receipt = &event.order_receipt;
        let seller = receipt.seller.as_ref();
        Self([
            receipt_values(event, language, zone),
            Group::value(&["name"], [text(&event.tenant.name)]),
            store_values(&receipt.order.store),
            Group::value(
                &["code", "name"],
                [
                    seller.map_or_else(none, |seller| text(&seller.code)),
                    seller.map_or_else(none, |seller| text(&seller.name)),
                ],
            ),
            customer_values(receipt),
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
        let [receipt, tenant, store, seller, customer, package, items, vat, payments] = self.0.clone();
        let (page, pages) = (Value::from(page), Value::from(pages));
        let values = [receipt, tenant, store, seller, customer, package, items, vat, payments, page, pages];
        Group::value(&ROOT_ON_PAGE, values)
    }
}

fn receipt_values(event: &ReceiptSettled, language: Language, zone: Option<Zone>) -> Value {
    let receipt = &event.order_receipt;
    let totals = &receipt.order_totals;
    let country = event.tenant.country.code.as_deref();
    let time = |moment| Value::from(store_clock::local(moment, zone, country).to_rfc3339());
    let items_total: i64 = receipt.items.iter().map(|item| item.total.get()).sum();
    let rounding = if receipt.items.is_empty() { 0 } else { totals.grand_total.get() - items_total };
    let is_payment = receipt.order.kind == OrderType::Payment;
    // A payment's own amount is what it settled (Flow: "the amount is the total settlement amount").
    let grand_total = match receipt.settlement_total {
        Some(settled) if is_payment => settled,
        _ => totals.grand_total,
    };
    let title = match receipt.order.kind {
        OrderType::Sale => "saleTitle",
        OrderType::Return => "returnTitle",
        OrderType::Payment => "paymentTitle",
    };
    Group::value(
        &RECEIPT,
        [
            string(&receipt.voucher_number),
            Value::from(label(title, language).unwrap_or_default()),
            Value::from(receipt.order.kind.as_str()),
            Value::from(receipt.order.kind == OrderType::Return),
            Value::from(is_payment),
            time(receipt.created_at.moment()),
            time(receipt.settled_at.moment()),
            string(&receipt.order.origin),
            text(&event.tenant.country.code),
            string(&event.tenant.country.currency),
            string(&receipt.order.order_number),
            text(&receipt.referenced_voucher_number),
            Value::from(grand_total.get()),
            Value::from(totals.vat_total.get()),
            Value::from(totals.grand_total.get() - totals.vat_total.get()),
            Value::from(items_total),
            Value::from(rounding),
        ],
    )
}

fn item(item: &Item) -> Value {
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
        ],
    )
}

fn none() -> Value {
    Value::from(())
}

fn store_values(store: &Store) -> Value {
    let of = |pick: fn(&Address) -> &Option<Text>| first([store.address.as_ref()], pick);
    Group::value(
        &STORE,
        [
            text(&store.name),
            text(&store.organization_number),
            of(|a| &a.address),
            of(|a| &a.postal_code),
            of(|a| &a.city),
            of(|a| &a.country_code),
            text(&store.phone),
            text(&store.email),
        ],
    )
}

/// Who the receipt is made out to: the invoice address before the order's, each as a whole, as on
/// the invoice; names and ways to reach people from the first that has them.
fn customer_values(receipt: &OrderReceipt) -> Value {
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
    Group::value(
        &CUSTOMER,
        [
            optional(name),
            optional(person),
            optional(company.filter(|company| Some(*company) != name)),
            first(both, |a| &a.vat_number),
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

/// Rate, net and VAT, by rising rate.
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
    by_rate.into_iter().map(|(rate, (net, vat))| (rate, net, vat)).collect()
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
