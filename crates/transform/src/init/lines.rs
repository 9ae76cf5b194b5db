//! What a row may cost: its amounts, and products of quantities and prices, with VAT or without.

use rust_decimal::Decimal;

use super::expression::Expression::{self, Column, Number};
use super::model::{Amounts, Discount, Rate, Samples, Vat};
use super::names::{discount_name, is_identity, lean, line_name, name, price_name, quantity_name, vat_name};
use super::table::{Numbers, Table};
use super::words::{Word, fits};

impl Samples {
    /// What a row may cost, and how plausible its members' names are.
    pub(super) fn line_amounts(&self, table: &Table) -> Vec<(Amounts, i32)> {
        let columns = amount_columns(table);
        let mut found = Vec::new();
        for (base, base_score) in self.bases(table, &columns) {
            let base_numbers = base.rounded(table, self.places);
            let used = base.columns();
            let lean = |gross: bool| lean(table, &base, gross);
            found.push((Amounts { gross: base.clone(), vat: Vat::Unknown }, base_score + lean(true) - 12));
            for &i in columns.iter().filter(|i| !used.contains(i)) {
                let column = &table.columns[i];
                let vat_score = 4 * vat_name(&name(column));
                let vat = Column(i);
                if rates(&vat.exact(table), &base_numbers, true).is_some() {
                    let amounts = Amounts { gross: base.clone(), vat: Vat::Amount(vat.clone()) };
                    found.push((
                        amounts,
                        base_score + vat_score + lean(true) + self.neat(table, &vat, &base_numbers, true),
                    ));
                }
                // What is less than the line by a plausible rate is the line without VAT.
                let difference = base.clone().minus(vat.clone());
                let net_name = fits(&name(column), Word::Net) + fits(&name(column), Word::Total);
                if net_name > 0 && rates(&difference.exact(table), &base_numbers, true).is_some() {
                    let neat = self.neat(table, &difference, &base_numbers, true);
                    let amounts = Amounts { gross: base.clone(), vat: Vat::Amount(difference) };
                    found.push((amounts, base_score + 2 * net_name + lean(true) + neat - 2));
                }
                for vat in
                    [vat.clone(), self.quantity(table).map_or(vat.clone(), |q| Column(q).times(vat.clone()))]
                {
                    if rates(&vat.exact(table), &base_numbers, false).is_some() {
                        let neat = self.neat(table, &vat, &base_numbers, false);
                        let amounts =
                            Amounts { gross: base.clone().plus(vat.clone()), vat: Vat::Amount(vat) };
                        found.push((amounts, base_score + vat_score + lean(false) + neat - 1));
                    }
                }
                for scale in SCALES {
                    let rate = Rate { column: i, scale };
                    if vat_name(&name(column)) + fits(&name(column), Word::Rate) > 0 && is_rate(table, rate) {
                        let factor = Number(Decimal::ONE).plus(Column(i).times(Number(scale / WHOLE)));
                        let plausible = base_score + 3;
                        let of_gross = Amounts { gross: base.clone(), vat: Vat::Rate(rate) };
                        found.push((of_gross, plausible + lean(true)));
                        let of_net = Amounts { gross: base.clone().times(factor), vat: Vat::Rate(rate) };
                        found.push((of_net, plausible + lean(false) - 1));
                    }
                }
            }
        }
        found
    }

