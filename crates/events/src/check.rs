//! Receipts that contradict themselves are found here, before anything is made of them: an invoice
//! that does not add up must reach a person, not Omnium.

use std::fmt;

use crate::{Hundredths, Item, OrderReceipt, OrderType, ReceiptSettled, Settlement};

/// Where a receipt contradicts itself, and what was expected there. Names no value of the receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The JSON path of the member.
    pub path: String,
    /// What was expected there.
    pub expected: String,
}

impl std::error::Error for Contradiction {}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the receipt contradicts itself at {}: expected {}", self.path, self.expected)
    }
}

/// Cash rounding: the items' sum may differ this much from the grand total.
const CASH_ROUNDING: u64 = 100;

/// Rounding per rate: the items' VAT may differ this much a line from the VAT total.
const VAT_ROUNDING_PER_LINE: u64 = 1;

impl ReceiptSettled {
    /// Checks what the types cannot say: members that depend on others, and sums.
    pub fn check(&self) -> Result<(), Contradiction> {
        let receipt = &self.order_receipt;
        receipt.items.iter().enumerate().try_for_each(|(i, item)| check_item(receipt, i, item))?;
        receipt.settlements.iter().enumerate().try_for_each(|(i, s)| check_settlement(i, s))?;
        match receipt.order.kind {
            OrderType::Payment => check_payment(receipt)?,
            OrderType::Sale | OrderType::Return if receipt.items.is_empty() => {
                return expected("items", "at least one item, unless order.type is PAYMENT");
            }
            OrderType::Sale | OrderType::Return => {}
        }
        if !receipt.items.is_empty() {
            check_totals(receipt)?;
        }
        check_vat_table(receipt)?;
        check_paid(receipt)
    }
}

fn expected<T>(path: impl fmt::Display, expected: impl Into<String>) -> Result<T, Contradiction> {
    Err(Contradiction { path: format!("orderReceipt.{path}"), expected: expected.into() })
}

fn check_item(receipt: &OrderReceipt, i: usize, item: &Item) -> Result<(), Contradiction> {
    if !(0..=10_000).contains(&item.vat_rate.get()) {
        return expected(format_args!("items[{i}].vatRate"), "a rate between 0 and 100 percent (0 to 10000)");
    }
    // In ten-thousandths, so that 1.5 × 0.33 is exact; a total may be rounded to its hundredth
    // either way, so anything below one hundredth apart is the same.
    let product = i128::from(item.quantity.get()) * i128::from(item.unit_price.get());
    let stated = i128::from(item.total.get() + item.discount_amount.get()) * 100;
    if (product - stated).abs() >= 100 {
        return expected(format_args!("items[{i}].total"), "quantity × unitPrice − discountAmount");
    }
    if receipt.order.kind == OrderType::Return {
        for (member, value) in
            [("quantity", item.quantity), ("discountAmount", item.discount_amount), ("total", item.total)]
        {
            if value > Hundredths::ZERO {
                return expected(format_args!("items[{i}].{member}"), "zero or less on a RETURN");
            }
        }
    }
    Ok(())
}

fn check_settlement(i: usize, settlement: &Settlement) -> Result<(), Contradiction> {
    if settlement.is_completed() && settlement.settled_at.is_none() {
        return expected(
            format_args!("settlements[{i}].settledAt"),
            "a time, because the settlement is COMPLETED",
        );
    }
    Ok(())
}

fn check_payment(receipt: &OrderReceipt) -> Result<(), Contradiction> {
    if receipt.referenced_voucher_number.is_none() {
        return expected("referencedVoucherNumber", "a voucher number, because order.type is PAYMENT");
    }
    let counted: Hundredths = receipt.settlements.iter().filter(|s| s.is_counted()).map(|s| s.amount).sum();
    match receipt.settlement_total {
        None => expected("settlementTotal", "an amount, because order.type is PAYMENT"),
        Some(total) if total != counted => expected(
            "settlementTotal",
            "the sum of the completed settlements that are no pre-payments and not linked to one",
        ),
        Some(_) => Ok(()),
    }
}

fn check_totals(receipt: &OrderReceipt) -> Result<(), Contradiction> {
    let totals = &receipt.order_totals;
    let items: Hundredths = receipt.items.iter().map(|item| item.total).sum();
    if apart(items, totals.grand_total) > CASH_ROUNDING {
        return expected("orderTotals.grandTotal", "the sum of the items' totals, within 1.00");
    }
    let vat: Hundredths = receipt.items.iter().map(|item| item.vat_amount).sum();
    if apart(vat, totals.vat_total) > allowance(receipt.items.len()) {
        return expected("orderTotals.vatTotal", "the sum of the items' vatAmount, within 0.01 a line");
    }
    Ok(())
}

fn check_vat_table(receipt: &OrderReceipt) -> Result<(), Contradiction> {
    let rows = receipt.order_totals.vat.as_deref().unwrap_or_default();
    let vat: Hundredths = rows.iter().map(|row| row.vat).sum();
    // The rows are rounded per rate where the total may be rounded per line.
    let lines = rows.len().max(receipt.items.len());
    if !rows.is_empty() && apart(vat, receipt.order_totals.vat_total) > allowance(lines) {
        return expected("orderTotals.vat", "rows whose vat adds up to vatTotal, within 0.01 a line");
    }
    Ok(())
}

/// All cash becomes one payment, whose amount must be one that can be written.
fn check_paid(receipt: &OrderReceipt) -> Result<(), Contradiction> {
    let handed_over: Hundredths = receipt
        .settlements
        .iter()
        .map(|settlement| Hundredths::new(settlement.amount.get().saturating_abs()))
        .sum();
    if handed_over.get() > Hundredths::LIMIT {
        return expected("settlements", "amounts that come to at most a hundred billion together");
    }
    Ok(())
}

fn apart(a: Hundredths, b: Hundredths) -> u64 {
    (a - b).get().unsigned_abs()
}

fn allowance(lines: usize) -> u64 {
    VAT_ROUNDING_PER_LINE.saturating_mul(lines as u64)
}
