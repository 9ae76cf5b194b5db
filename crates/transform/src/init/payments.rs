//! What was paid: rows that come to the total, and the change that was given on them.

use rust_decimal::Decimal;

use super::expression::sums;
use super::model::{Lines, Samples, Total};
use super::names::{is_identity, name};
use super::words::{Word, fits};

/// Rows of a table, by the column that has their amounts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payments {
    pub(super) table: usize,
    pub(super) amount: usize,
    /// The event's member that has what was given back, where the rows have what was handed over.
    pub(super) change: Option<usize>,
    /// They come to the total in each sample.
    pub(super) adds_up: bool,
}

impl Samples {
    /// What the event comes to, by sample.
    pub(super) fn total(&self, lines: &Lines) -> Option<Vec<Decimal>> {
        let of = |i: usize| self.event.columns[i].numbers.as_ref().map(sums);
        match lines.total {
            Total::One(i) => of(i),
            Total::NetAndVat(i, j) => Some(of(i)?.into_iter().zip(of(j)?).map(|(a, b)| a + b).collect()),
            Total::Missing => {
                Some(sums(&lines.amounts.gross.rounded(&self.tables[lines.table], self.places)))
            }
        }
    }

    pub(super) fn payments(&self, lines: &Lines) -> Option<Payments> {
        let total = self.total(lines)?;
        let taken = |i: usize| i == lines.table || lines.extras.iter().any(|(extra, _)| *extra == i);
        let mut best: Option<(i32, Payments)> = None;
        for (i, table) in self.tables.iter().enumerate().filter(|(i, _)| !taken(*i)) {
            let path = table.path.names().collect::<Vec<_>>().join(" ");
            let members = table.columns.iter().map(name).collect::<Vec<_>>().join(" ");
            let named = 3 * fits(&path, Word::Payment) + fits(&members, Word::Payment);
            let of_lines = table.path.starts_with(&self.tables[lines.table].path);
            if of_lines
                || table.rows.contains(&0)
                || (named == 0 && fits(&path, Word::Vat) + fits(&path, Word::Discount) > 0)
            {
                continue;
            }
            for (amount, column, numbers) in
                table.numbers().filter(|(_, column, _)| !is_identity(&name(column)))
            {
                let paid = sums(numbers);
                let changes =
                    self.event.numbers().filter(|(_, column, _)| fits(&name(column), Word::Change) > 0);
                let given_back = |change: &Vec<Decimal>| {
                    change.iter().any(|change| !change.is_zero())
                        && paid
                            .iter()
                            .zip(change)
                            .zip(&total)
                            .all(|((paid, change), total)| paid - change.abs() == *total)
                };
                let change =
                    changes.map(|(i, _, numbers)| (i, sums(numbers))).find(|(_, change)| given_back(change));
                let adds_up = paid == total || change.is_some();
                let score = named + 10 * i32::from(adds_up) + fits(&name(column), Word::Total)
                    - 3 * (fits(&name(column), Word::Other)
                        + fits(&name(column), Word::Change)
                        + fits(&name(column), Word::Vat));
                let found = Payments { table: i, amount, change: change.map(|(i, _)| i), adds_up };
                if (adds_up || named > 0) && best.is_none_or(|(most, _)| score > most) {
                    best = Some((score, found));
                }
            }
        }
        best.map(|(_, payments)| payments)
    }
}
