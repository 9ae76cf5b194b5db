//! From a checked till receipt to the Omnium invoice. Pure: no I/O, no clock.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod extras;
mod mapping;

use events::{
    Address, Amount, Hundredths, Invoice, InvoiceAddress, Item, Line, OrderReceipt, OrderType, Payment,
    Property, ReceiptSettled, Settlement, SettlementKind, Text,
};
use rust_decimal::{Decimal, RoundingStrategy};

pub use mapping::{CustomerTypes, Extra, Mapping, PropertyName, UnknownExtra, UnknownProperty};

/// The invoice of a receipt.
///
/// Flow: "standard invoice" for sales and returns, "payment invoice" for orders of type `PAYMENT`.
///
/// # Panics
///
/// Where the receipt lacks what [`ReceiptSettled::check`] requires; never on one that passed it.
pub fn map(event: &ReceiptSettled, mapping: &Mapping) -> Invoice {
    let receipt = &event.order_receipt;
    let order = &receipt.order;
    let (amount, amount_excluding_tax) = amounts(receipt);
    let mut invoice = Invoice {
        id: receipt.uid.clone(),
        order_id: order.uid.clone(),
        invoice_date: receipt.created_at.clone(),
        invoice_number: receipt.voucher_number.clone().into(),
        amount,
        amount_excluding_tax,
        currency: event.tenant.country.currency.clone().into(),
        delivery_date: receipt.settled_at.clone(),
        invoice_due_date: receipt.settled_at.clone(),
        customer_email: customer_email(receipt),
        customer_id: receipt.customer.as_ref().and_then(|customer| customer.uid.clone()),
        customer_name: customer_name(receipt),
        customer_type: match receipt.is_business() {
            true => mapping.customer_types.business.clone(),
            false => mapping.customer_types.private.clone(),
        },
        origin: order.origin.clone().into(),
        store_id: order.store.uid.clone(),
        market_id: order.store.external_id.clone(),
        customer_address: customer_address(receipt),
        is_credit_note: None,
        kid: None,
        invoice_type: None,
        amount_roundoff: None,
        invoice_sender_address: None,
        external_ids: Vec::new(),
        line_items: lines(receipt, mapping),
        payments: payments(receipt, mapping),
        properties: invoice_properties(receipt, mapping),
    };
    mapping.extras.iter().for_each(|extra| extras::add(*extra, event, mapping, &mut invoice));
    invoice
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

// The customer is the contact person, else the invoice address, else the order's address. "Else" goes field by
// field for name and e-mail, and by the whole address for the address, so that none is put together from two.

fn customer_email(receipt: &OrderReceipt) -> Option<Text> {
    let contact = receipt.contact_person.as_ref().and_then(|contact| contact.email.clone());
    contact.or_else(|| receipt.addresses().find_map(|address| address.email.clone()))
}

fn customer_name(receipt: &OrderReceipt) -> Option<Text> {
    let contact = receipt.contact_person.as_ref().and_then(|contact| contact.display_name.clone());
    contact.or_else(|| receipt.addresses().find_map(|address| address.display_name.clone()))
}

/// The first address that says anything.
fn customer_address(receipt: &OrderReceipt) -> Option<InvoiceAddress> {
    receipt.addresses().find(|address| **address != Address::default()).map(invoice_address)
}

fn invoice_address(address: &Address) -> InvoiceAddress {
    InvoiceAddress {
        name: address.display_name.clone(),
        first_name: address.firstname.clone(),
        last_name: address.lastname.clone(),
        line1: address.address.clone(),
        postal_code: address.postal_code.clone(),
        city: address.city.clone(),
        country_code: address.country_code.clone(),
        email: address.email.clone(),
        phone: address.mobile.clone(),
        organization: address.company_name.clone(),
        organizational_number: address.vat_number.clone(),
    }
}

/// The receipt's items, or the one line of a payment.
fn lines(receipt: &OrderReceipt, mapping: &Mapping) -> Vec<Line> {
    match receipt.order.kind {
        OrderType::Sale | OrderType::Return => {
            receipt.items.iter().map(|item| item_line(item, receipt, mapping)).collect()
        }
        OrderType::Payment => vec![payment_line(receipt)],
    }
}

/// Flow: "line items are sourced from the receipt items".
fn item_line(item: &Item, receipt: &OrderReceipt, mapping: &Mapping) -> Line {
    Line {
        line_item_id: item.uid.clone().into(),
        code: item.sku.clone().into(),
        display_name: item.name.clone(),
        ean: item.ean.clone().map(Into::into),
        quantity: item.quantity.into(),
        placed_price: item.unit_price.into(),
        placed_price_excl_tax: Some(without_tax(item)),
        discounted: Some(item.discount_amount.into()),
        extended_price: item.total.into(),
        extended_price_excl_tax: Some((item.total - item.vat_amount).into()),
        tax_rate: Some(item.vat_rate.into()),
        tax_total: Some(item.vat_amount.into()),
        properties: line_properties(receipt, mapping),
    }
}

/// The unit price ÷ (1 + rate), to the hundredth, midpoints away from zero. The checked rate is not
/// negative, so the divisor is at least one.
fn without_tax(item: &Item) -> Amount {
    let divisor = Decimal::ONE + item.vat_rate.to_decimal() / Decimal::ONE_HUNDRED;
    let exact = item.unit_price.to_decimal() / divisor;
    Amount(exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// Flow: one line of SKU `REMITTANCE`, quantity 1, named after the voucher that is paid.
fn payment_line(receipt: &OrderReceipt) -> Line {
    let voucher = receipt.referenced_voucher_number.as_deref();
    let voucher = voucher.expect("a checked PAYMENT has its referencedVoucherNumber");
    let total = settlement_total(receipt);
    Line {
        line_item_id: text("1"),
        code: text("REMITTANCE"),
        display_name: text(format!("Payment for invoice {voucher} (order #{})", receipt.order.order_number)),
        ean: None,
        quantity: Amount(Decimal::ONE),
        placed_price: total,
        placed_price_excl_tax: None,
        discounted: None,
        extended_price: total,
        extended_price_excl_tax: None,
        tax_rate: None,
        tax_total: None,
        properties: Vec::new(),
    }
}

/// Flow: "only completed settlements are included", pre-payments and what is linked to one are
/// skipped, "cash and cashback settlements are merged".
///
/// The merged cash stands where its first part stood.
fn payments(receipt: &OrderReceipt, mapping: &Mapping) -> Vec<Payment> {
    let counted = || receipt.settlements.iter().filter(|settlement| settlement.is_counted());
    let mut cash = merged_cash(counted().filter(|settlement| is_cash(settlement)));
    counted()
        .filter_map(|settlement| match is_cash(settlement) {
            true => cash.take(),
            false => Some((settlement, settlement.amount)),
        })
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(settlement, amount)| payment(settlement, amount, mapping))
        .collect()
}

fn is_cash(settlement: &Settlement) -> bool {
    matches!(settlement.kind(), SettlementKind::Cash | SettlementKind::Cashback)
}

/// The part that lends its code, name, ids and date (the first `CASH`, else the first `CASHBACK`),
/// and the sum of all parts.
fn merged_cash<'a>(
    parts: impl Iterator<Item = &'a Settlement> + Clone,
) -> Option<(&'a Settlement, Hundredths)> {
    let taken = parts.clone().find(|part| part.kind() == SettlementKind::Cash);
    let face = taken.or_else(|| parts.clone().next())?;
    Some((face, parts.map(|part| part.amount).sum()))
}

/// The amount is written without its sign; `Credit` says that the money went to the customer.
fn payment(settlement: &Settlement, amount: Hundredths, mapping: &Mapping) -> Payment {
    let paid_date = settlement.settled_at.clone();
    Payment {
        amount: Amount(amount.to_decimal().abs()),
        payment_method_name: method_name(settlement, mapping),
        payment_type: settlement.name.clone(),
        transaction_id: settlement.transaction_id.clone().unwrap_or_else(|| settlement.uid.clone().into()),
        transaction_type: text(if amount < Hundredths::ZERO { "Credit" } else { "Sale" }),
        status: text("Processed"),
        paid_date: paid_date.expect("a checked settlement that is completed has its settledAt"),
    }
}

/// As the tenant calls it in Omnium: by its own table, else as the till says, else by the code.
fn method_name(settlement: &Settlement, mapping: &Mapping) -> Text {
    let own = mapping.payment_methods.get(&*settlement.code).or_else(|| settlement.omnium_name());
    own.cloned().unwrap_or_else(|| settlement.code.clone().into())
}

/// Named facts that Omnium has no member for, in this order. Flow: the loyalty id on "standard invoices only".
fn invoice_properties(receipt: &OrderReceipt, mapping: &Mapping) -> Vec<Property> {
    let loyalty_id = match receipt.order.kind {
        OrderType::Sale | OrderType::Return => receipt.customer.as_ref().and_then(|c| c.loyalty_id.clone()),
        OrderType::Payment => None,
    };
    let seller = receipt.seller.as_ref().and_then(|seller| seller.code.clone());
    [
        (PropertyName::OrderNumber, Some(receipt.order.order_number.clone().into())),
        (PropertyName::LoyaltyId, loyalty_id),
        (PropertyName::SellerCode, seller),
        (PropertyName::OrderType, Some(text(receipt.order.kind.as_str()))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(property(mapping.key(name), value?, mapping)))
    .collect()
}

/// A standard line's: Flow sets the voucher number twice, once for Voyado.
fn line_properties(receipt: &OrderReceipt, mapping: &Mapping) -> Vec<Property> {
    let voucher = &receipt.voucher_number;
    vec![
        property(mapping.key(PropertyName::VoucherNumber), voucher.clone().into(), mapping),
        property(text("voyado.order.id"), voucher.clone().into(), mapping),
    ]
}

fn property(key: Text, value: Text, mapping: &Mapping) -> Property {
    Property { key, value, key_group: text(format!("{}.Invoice", mapping.prefix)) }
}

/// For texts with a literal part.
fn text(text: impl Into<String>) -> Text {
    Text::new(text).expect("a text with a literal part is never empty")
}
