//! What adds up: the lines and what they come to, their VAT, and what was paid.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::expression::Expression::Column;
use super::expression::sums;
use super::lines::{MOST, SCALES, WHOLE, is_rate, products, says_vat};
use super::model::{Amounts, Lines, Rate, Samples, Total, Vat};
use super::names::{is_identity, line_name, name, price_name, total_name, vat_name};
use super::table::{Column as Member, Numbers, Table};
use super::words::{Word, fits};

/// A table besides the lines, its amounts, and what they come to by sample.
type Extra = (usize, Amounts, Vec<Decimal>);

/// What is around the lines of a table.
struct Around {
    totals: Vec<(Total, Vec<Decimal>, i32)>,
    /// What payments come to, by sample.
    paid: Vec<Vec<Decimal>>,
    /// With VAT that is included, and with VAT that is added.
    extras: [Vec<Extra>; 2],
}

impl Samples {
    /// The lines that explain the event best.
    pub(super) fn lines(&self) -> Option<Lines> {
        let mut best: Option<Lines> = None;
        for (i, table) in self.tables.iter().enumerate() {
            let full = table.rows.iter().all(|&rows| rows > 0);
            if !full || self.nests_in_lines(table) {
                continue;
            }
            let around = Around {
                totals: self.totals(),
                paid: self.payable(i),
                extras: [false, true].map(|net| self.candidates(i, net)),
            };
            let own = self.table_score(table);
            for (amounts, plausible) in self.line_amounts(table) {
                let lines = self.complete(i, amounts, plausible + own, &around);
                if lines
                    .as_ref()
                    .is_some_and(|lines| best.as_ref().is_none_or(|best| lines.score > best.score))
                {
                    best = lines;
                }
            }
        }
        let mut best = best?;
        best.price = Some(self.price(&self.tables[best.table], &best.amounts));
        Some(best)
    }

    /// Whether the table's rows belong to the rows of one that has amounts itself: the taxes of a line.
    fn nests_in_lines(&self, table: &Table) -> bool {
        self.tables.iter().any(|outer| {
            outer.path != table.path
                && table.path.starts_with(&outer.path)
                && outer.numbers().any(|(_, column, _)| !column.is_sum() && line_name(&name(column)) > 0)
        })
    }

    /// The lines with the event's total that fits them best.
    fn complete(&self, table: usize, amounts: Amounts, plausible: i32, around: &Around) -> Option<Lines> {
        let rows = &self.tables[table];
        let gross = sums(&amounts.gross.rounded(rows, self.places));
        if gross.iter().any(Decimal::is_zero) {
            return None;
        }
        let mut best: Option<Lines> = None;
        for (total, values, total_score) in &around.totals {
            let rest: Vec<Decimal> = values.iter().zip(&gross).map(|(total, gross)| total - gross).collect();
            let slack: Vec<Decimal> =
                rows.rows.iter().map(|&n| Decimal::new(n as i64, self.places)).collect();
            let named = self.member_of(&rest);
            let rounds = named.is_some_and(|i| fits(&name(&self.event.columns[i]), Word::Rounding) > 0)
                && rest.iter().all(|rest| rest.abs() <= Decimal::new(100, self.places));
            let (extras, adds_up, arithmetic) = if rest.iter().all(Decimal::is_zero) {
                (Vec::new(), true, 40)
            } else if let Some(extras) = extras(&around.extras[usize::from(amounts.vat_is_added())], &rest) {
                let arithmetic = 36 - 2 * extras.len() as i32;
                (extras, true, arithmetic)
            } else if rounds {
                (Vec::new(), true, 36)
            } else if rest.iter().zip(&slack).all(|(rest, slack)| rest.abs() < *slack) {
                (Vec::new(), true, 24)
            } else if named.is_some() {
                (Vec::new(), false, 20)
            } else {
                continue;
            };
            let (vat, vat_score) = self.vat_total(table, &amounts, &extras);
            let paid = match &around.paid[..] {
                [] => 0,
                paid if paid.contains(values) => 15,
                _ => -10,
            };
            let unsaid = if vat.is_none() && !says_vat(rows, &amounts) { 15 } else { 0 };
            let score = plausible + arithmetic + total_score + vat_score + paid - unsaid;
            if best.as_ref().is_none_or(|best| score > best.score) {
                let amounts = amounts.clone();
                let rest = named.filter(|_| rounds || !adds_up);
                best = Some(Lines {
                    table,
                    amounts,
                    extras,
                    total: *total,
                    adds_up,
                    rest,
                    vat,
                    price: None,
                    score,
                });
            }
        }
        best.or_else(|| {
            let (vat, _) = self.vat_total(table, &amounts, &[]);
            let adds_up = around.paid.contains(&gross);
            let named = around.totals.iter().filter(|(total, ..)| matches!(total, Total::One(_)) && !adds_up);
            let total = named.filter(|(.., score)| *score > 0).max_by_key(|(.., score)| *score);
            let total = total.map_or(Total::Missing, |(total, ..)| *total);
            let score = plausible + 25 * i32::from(adds_up);
            Some(Lines {
                table,
                amounts,
                extras: Vec::new(),
                total,
                adds_up,
                rest: None,
                vat,
                price: None,
                score,
            })
        })
    }

