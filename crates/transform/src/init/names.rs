//! How well members' names fit what they may be.

use super::expression::Expression;
use super::table::{Column, Table};
use super::words::{Word, fits};

/// All the names on the way to a member.
pub(super) fn name(column: &Column) -> String {
    column.path.names().collect::<Vec<_>>().join(" ")
}

/// Whether a number identifies or counts something.
pub(super) fn is_identity(name: &str) -> bool {
    let amount = fits(name, Word::Total)
        + fits(name, Word::Price)
        + fits(name, Word::Vat)
        + fits(name, Word::Discount);
    fits(name, Word::Identity) == 2 || (fits(name, Word::Number) == 2 && amount == 0)
}

/// How well a name fits a line's amount.
pub(super) fn line_name(name: &str) -> i32 {
    let qualified = fits(name, Word::Gross) + fits(name, Word::Net);
    let vat = if qualified > 0 { 0 } else { 3 * fits(name, Word::Vat) };
    (fits(name, Word::Total) + i32::from(qualified > 0))
        - vat
        - fits(name, Word::Price).min(1)
        - 3 * (fits(name, Word::Discount)
            + fits(name, Word::Quantity)
            + fits(name, Word::Rate)
            + fits(name, Word::Other))
}

pub(super) fn total_name(name: &str) -> i32 {
    let qualified = fits(name, Word::Gross);
    let vat = if qualified > 0 { 0 } else { 2 * fits(name, Word::Vat) };
    fits(name, Word::Total) + qualified
        - vat
        - 2 * fits(name, Word::Net)
        - 2 * (fits(name, Word::Discount)
            + fits(name, Word::Other)
            + fits(name, Word::Change)
            + fits(name, Word::Rounding))
        - fits(name, Word::Payment).min(1)
}

pub(super) fn vat_name(name: &str) -> i32 {
    fits(name, Word::Vat)
        - fits(name, Word::Gross)
        - fits(name, Word::Net)
        - 2 * fits(name, Word::Discount)
        - fits(name, Word::Rate)
}

pub(super) fn quantity_name(name: &str) -> i32 {
    fits(name, Word::Quantity) - 2 * (fits(name, Word::Other) + fits(name, Word::Discount))
}

pub(super) fn price_name(name: &str) -> i32 {
    let qualified = fits(name, Word::Gross) + fits(name, Word::Net) > 0;
    fits(name, Word::Price)
        - if qualified { 0 } else { 3 * fits(name, Word::Vat) }
        - fits(name, Word::Discount)
        - 2 * fits(name, Word::Other)
        - i32::from(
            fits(name, Word::Total) == 2
                && fits(name, Word::Price) == 2
                && name.split(' ').count() == 1
                && name.to_lowercase().contains("total"),
        )
}

pub(super) fn discount_name(name: &str) -> i32 {
    fits(name, Word::Discount)
        - fits(name, Word::Vat)
        - fits(name, Word::Price)
        - 2 * fits(name, Word::Total).min(0)
}

/// Whether the names of a base's members lean to amounts with VAT, or without.
pub(super) fn lean(table: &Table, base: &Expression, gross: bool) -> i32 {
    let names = base.columns().into_iter().map(|i| name(&table.columns[i])).collect::<Vec<_>>().join(" ");
    let (with, without) = (fits(&names, Word::Gross), fits(&names, Word::Net));
    if gross { 2 * (with - without) } else { 2 * (without - with) }
}
