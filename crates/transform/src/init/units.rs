//! Whether amounts are in the currency or in hundredths of it.

use rust_decimal::Decimal;

use super::members::Evidence;
use super::model::{Lines, Samples};
use super::names::name;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Units {
    Major,
    Minor,
}

/// Names of hundredths, folded.
const MINOR: [&str; 9] = ["cents", "cent", "minor", "ore", "oere", "pence", "rappen", "kurus", "hundredths"];

impl Samples {
    pub(super) fn units(&self, lines: &Lines) -> (Units, Evidence) {
        if self.places > 0 {
            return (Units::Major, Evidence::Form("amounts have decimals".to_owned()));
        }
        let table = &self.tables[lines.table];
        let amounts = lines.amounts.gross.columns().into_iter().map(|i| name(&table.columns[i]));
        let names = amounts.collect::<Vec<_>>().join(" ").to_lowercase().replace(['ø', 'ö'], "o");
        if names.split(|c: char| !c.is_alphanumeric()).any(|word| MINOR.contains(&word)) {
            return (Units::Minor, Evidence::Form("whole numbers, and the name says so".to_owned()));
        }
        if self.rounds_vat(lines) {
            let why = "whole numbers, and VAT is rounded to them: hundredths";
            return (Units::Minor, Evidence::AddsUp(why.to_owned()));
        }
        if lines.price.as_ref().is_some_and(|price| price.scale == Decimal::new(1, 2)) {
            let why = "whole numbers, and quantities have two implied decimals";
            return (Units::Minor, Evidence::AddsUp(why.to_owned()));
        }
        let why = "all amounts are whole numbers, taken as hundredths; nothing tells";
        (Units::Minor, Evidence::Assumed(why.to_owned()))
    }

    /// Whether a line's VAT is the nearest whole number, where a whole percent gives a fraction.
    fn rounds_vat(&self, lines: &Lines) -> bool {
        let table = &self.tables[lines.table];
        let Some(vat) = self.vat(table, &lines.amounts) else { return false };
        let gross = lines.amounts.gross.rounded(table, 0);
        vat.iter().flatten().zip(gross.iter().flatten()).any(|(vat, gross)| {
            let percent = (*vat * Decimal::ONE_HUNDRED).checked_div(gross - vat).unwrap_or_default().round();
            let exact = *gross * percent / (Decimal::ONE_HUNDRED + percent);
            !vat.is_zero() && !exact.fract().is_zero() && (exact - vat).abs() < Decimal::ONE
        })
    }
}