    /// The event's member that is this in each sample, but for the sign.
    fn member_of(&self, rest: &[Decimal]) -> Option<usize> {
        let same = |numbers: &Numbers| sums(numbers).iter().zip(rest).all(|(a, b)| a.abs() == b.abs());
        let some = rest.iter().any(|rest| !rest.is_zero());
        let mut members = self.event.numbers().filter(|(_, column, _)| {
            let name = name(column);
            fits(&name, Word::Discount) + fits(&name, Word::Rounding) + fits(&name, Word::Other) > 0
        });
        members.find(|(_, _, numbers)| some && same(numbers)).map(|(i, ..)| i)
    }

    /// How much a table looks like lines: quantities and prices, and its name.
    fn table_score(&self, rows: &Table) -> i32 {
        let path = rows.path.names().collect::<Vec<_>>().join(" ");
        let columns: Vec<usize> = rows.numbers().map(|(i, ..)| i).take(MOST).collect();
        let counts = self.quantity(rows).is_some() || !products(rows, &columns, self.places).0.is_empty();
        12 * i32::from(counts) + 2 * fits(&path, Word::Line)
            - 8 * fits(&path, Word::Payment)
            - 3 * fits(&path, Word::Vat)
            - 3 * fits(&path, Word::Discount)
    }

    /// What the event may come to, by sample, and how well its name says so.
    fn totals(&self) -> Vec<(Total, Vec<Decimal>, i32)> {
        let members: Vec<(usize, Vec<Decimal>, String)> = self
            .event
            .numbers()
            .map(|(i, column, numbers)| (i, sums(numbers), name(column)))
            .filter(|(_, _, name)| !is_identity(name))
            .collect();
        let mut totals = Vec::new();
        for (i, values, named) in &members {
            totals.push((Total::One(*i), values.clone(), 3 * total_name(named)));
            for (j, vat, vat_named) in members.iter().filter(|(_, _, name)| vat_name(name) > 0) {
                if i != j && fits(named, Word::Total) + fits(named, Word::Net) > 0 {
                    let both = values.iter().zip(vat).map(|(a, b)| a + b).collect();
                    let score =
                        2 * vat_name(vat_named) + fits(named, Word::Net) - fits(named, Word::Gross) - 6;
                    totals.push((Total::NetAndVat(*i, *j), both, score));
                }
            }
        }
        totals
    }

