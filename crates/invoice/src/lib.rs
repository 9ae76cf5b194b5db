//! From a checked till receipt to the Omnium invoice. Pure: no I/O, no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod customer;
mod lines;
mod payments;
mod properties;

use events::{Amount, Invoice, OrderReceipt, OrderType, ReceiptSettled, Text};

/// The invoice of a receipt. `prefix` starts the keys of its properties (`OMNIUM_PROPERTY_PREFIX`).
///
/// Flow: "standard invoice" for sales and returns, "payment invoice" for orders of type `PAYMENT`.
///
/// # Panics
///
/// Where the receipt lacks what [`ReceiptSettled::check`] requires; never on one that passed it.
pub fn map(event: &ReceiptSettled, prefix: &str) -> Invoice {
    let receipt = &event.order_receipt;
    let order = &receipt.order;
    let (amount, amount_excluding_tax) = amounts(receipt);
    Invoice {
        id: receipt.uid.clone(),
        order_id: order.uid.clone(),
        invoice_date: receipt.created_at.clone(),
        invoice_number: receipt.voucher_number.clone().into(),
        amount,
        amount_excluding_tax,
        currency: event.tenant.country.currency.clone().into(),
        delivery_date: receipt.settled_at.clone(),
        invoice_due_date: receipt.settled_at.clone(),
        customer_email: customer::email(receipt),
        customer_id: receipt.customer.as_ref().and_then(|customer| customer.uid.clone()),
        customer_name: customer::name(receipt),
        customer_type: customer::kind(receipt),
        origin: order.origin.clone().into(),
        store_id: order.store.uid.clone(),
        market_id: order.store.external_id.clone(),
        customer_address: customer::address(receipt),
        line_items: lines::of(receipt, prefix),
        payments: payments::of(receipt),
        properties: properties::of_invoice(receipt, prefix),
    }
}

/// With and without tax. A payment has no tax of its own: both are what was paid.
fn amounts(receipt: &OrderReceipt) -> (Amount, Amount) {
    match receipt.order.kind {
        OrderType::Sale | OrderType::Return => {
            let totals = &receipt.order_totals;
            (totals.grand_total.into(), (totals.grand_total - totals.vat_total).into())
        }
        OrderType::Payment => {
            let paid = settlement_total(receipt);
            (paid, paid)
        }
    }
}

/// What a payment comes to.
fn settlement_total(receipt: &OrderReceipt) -> Amount {
    receipt.settlement_total.expect("a checked PAYMENT has its settlementTotal").into()
}

/// For texts with a literal part.
fn text(text: impl Into<String>) -> Text {
    Text::new(text).expect("a text with a literal part is never empty")
}
