//! What a template's texts can say of a receipt: the variables, in the event's words.

mod group;
mod parties;
mod payments;
mod totals;

use events::store_clock::{self, Zone};
use events::{Item, OrderType, ReceiptSettled};
use minijinja::Value;

use crate::labels::label;
use crate::language::Language;
pub(crate) use group::Group;
use group::text;

/// Every variable of a receipt, by its first name.
pub(crate) const VARIABLES: [(&str, &[&str]); 6] = [
    ("receipt", &RECEIPT),
    ("tenant", &["name"]),
    ("store", &parties::STORE),
    ("seller", &["code", "name"]),
    ("customer", &parties::CUSTOMER),
    ("package", &["number"]),
];

/// The lists a table can go through, with the members of `row` in each.
pub(crate) const LISTS: [(&str, &[&str]); 3] =
    [("items", &ITEM), ("vat", &totals::VAT), ("payments", &payments::PAYMENT)];

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
            parties::store(&receipt.order.store),
            Group::value(
                &["code", "name"],
                [
                    seller.map_or_else(none, |seller| text(&seller.code)),
                    seller.map_or_else(none, |seller| text(&seller.name)),
                ],
            ),
            parties::customer(receipt),
            Group::value(
                &["number"],
                [event.package.as_ref().map_or_else(none, |package| group::string(&package.number))],
            ),
            receipt.items.iter().map(item).collect(),
            totals::vat(receipt),
            payments::payments(receipt, language),
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
            group::string(&receipt.voucher_number),
            Value::from(label(title, language).unwrap_or_default()),
            Value::from(receipt.order.kind.as_str()),
            Value::from(receipt.order.kind == OrderType::Return),
            Value::from(is_payment),
            time(receipt.created_at.moment()),
            time(receipt.settled_at.moment()),
            group::string(&receipt.order.origin),
            text(&event.tenant.country.code),
            group::string(&event.tenant.country.currency),
            group::string(&receipt.order.order_number),
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
            group::string(&item.name),
            group::string(&item.sku),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_names_every_variable_and_member() {
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
