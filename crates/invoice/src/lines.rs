//! The lines: the receipt's items, or the one line of a payment.

use events::{Amount, Item, Line, OrderReceipt, OrderType};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::properties;

/// The lines of the receipt's invoice.
pub fn of(receipt: &OrderReceipt, prefix: &str) -> Vec<Line> {
    match receipt.order.kind {
        OrderType::Sale | OrderType::Return => {
            receipt.items.iter().map(|item| of_item(item, receipt, prefix)).collect()
        }
        OrderType::Payment => vec![of_payment(receipt)],
    }
}

/// Flow: "line items are sourced from the receipt items".
fn of_item(item: &Item, receipt: &OrderReceipt, prefix: &str) -> Line {
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
        properties: properties::of_line(receipt, prefix),
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
fn of_payment(receipt: &OrderReceipt) -> Line {
    let voucher = receipt.referenced_voucher_number.as_deref();
    let voucher = voucher.expect("a checked PAYMENT has its referencedVoucherNumber");
    let total = crate::settlement_total(receipt);
    Line {
        line_item_id: crate::text("1"),
        code: crate::text("REMITTANCE"),
        display_name: crate::text(format!(
            "Payment for invoice {voucher} (order #{})",
            receipt.order.order_number
        )),
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
