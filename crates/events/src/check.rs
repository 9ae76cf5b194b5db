//! Receipts that contradict themselves are found here, before anything is made of them: an invoice
//! that does not add up must reach a person, not Omnium. `docs/decisions.md` has the rules and why each
//! tolerance is what it is.

use std::collections::BTreeMap;
use std::fmt;

use crate::currency::{self, least_unit};
use crate::{Hundredths, Item, OrderReceipt, OrderType, ReceiptSettled, Settlement, SettlementKind, VatRow};

/// Where a receipt contradicts itself, and what was expected there. Of the receipt's values only amounts,
/// rates and quantities are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The JSON path of the member.
    pub path: String,
    /// What was expected there.
    pub expected: String,
}

/// All the contradictions of a receipt, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradictions(Vec<Contradiction>);

impl Contradictions {
    /// Each of them, in the order of the members.
    pub fn iter(&self) -> impl Iterator<Item = &Contradiction> {
        self.0.iter()
    }

    /// The same, each with what is to be said of its path in parentheses.
    pub fn annotated(mut self, note: impl Fn(&str) -> Option<String>) -> Self {
        for Contradiction { path, expected } in self.0.iter_mut().take(MOST_TOLD) {
            if let Some(note) = note(path) {
                *expected = format!("{expected} ({note})");
            }
        }
        self
    }
}

/// Faults that are reported at most; a receipt of a thousand lines may be wrong in each.
const MOST_TOLD: usize = 12;

impl std::error::Error for Contradictions {}

impl fmt::Display for Contradictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receipt contradicts itself")?;
        for (i, Contradiction { path, expected }) in self.0.iter().take(MOST_TOLD).enumerate() {
            let separator = if i == 0 { "" } else { ";" };
            write!(f, "{separator} at {path}: expected {expected}")?;
        }
        match self.0.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Cash rounding: the items' sum may differ this much from the grand total.
const CASH_ROUNDING: u64 = 100;

/// What tills charge between nothing and the price itself: 0 to 100 percent.
const RATES: std::ops::RangeInclusive<i64> = 0..=10_000;

/// One percent in hundredths of a percent, times a hundred: what a rate is a fraction of.
const WHOLE: i128 = 10_000;

impl ReceiptSettled {
    /// Checks what the types cannot say: members that depend on others, signs, and sums.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(&self) -> Result<(), Contradictions> {
        let receipt = &self.order_receipt;
        let code = &*self.tenant.country.currency;
        let mut found = Found::default();
        if currency::decimals(code).is_none() {
            found.0.push(Contradiction {
                path: "tenant.country.currency".to_owned(),
                expected: "a currency that ISO 4217 knows, in capitals, as in NOK".to_owned(),
            });
        }
        // Tills round the VAT of a line, and what comes of a weight, to it.
        let unit = least_unit(code);
        check_items(receipt, unit, &mut found);
        check_settlements(receipt, &mut found);
        if receipt.order.kind == OrderType::Payment {
            check_payment(receipt, &mut found);
        } else if receipt.items.is_empty() {
            found.at("items", "at least one item, unless order.type is PAYMENT");
        }
        if !receipt.items.is_empty() {
            check_totals(receipt, unit, &mut found);
        }
        check_vat_table(receipt, unit, &mut found);
        match found.0 {
            none if none.is_empty() => Ok(()),
            found => Err(Contradictions(found)),
        }
    }
}

#[derive(Default)]
struct Found(Vec<Contradiction>);

impl Found {
    fn at(&mut self, path: impl fmt::Display, expected: impl Into<String>) {
        self.0.push(Contradiction { path: format!("orderReceipt.{path}"), expected: expected.into() });
    }
}

/// An amount as people write it.
fn decimal(amount: Hundredths) -> impl fmt::Display {
    amount.to_decimal()
}