    /// What may be a line's amount, with or without VAT.
    pub(super) fn bases(&self, table: &Table, columns: &[usize]) -> Vec<(Expression, i32)> {
        let named = |word: fn(&str) -> i32| named(table, columns, word);
        let mut bases: Vec<(Expression, i32)> =
            columns.iter().map(|&i| (Column(i), 3 * line_name(&name(&table.columns[i])))).collect();
        let (mut quantities, mut prices) = (own(table, named(quantity_name)), own(table, named(price_name)));
        if quantities.is_empty() || prices.is_empty() {
            let (by_quantity, by_price) = products(table, columns, self.places);
            quantities.extend(by_quantity.into_iter().map(|i| (i, 1)));
            prices.extend(by_price.into_iter().map(|i| (i, 1)));
        }
        for &(q, quantity) in &quantities {
            for &(p, price) in prices.iter().filter(|(p, _)| *p != q) {
                let score = quantity + price - 2;
                for scale in quantity_scales(table, q) {
                    let pieces =
                        if scale == Decimal::ONE { Column(q) } else { Column(q).times(Number(scale)) };
                    bases.push((pieces.clone().times(Column(p)), score));
                    for (d, discount) in named(discount_name).into_iter().filter(|(d, _)| *d != q && *d != p)
                    {
                        for kind in
                            [Discount::OfLine, Discount::OfPiece, Discount::Percent, Discount::Fraction]
                        {
                            bases.push((discounted(&pieces, p, d, kind), score + discount - 1));
                        }
                    }
                }
            }
        }
        bases
    }

    /// A quantity, by its name.
    pub(super) fn quantity(&self, table: &Table) -> Option<usize> {
        table.numbers().find(|(_, column, _)| quantity_name(&name(column)) > 0).map(|(i, ..)| i)
    }

    /// How much the rates look like rates: whole percents in rows that are large enough to tell.
    pub(super) fn neat(&self, table: &Table, vat: &Expression, base: &Numbers, of_gross: bool) -> i32 {
        let vat = vat.exact(table);
        let unit = Decimal::new(1, self.places);
        let (mut told, mut neat) = (0, 0);
        for (vat, base) in vat.iter().flatten().zip(base.iter().flatten()) {
            let net = if of_gross { *base - *vat } else { *base };
            let (Some(percent), Some(slack)) = (
                (*vat * Decimal::ONE_HUNDRED).checked_div(net),
                (unit * Decimal::ONE_HUNDRED).checked_div(net.abs()),
            ) else {
                continue;
            };
            if slack <= Decimal::new(15, 2) {
                told += 1;
                neat += i32::from((percent - percent.round()).abs() <= slack * Decimal::TWO);
            }
        }
        match told {
            0 => 0,
            _ if neat == told => 8,
            _ => -6,
        }
    }
}

/// The columns that may have amounts or quantities.
pub(super) fn amount_columns(table: &Table) -> Vec<usize> {
    table.numbers().filter(|(_, column, _)| !is_identity(&name(column))).map(|(i, ..)| i).take(MOST).collect()
}

/// More columns than a line has amounts.
pub(super) const MOST: usize = 40;

/// 100 percent in hundredths of a percent.
pub(super) const WHOLE: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// Rates in percent, as fractions, and in hundredths of a percent.
pub(super) const SCALES: [Decimal; 3] = [Decimal::ONE_HUNDRED, WHOLE, Decimal::ONE];

/// No VAT is lower, but none at all.
pub(super) const LOWEST: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// No VAT is higher.
pub(super) const HIGHEST: Decimal = Decimal::from_parts(30, 0, 0, false, 2);

pub(super) fn is_rate(table: &Table, rate: Rate) -> bool {
    let numbers = Column(rate.column).exact(table);
    let mut rates = numbers.iter().flatten().map(|number| number * rate.scale / WHOLE);
    let plausible =
        |rate: Decimal| !rate.is_sign_negative() && rate <= HIGHEST && (rate.is_zero() || rate >= LOWEST);
    rates.clone().any(|rate| !rate.is_zero()) && rates.all(plausible)
}

/// Whether a member that the VAT is made of is called so.
pub(super) fn says_vat(table: &Table, amounts: &Amounts) -> bool {
    match &amounts.vat {
        Vat::Amount(vat) => vat.columns().into_iter().any(|i| {
            let name = name(&table.columns[i]);
            fits(&name, Word::Vat) + fits(&name, Word::Net) > 0
        }),
        Vat::Rate(_) | Vat::Unknown => true,
    }
}

