//! What is made of the samples: tables, and what their columns are.

use rust_decimal::Decimal;

use super::expression::Expression;
use super::names::{is_identity, name};
use super::table::{Numbers, Table};
use super::words::{Word, fits};

/// The samples, as tables.
pub(super) struct Samples {
    pub(super) event: Table,
    pub(super) tables: Vec<Table>,
    /// The decimals that amounts have: 2, or none where all are whole numbers.
    pub(super) places: u32,
}

/// What the lines are and what they come to.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Among the tables.
    pub(super) table: usize,
    pub(super) amounts: Amounts,
    /// What is charged besides the lines: other tables that complete the total.
    pub(super) extras: Vec<(usize, Amounts)>,
    pub(super) total: Total,
    /// The lines come to the total in each sample.
    pub(super) adds_up: bool,
    /// The event's member that has what the lines are off the total: cash rounding, or a discount on the whole.
    pub(super) rest: Option<usize>,
    /// The lines' VAT comes to this member of the event in each sample.
    pub(super) vat: Option<usize>,
    pub(super) price: Option<Price>,
    pub(super) score: i32,
}

/// What a line costs.
#[derive(Clone, Debug)]
pub(super) struct Amounts {
    /// With VAT, after discount.
    pub(super) gross: Expression,
    pub(super) vat: Vat,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Vat {
    Amount(Expression),
    /// Computed from the rate.
    Rate(Rate),
    Unknown,
}

/// A column that has rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) column: usize,
    /// What its numbers are multiplied by to be hundredths of a percent.
    pub(super) scale: Decimal,
}

/// Members of the event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Total {
    One(usize),
    /// Without VAT, and the VAT.
    NetAndVat(usize, usize),
    Missing,
}

/// What one costs, and how many there are.
#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) quantity: Option<usize>,
    /// What the quantity's numbers are multiplied by.
    pub(super) scale: Decimal,
    pub(super) column: Option<usize>,
    pub(super) with_vat: bool,
    pub(super) discount: Option<(usize, Discount)>,
    /// Quantity, price and discount come to the line in all samples, and not only because quantities are 1.
    pub(super) adds_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Discount {
    OfLine,
    OfPiece,
    Percent,
    Fraction,
}

impl Samples {
    pub(super) fn new(event: Table, tables: Vec<Table>) -> Self {
        let whole =
            [&event].into_iter().chain(&tables).flat_map(Table::numbers).all(|(_, column, numbers)| {
                let name = name(column);
                fits(&name, Word::Quantity) > 0
                    || fits(&name, Word::Rate) > 0
                    || is_identity(&name)
                    || numbers.iter().flatten().all(|number| number.scale() == 0)
            });
        Self { event, tables, places: if whole { 0 } else { 2 } }
    }
}

impl Amounts {
    /// Whether the VAT is added to the rest of the line.
    pub(super) fn vat_is_added(&self) -> bool {
        match (&self.gross, &self.vat) {
            (Expression::Plus(_, added), Vat::Amount(vat)) => **added == *vat,
            (Expression::Times(..), Vat::Rate(_)) => true,
            _ => false,
        }
    }
}

pub(super) fn subtract(a: &Numbers, b: &Numbers) -> Numbers {
    let rows = |(a, b): (&Vec<Decimal>, &Vec<Decimal>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
    a.iter().zip(b).map(rows).collect()
}