fn check_items(receipt: &OrderReceipt, unit: u64, found: &mut Found) {
    for (i, item) in receipt.items.iter().enumerate() {
        if receipt.order.kind == OrderType::Return {
            for (member, value) in
                [("quantity", item.quantity), ("discountAmount", item.discount_amount), ("total", item.total)]
            {
                if value > Hundredths::ZERO {
                    found.at(format_args!("items[{i}].{member}"), "zero or less on a RETURN");
                }
            }
        }
        check_line_total(i, item, unit, found);
        if RATES.contains(&item.vat_rate.get()) {
            check_line_vat(i, item, unit, found);
        } else {
            found.at(format_args!("items[{i}].vatRate"), "a rate between 0 and 100 percent (0 to 10000)");
        }
    }
}

/// The total may be rounded to the currency's least unit either way. A quantity that is no whole number may have been
/// weighed more finely than its two decimals say: half a hundredth of it, at the price of one.
fn check_line_total(i: usize, item: &Item, unit: u64, found: &mut Found) {
    // In ten-thousandths, so that 1.5 × 0.33 is exact.
    let (quantity, price) = (i128::from(item.quantity.get()), i128::from(item.unit_price.get()));
    let stated = i128::from(item.total.get() + item.discount_amount.get()) * 100;
    // Twice as much, so that half a hundredth of an odd price is exact.
    let weighed = if quantity % 100 == 0 { 0 } else { price.abs() };
    if 2 * (quantity * price - stated).abs() >= 200 * i128::from(unit) + weighed {
        let (quantity, price, discount, total) = (
            decimal(item.quantity),
            decimal(item.unit_price),
            decimal(item.discount_amount),
            decimal(item.total),
        );
        found.at(
            format_args!("items[{i}].total"),
            format!(
                "quantity × unitPrice − discountAmount ({quantity} × {price} − {discount}), and it is {total}"
            ),
        );
    }
}

/// The VAT in a line is total × rate ÷ (1 + rate), within the currency's least unit and one more a piece: a till may
/// round the VAT of one piece and multiply, and what is left over when it rounds per rate stands on a line.
/// A till that takes the rate from a price that includes VAT already is further away, but for amounts of
/// hundredths.
fn check_line_vat(i: usize, item: &Item, unit: u64, found: &mut Found) {
    let mut expected = |expected| found.at(format_args!("items[{i}].vatAmount"), expected);
    let (total, vat) = (item.total, item.vat_amount);
    if vat.get().signum() * total.get().signum() < 0 {
        expected(format!("the sign of the line's total, {}, and it is {}", decimal(total), decimal(vat)));
    } else if vat.get().unsigned_abs() > total.get().unsigned_abs() {
        expected(format!("at most the line's total, {}, and it is {}", decimal(total), decimal(vat)));
    } else {
        let rate = i128::from(item.vat_rate.get());
        let pieces = i128::from(item.quantity.get().unsigned_abs().div_ceil(100));
        let tolerance = if rate == 0 { 0 } else { i128::from(unit) * (1 + pieces.max(1)) };
        let off = i128::from(vat.get()) * (WHOLE + rate) - i128::from(total.get()) * rate;
        if off.abs() > tolerance * (WHOLE + rate) {
            let of_rate = Hundredths::new(rounded(i128::from(total.get()) * rate, WHOLE + rate));
            expected(format!(
                "{} in a total of {} at {} %, within {}, and it is {}",
                decimal(of_rate),
                decimal(total),
                decimal(item.vat_rate),
                decimal(Hundredths::new(i64::try_from(tolerance).unwrap_or(i64::MAX))),
                decimal(vat),
            ));
        }
    }
}

/// The quotient to the nearest whole number. The divisor is positive.
fn rounded(dividend: i128, divisor: i128) -> i64 {
    let nearest = (2 * dividend + divisor * dividend.signum()) / (2 * divisor);
    i64::try_from(nearest).unwrap_or_default()
}

