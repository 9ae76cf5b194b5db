//! How many at what price: what makes the amounts of the lines.

use rust_decimal::Decimal;

use super::expression::Expression::{Column, Number};
use super::lines::{alike, amount_columns, discounted, named, own, products, quantity_scales};
use super::model::{Amounts, Discount, Price, Samples, subtract};
use super::names::{discount_name, price_name, quantity_name};
use super::table::Table;

impl Samples {
    /// How many at what price.
    pub(super) fn price(&self, table: &Table, amounts: &Amounts) -> Price {
        let gross = amounts.gross.rounded(table, self.places);
        let net = self.vat(table, amounts).map(|vat| subtract(&gross, &vat));
        let columns = amount_columns(table);
        let of = |word: fn(&str) -> i32| named(table, &columns, word);
        let (by_quantity, by_price) = products(table, &columns, self.places);
        let mut quantities = own(table, of(quantity_name));
        if quantities.is_empty() {
            quantities.extend(by_quantity.into_iter().map(|i| (i, 0)));
        }
        let mut prices = own(table, of(price_name));
        if prices.is_empty() {
            prices.extend(by_price.into_iter().map(|i| (i, 0)));
        }
        let discounts = of(discount_name);
        let mut best: Option<(i32, Price)> = None;
        for &(q, quantity) in &quantities {
            for scale in quantity_scales(table, q) {
                for &(p, price) in prices.iter().filter(|(p, _)| *p != q) {
                    let pieces =
                        if scale == Decimal::ONE { Column(q) } else { Column(q).times(Number(scale)) };
                    let none = (None, pieces.clone().times(Column(p)), 1);
                    let some =
                        discounts.iter().filter(|(d, _)| *d != q && *d != p).flat_map(|&(d, score)| {
                            let pieces = &pieces;
                            [Discount::OfLine, Discount::OfPiece, Discount::Percent, Discount::Fraction]
                                .map(|kind| (Some((d, kind)), discounted(pieces, p, d, kind), score))
                        });
                    for (discount, expression, score) in [none].into_iter().chain(some) {
                        for (with_vat, target) in [(true, Some(&gross)), (false, net.as_ref())] {
                            let Some(target) = target else { continue };
                            if !alike(&expression.rounded(table, self.places), target, self.places) {
                                continue;
                            }
                            let numbers = table.columns[q].numbers.iter().flatten().flatten();
                            let many =
                                numbers.into_iter().any(|number| (*number * scale).abs() != Decimal::ONE);
                            let score = 10 * i32::from(many) + quantity + price + score + i32::from(with_vat);
                            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                                let found = Price {
                                    quantity: Some(q),
                                    scale,
                                    column: Some(p),
                                    with_vat,
                                    discount,
                                    adds_up: many,
                                };
                                best = Some((score, found));
                            }
                        }
                    }
                }
            }
        }
        best.map_or_else(
            || Price {
                quantity: quantities
                    .iter()
                    .max_by_key(|(i, score)| {
                        (*score, usize::MAX - table.columns[*i].path.0.len(), usize::MAX - i)
                    })
                    .map(|(i, _)| *i),
                scale: Decimal::ONE,
                column: None,
                with_vat: true,
                discount: None,
                adds_up: false,
            },
            |(_, price)| price,
        )
    }
}