/// The rates of what may be VAT, if all are plausible and one is more than nothing.
pub(super) fn rates(vat: &Numbers, base: &Numbers, of_gross: bool) -> Option<Vec<Decimal>> {
    let mut rates = Vec::new();
    for (vat, base) in vat.iter().flatten().zip(base.iter().flatten()) {
        let net = if of_gross { base - vat } else { *base };
        match vat.checked_div(net) {
            Some(rate) if !vat.is_zero() => rates.push(rate),
            _ if vat.is_zero() => {}
            _ => return None,
        }
    }
    let plausible = |rate: &Decimal| *rate >= LOWEST && *rate <= HIGHEST;
    (!rates.is_empty() && rates.iter().all(plausible)).then_some(rates)
}

pub(super) fn discounted(pieces: &Expression, price: usize, discount: usize, kind: Discount) -> Expression {
    let (pieces, price, discount) = (pieces.clone(), Column(price), Column(discount));
    match kind {
        Discount::OfLine => pieces.times(price).minus(discount),
        Discount::OfPiece => pieces.times(price.minus(discount)),
        Discount::Percent => pieces.times(price).less(discount, Decimal::ONE_HUNDRED),
        Discount::Fraction => pieces.times(price).less(discount, Decimal::ONE),
    }
}

/// Quantities with two or three implied decimals are large whole numbers.
pub(super) fn quantity_scales(table: &Table, column: usize) -> Vec<Decimal> {
    let numbers = table.columns[column].numbers.as_ref();
    let large = numbers
        .is_some_and(|numbers| numbers.iter().flatten().all(|n| n.scale() == 0 && n.abs() >= Decimal::TEN));
    if large { vec![Decimal::ONE, Decimal::new(1, 2), Decimal::new(1, 3)] } else { vec![Decimal::ONE] }
}

/// Columns whose product is a third, not only because one of them is 1: which may be quantities, which prices.
pub(super) fn products(table: &Table, columns: &[usize], places: u32) -> (Vec<usize>, Vec<usize>) {
    let (mut quantities, mut prices) = (Vec::new(), Vec::new());
    let size = |i: usize| Column(i).exact(table).iter().flatten().map(Decimal::abs).sum::<Decimal>();
    let ones = |i: usize| Column(i).exact(table).iter().flatten().all(|number| number.abs() <= Decimal::ONE);
    for &i in columns {
        for &j in columns.iter().filter(|&&j| j > i) {
            if ones(i) || ones(j) {
                continue;
            }
            let product = Column(i).times(Column(j)).rounded(table, places);
            let is_third = |k: &&usize| {
                **k != i && **k != j && alike(&Column(**k).rounded(table, places), &product, places)
            };
            if columns.iter().find(is_third).is_some() {
                let (quantity, price) = if size(i) <= size(j) { (i, j) } else { (j, i) };
                quantities.push(quantity);
                prices.push(price);
            }
        }
    }
    (quantities, prices)
}

/// The columns whose names fit, and how well.
pub(super) fn named(table: &Table, columns: &[usize], word: fn(&str) -> i32) -> Vec<(usize, i32)> {
    columns.iter().map(|&i| (i, word(&name(&table.columns[i])))).filter(|(_, score)| *score > 0).collect()
}

/// Without the sums of arrays within a row.
pub(super) fn own(table: &Table, columns: Vec<(usize, i32)>) -> Vec<(usize, i32)> {
    columns.into_iter().filter(|(i, _)| !table.columns[*i].is_sum()).collect()
}

/// Whether all rows are the same but for the last unit, and not all of them nothing.
pub(super) fn alike(a: &Numbers, b: &Numbers, places: u32) -> bool {
    let unit = Decimal::new(1, places);
    let mut pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.clone().any(|(a, _)| !a.is_zero()) && pairs.all(|(a, b)| (a - b).abs() <= unit)
}