    /// The event's member that the VAT of all lines comes to.
    fn vat_total(
        &self,
        table: usize,
        amounts: &Amounts,
        extras: &[(usize, Amounts)],
    ) -> (Option<usize>, i32) {
        let mut vat = vec![Decimal::ZERO; self.event.rows.len()];
        let mut lines = vec![0; vat.len()];
        for (table, amounts) in [(table, amounts)].into_iter().chain(extras.iter().map(|(i, a)| (*i, a))) {
            let rows = &self.tables[table];
            let Some(of_rows) = self.vat(rows, amounts) else { return (None, 0) };
            for (sample, of_sample) in sums(&of_rows).into_iter().enumerate() {
                vat[sample] += of_sample;
                lines[sample] += rows.rows[sample];
            }
        }
        let fits_sum = |numbers: &Numbers| {
            let off = sums(numbers).into_iter().zip(&vat).map(|(total, vat)| (total - vat).abs());
            if vat.iter().all(Decimal::is_zero) {
                return 0;
            }
            let off: Vec<Decimal> = off.collect();
            let within = |(off, lines): (&Decimal, &usize)| *off < Decimal::new(*lines as i64, self.places);
            if off.iter().all(Decimal::is_zero) {
                15
            } else if off.iter().zip(&lines).all(within) {
                8
            } else {
                0
            }
        };
        let scored =
            self.event.numbers().map(|(i, column, numbers)| (i, fits_sum(numbers), vat_name(&name(column))));
        // A name that says nothing does where the sum is exact.
        let best = scored
            .filter(|(_, sum, named)| *named > 0 && *sum > 0 || *named == 0 && *sum == 15)
            .max_by_key(|(i, sum, named)| (sum + named, usize::MAX - i));
        best.map_or((None, 0), |(i, sum, named)| (Some(i), sum + named))
    }

    /// The VAT of each row.
    pub(super) fn vat(&self, table: &Table, amounts: &Amounts) -> Option<Numbers> {
        match &amounts.vat {
            Vat::Amount(vat) => Some(vat.rounded(table, self.places)),
            Vat::Rate(rate) => {
                let gross = amounts.gross.exact(table);
                let rates = Column(rate.column).exact(table);
                let of = |(gross, rate_of): (Decimal, Decimal)| {
                    let rate = rate_of * rate.scale;
                    (gross * rate / (WHOLE + rate)).round_dp_with_strategy(
                        self.places,
                        rust_decimal::RoundingStrategy::MidpointAwayFromZero,
                    )
                };
                let rows = |(a, b): (Vec<Decimal>, Vec<Decimal>)| a.into_iter().zip(b).map(of).collect();
                Some(gross.into_iter().zip(rates).map(rows).collect())
            }
            Vat::Unknown => None,
        }
    }

    /// What may be charged besides the lines, and what it comes to by sample; with VAT that is added or included.
    fn candidates(&self, lines: usize, net: bool) -> Vec<Extra> {
        let mut candidates = Vec::new();
        for (i, table) in self.tables.iter().enumerate() {
            let path = table.path.names().collect::<Vec<_>>().join(" ");
            if i == lines
                || self.nests_in_lines(table)
                || fits(&path, Word::Payment) + fits(&path, Word::Vat) > 0
            {
                continue;
            }
            for (column, member, _) in table.numbers().filter(|(_, member, _)| !is_identity(&name(member))) {
                if line_name(&name(member)) + price_name(&name(member)) <= 0 {
                    continue;
                }
                let mut vats: Vec<(usize, &Member, &Numbers)> =
                    table.numbers().filter(|(v, vat, _)| *v != column && vat_name(&name(vat)) > 0).collect();
                vats.sort_by_key(|(_, vat, _)| vat.is_sum());
                for vat in vats.into_iter().map(|(v, ..)| Some(v)).chain([None]) {
                    let amounts = match vat {
                        Some(v) if net => {
                            Amounts { gross: Column(column).plus(Column(v)), vat: Vat::Amount(Column(v)) }
                        }
                        Some(v) => Amounts { gross: Column(column), vat: Vat::Amount(Column(v)) },
                        None => Amounts { gross: Column(column), vat: Vat::Unknown },
                    };
                    let values = sums(&amounts.gross.rounded(table, self.places));
                    if values.iter().any(|value| !value.is_zero()) {
                        candidates.push((i, amounts, values));
                    }
                }
            }
        }
        candidates
    }

