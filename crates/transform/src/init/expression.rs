//! What is computed of the columns of a row: evaluated over the samples, and written as jq.

use rust_decimal::{Decimal, RoundingStrategy};

use super::table::{Numbers, Table};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Column(usize),
    Number(Decimal),
    Times(Box<Self>, Box<Self>),
    Plus(Box<Self>, Box<Self>),
    Minus(Box<Self>, Box<Self>),
}

use Expression::{Column, Minus, Number, Plus, Times};

impl Expression {
    pub(super) fn times(self, other: Self) -> Self {
        Times(Box::new(self), Box::new(other))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Plus(Box::new(self), Box::new(other))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Minus(Box::new(self), Box::new(other))
    }

    /// A share of a hundred, or of one: `1 - percent / 100`.
    pub(super) fn less(self, part: Self, whole: Decimal) -> Self {
        self.times(Number(Decimal::ONE).minus(part.times(Number(Decimal::ONE / whole))))
    }

    /// Its columns.
    pub(super) fn columns(&self) -> Vec<usize> {
        match self {
            Column(i) => vec![*i],
            Number(_) => Vec::new(),
            Times(a, b) | Plus(a, b) | Minus(a, b) => [a.columns(), b.columns()].concat(),
        }
    }

    /// Its value for each row, each rounded to that many decimals.
    pub(super) fn rounded(&self, table: &Table, places: u32) -> Numbers {
        let mut numbers = self.exact(table);
        for number in numbers.iter_mut().flatten() {
            *number = number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
        }
        numbers
    }

    pub(super) fn exact(&self, table: &Table) -> Numbers {
        let both = |a: &Self, b: &Self, of: fn(Decimal, Decimal) -> Option<Decimal>| {
            let of = |(a, b): (Decimal, Decimal)| of(a, b).unwrap_or_default();
            let rows = |(a, b): (Vec<_>, Vec<_>)| a.into_iter().zip(b).map(of).collect();
            a.exact(table).into_iter().zip(b.exact(table)).map(rows).collect()
        };
        match self {
            Column(i) => table.columns[*i].numbers.clone().unwrap_or_default(),
            Number(number) => table.rows.iter().map(|&rows| vec![*number; rows]).collect(),
            Times(a, b) => both(a, b, Decimal::checked_mul),
            Plus(a, b) => both(a, b, Decimal::checked_add),
            Minus(a, b) => both(a, b, Decimal::checked_sub),
        }
    }

    /// As jq, which an operator may follow.
    pub(super) fn jq(&self, table: &Table) -> String {
        let within = |e: &Self| match e {
            Plus(..) | Minus(..) => format!("({})", e.jq(table)),
            _ => e.jq(table),
        };
        match self {
            Column(i) => table.columns[*i].number(),
            Number(number) => number.normalize().to_string(),
            Times(a, b) => format!("{} * {}", within(a), within(b)),
            Plus(a, b) => format!("{} + {}", a.jq(table), within(b)),
            Minus(a, b) => format!("{} - {}", a.jq(table), within(b)),
        }
    }
}

/// The sum of each sample.
pub(super) fn sums(numbers: &Numbers) -> Vec<Decimal> {
    numbers.iter().map(|rows| rows.iter().sum()).collect()
}