fn check_settlements(receipt: &OrderReceipt, found: &mut Found) {
    for (i, settlement) in receipt.settlements.iter().enumerate() {
        if settlement.is_completed() && settlement.settled_at.is_none() {
            found.at(
                format_args!("settlements[{i}].settledAt"),
                "a time, because the settlement is COMPLETED",
            );
        }
    }
    let total_of = |amount: fn(&Settlement) -> Hundredths| -> Hundredths {
        receipt.settlements.iter().map(amount).sum()
    };
    // All cash becomes one payment, whose amount must be one that can be written.
    if total_of(|s| Hundredths::new(s.amount.get().saturating_abs())).get() > Hundredths::LIMIT {
        found.at("settlements", "amounts that come to at most a hundred billion together");
    }
    // What is paid need not be all that is owed, but it goes the same way; unless a part of it went before.
    let before = |s: &Settlement| s.kind() == SettlementKind::PrePayment || s.pre_payment_uid.is_some();
    let paid = total_of(|s| if s.is_completed() { s.amount } else { Hundredths::ZERO });
    let owed = receipt.order_totals.grand_total;
    let opposed = paid.get().signum() * owed.get().signum() < 0;
    if receipt.order.kind != OrderType::Payment
        && opposed
        && !receipt.settlements.iter().any(before)
        && paid.get().unsigned_abs() > CASH_ROUNDING
        && owed.get().unsigned_abs() > CASH_ROUNDING
    {
        let way = if owed > Hundredths::ZERO { "from the customer" } else { "to the customer" };
        found.at(
            "settlements",
            format!(
                "money that goes {way}, because orderTotals.grandTotal is {}, and the completed ones come to {}",
                decimal(owed),
                decimal(paid)
            ),
        );
    }
}

fn check_payment(receipt: &OrderReceipt, found: &mut Found) {
    if receipt.referenced_voucher_number.is_none() {
        found.at("referencedVoucherNumber", "a voucher number, because order.type is PAYMENT");
    }
    let counted: Hundredths = receipt.settlements.iter().filter(|s| s.is_counted()).map(|s| s.amount).sum();
    match receipt.settlement_total {
        None => found.at("settlementTotal", "an amount, because order.type is PAYMENT"),
        Some(total) if total != counted => found.at(
            "settlementTotal",
            format!(
                "the sum of the completed settlements that are no pre-payments and not linked to one, {}, and it is {}",
                decimal(counted),
                decimal(total)
            ),
        ),
        Some(_) => {}
    }
}

fn check_totals(receipt: &OrderReceipt, unit: u64, found: &mut Found) {
    let totals = &receipt.order_totals;
    let items = sum_of(receipt, |item| item.total);
    if apart(items, totals.grand_total) > CASH_ROUNDING {
        found.at(
            "orderTotals.grandTotal",
            format!(
                "the sum of the items' totals, {}, within 1.00, and it is {}",
                decimal(items),
                decimal(totals.grand_total)
            ),
        );
    }
    let vat = sum_of(receipt, |item| item.vat_amount);
    if apart(vat, totals.vat_total) > allowance(receipt.items.len(), unit) {
        found.at(
            "orderTotals.vatTotal",
            format!(
                "the sum of the items' vatAmount, {}, {}, and it is {}",
                decimal(vat),
                a_line(unit),
                decimal(totals.vat_total)
            ),
        );
    }
}

fn check_vat_table(receipt: &OrderReceipt, unit: u64, found: &mut Found) {
    let rows = receipt.order_totals.vat.as_deref().unwrap_or_default();
    if rows.is_empty() {
        return;
    }
    let vat: Hundredths = rows.iter().map(|row| row.vat).sum();
    // The rows are rounded per rate where the total may be rounded per line.
    let lines = rows.len().max(receipt.items.len());
    if apart(vat, receipt.order_totals.vat_total) > allowance(lines, unit) {
        found.at(
            "orderTotals.vat",
            format!(
                "rows whose vat adds up to vatTotal, {}, {}, and it adds up to {}",
                decimal(receipt.order_totals.vat_total),
                a_line(unit),
                decimal(vat)
            ),
        );
    }
    let by_rate = lines_by_rate(receipt);
    // A till that rounds what is paid in cash has the difference in one of its rows, or in none.
    let rounding = apart(sum_of(receipt, |item| item.total), receipt.order_totals.grand_total);
    let mut seen = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        let path = format!("orderTotals.vat[{i}]");
        if !RATES.contains(&row.rate.get()) {
            found.at(format_args!("{path}.rate"), "a rate between 0 and 100 percent (0 to 10000)");
        } else if let Some(first) = seen.insert(row.rate, i) {
            found.at(
                format_args!("{path}.rate"),
                format!("another rate than that of orderTotals.vat[{first}]"),
            );
        } else if receipt.items.is_empty() {
            check_row_alone(&path, row, unit, found);
        } else {
            check_row(&path, row, by_rate.get(&row.rate).unwrap_or(&Lines::NONE), [rounding, unit], found);
        }
    }
    for (rate, lines) in by_rate {
        if !seen.contains_key(&rate) && lines.total.get().unsigned_abs() > allowance(lines.count, unit) {
            let (rate, total) = (decimal(rate), decimal(lines.total));
            found.at("orderTotals.vat", format!("a row for {rate} %, at which items come to {total}"));
        }
    }
}