    /// What each column of other tables comes to that may be payments, by sample; and less the change.
    fn payable(&self, lines: usize) -> Vec<Vec<Decimal>> {
        let others = self.tables.iter().enumerate().filter(|(i, _)| *i != lines).map(|(_, table)| table);
        let paid: Vec<Vec<Decimal>> = others
            .filter(|table| {
                let names = table.path.names().map(str::to_owned).chain(table.columns.iter().map(name));
                fits(&names.collect::<Vec<_>>().join(" "), Word::Payment) > 0
            })
            .flat_map(|table| table.numbers().map(|(_, _, numbers)| sums(numbers)).collect::<Vec<_>>())
            .collect();
        let changes: Vec<Vec<Decimal>> = self
            .event
            .numbers()
            .filter(|(_, column, _)| fits(&name(column), Word::Change) > 0)
            .map(|(_, _, numbers)| sums(numbers))
            .collect();
        let less = |paid: &Vec<Decimal>, change: &Vec<Decimal>| {
            paid.iter().zip(change).map(|(paid, change)| paid - change.abs()).collect()
        };
        let returned = paid.iter().flat_map(|paid| changes.iter().map(move |change| less(paid, change)));
        let returned: Vec<Vec<Decimal>> = returned.collect();
        paid.into_iter().chain(returned).collect()
    }

    /// A column that has the rate by which the VAT was taken of each row.
    pub(super) fn stated_rate(&self, table: &Table, amounts: &Amounts) -> Option<Rate> {
        let vat = self.vat(table, amounts)?;
        let columns = table.numbers().filter(|(_, column, _)| {
            let name = name(column);
            fits(&name, Word::Rate) + fits(&name, Word::Vat) > 0
        });
        let mut rates = columns.flat_map(|(column, ..)| SCALES.map(|scale| Rate { column, scale }));
        rates.find(|&rate| {
            let by_rate = Amounts { gross: amounts.gross.clone(), vat: Vat::Rate(rate) };
            let unit = Decimal::new(1, self.places);
            let computed = self.vat(table, &by_rate).unwrap_or_default();
            let mut rows = vat.iter().flatten().zip(computed.iter().flatten());
            is_rate(table, rate) && rows.all(|(vat, computed)| (vat - computed).abs() <= unit)
        })
    }

    /// The rates that the rows have, in hundredths of a percent: the whole percents that the VAT is of the rest.
    pub(super) fn rates(&self, lines: &Lines) -> Vec<i64> {
        let mut found = vec![0];
        for (table, amounts) in
            [(lines.table, &lines.amounts)].into_iter().chain(lines.extras.iter().map(|(i, a)| (*i, a)))
        {
            let table = &self.tables[table];
            let Some(vat) = self.vat(table, amounts) else { continue };
            let gross = amounts.gross.rounded(table, self.places);
            for (vat, gross) in vat.iter().flatten().zip(gross.iter().flatten()) {
                let percent = (*vat * Decimal::ONE_HUNDRED).checked_div(gross - vat).unwrap_or_default();
                found.extend(percent.round().to_i64().map(|percent| percent * 100));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Other tables that come to the rest, one or two of them.
fn extras(candidates: &[Extra], rest: &[Decimal]) -> Option<Vec<(usize, Amounts)>> {
    if let Some((i, amounts, _)) = candidates.iter().find(|(.., values)| values == rest) {
        return Some(vec![(*i, amounts.clone())]);
    }
    for (n, (i, a, values)) in candidates.iter().enumerate() {
        for (j, b, others) in candidates[n + 1..].iter().filter(|(j, ..)| j != i) {
            if values.iter().zip(others).map(|(a, b)| a + b).eq(rest.iter().copied()) {
                return Some(vec![(*i, a.clone()), (*j, b.clone())]);
            }
        }
    }
    None
}