/// The lines of one rate together.
#[derive(Default)]
struct Lines {
    count: usize,
    total: Hundredths,
    vat: Hundredths,
}

impl Lines {
    const NONE: Self = Self { count: 0, total: Hundredths::ZERO, vat: Hundredths::ZERO };
}

fn lines_by_rate(receipt: &OrderReceipt) -> BTreeMap<Hundredths, Lines> {
    let mut rates: BTreeMap<Hundredths, Lines> = BTreeMap::new();
    for item in &receipt.items {
        let lines = rates.entry(item.vat_rate).or_default();
        lines.count += 1;
        lines.total = lines.total + item.total;
        lines.vat = lines.vat + item.vat_amount;
    }
    rates
}

/// A row is its rate's lines, rounded by line or by rate, the cash rounding in it or not.
fn check_row(path: &str, row: &VatRow, lines: &Lines, [rounding, unit]: [u64; 2], found: &mut Found) {
    let (allowed, within) = (allowance(lines.count, unit), a_line(unit));
    if apart(row.vat, lines.vat) > allowed {
        let (rate, sum, vat) = (decimal(row.rate), decimal(lines.vat), decimal(row.vat));
        found.at(
            format_args!("{path}.vat"),
            format!("the VAT of the items at {rate} %, {sum}, {within}, and it is {vat}"),
        );
    }
    let expected = lines.total - lines.vat;
    if apart(row.net, expected) > allowed.saturating_add(rounding) {
        let (rate, expected, net) = (decimal(row.rate), decimal(expected), decimal(row.net));
        found.at(
            format_args!("{path}.net"),
            format!("the items' total at {rate} % less their VAT, {expected}, {within}, and it is {net}"),
        );
    }
}

/// A payment has no lines that a row could be held against. How many were rounded is not known: a hundred.
fn check_row_alone(path: &str, row: &VatRow, unit: u64, found: &mut Found) {
    let off = i128::from(row.net.get()) * i128::from(row.rate.get()) - i128::from(row.vat.get()) * WHOLE;
    let tolerance = 100 * unit;
    if off.abs() > i128::from(tolerance) * WHOLE {
        let (rate, net, vat) = (decimal(row.rate), decimal(row.net), decimal(row.vat));
        found.at(
            format_args!("{path}.vat"),
            format!("{rate} % of net, {net}, within {unit}.00, and it is {vat}"),
        );
    }
}

fn sum_of(receipt: &OrderReceipt, amount: impl Fn(&Item) -> Hundredths) -> Hundredths {
    receipt.items.iter().map(amount).sum()
}

fn apart(a: Hundredths, b: Hundredths) -> u64 {
    (a - b).get().unsigned_abs()
}

/// Rounding per rate: the items' VAT may differ by the currency's least unit a line from the VAT total.
fn allowance(lines: usize, unit: u64) -> u64 {
    unit.saturating_mul(lines as u64)
}

/// What a line may be rounded by, as errors say it.
fn a_line(unit: u64) -> &'static str {
    if unit == 1 { "within 0.01 a line" } else { "within 1 a line" }
}
