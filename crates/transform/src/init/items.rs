//! The receipt's lines, and what is charged besides them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::entry::{Entry, Writer};
use super::expression::{Expression, sums};
use super::members::{self, Evidence, Found};
use super::model::{Amounts, Rate, Vat};
use super::names::{name, vat_name};
use super::table::Table;

impl Writer<'_> {
    /// A row's VAT in hundredths.
    pub(super) fn vat_of(&self, table: &Table, amounts: &Amounts) -> Option<String> {
        match &amounts.vat {
            Vat::Amount(vat) => Some(self.amount(table, vat)),
            Vat::Rate(rate) => {
                let (gross, rate) = (self.amount(table, &amounts.gross), self.rate(table, *rate));
                Some(format!("({gross} as $gross | {rate} as $of | $gross * $of / (10000 + $of) | round)"))
            }
            Vat::Unknown => self.overall_rate().map(|rate| {
                format!("({} * {rate} / {} | round)", self.amount(table, &amounts.gross), 10_000 + rate)
            }),
        }
    }

    pub(super) fn rate(&self, table: &Table, rate: Rate) -> String {
        let number = table.columns[rate.column].number();
        if rate.scale == Decimal::ONE { number } else { format!("({number} * {} | round)", rate.scale) }
    }

    /// The one whole percent that the VAT total is of the rest, in hundredths of a percent.
    pub(super) fn overall_rate(&self) -> Option<i64> {
        let vat = self.event().numbers().find(|(_, column, _)| vat_name(&name(column)) > 0)?;
        let vat = sums(vat.2);
        let rates = self.samples.total(self.lines)?.into_iter().zip(vat).map(|(total, vat)| {
            let percent = (vat * Decimal::ONE_HUNDRED).checked_div(total - vat)?;
            let whole = percent.round();
            ((percent - whole).abs() <= Decimal::new(5, 2)).then(|| whole.to_i64()).flatten()
        });
        let rates: Option<Vec<i64>> = rates.collect();
        let rates = rates?;
        let first = *rates.first()?;
        (first > 0 && rates.iter().all(|rate| *rate == first)).then_some(first * 100)
    }

    /// A column that has the rates which the VAT was taken by.
    pub(super) fn rate_column(&self, table: &Table, amounts: &Amounts) -> Option<Rate> {
        match &amounts.vat {
            Vat::Rate(rate) => Some(*rate),
            Vat::Amount(_) => self.samples.stated_rate(table, amounts),
            Vat::Unknown => None,
        }
    }

    pub(super) fn rate_entry(&self, table: &Table, amounts: &Amounts) -> Entry {
        let (target, key) = ("orderReceipt.items.vatRate", "vatRate");
        match (self.rate_column(table, amounts), &amounts.vat) {
            (Some(rate), Vat::Amount(_)) => Entry::new(
                target,
                key,
                self.rate(table, rate),
                &Evidence::AddsUp("the VAT is that of the line".to_owned()),
            ),
            (Some(rate), _) if self.lines.vat.is_some() => Entry::new(
                target,
                key,
                self.rate(table, rate),
                &Evidence::AddsUp("it makes the VAT total".to_owned()),
            ),
            (Some(rate), _) => Entry::new(target, key, self.rate(table, rate), &Evidence::Name),
            (None, Vat::Amount(_)) => {
                let why = Evidence::Assumed(
                    "no rate on the lines: the nearest of those seen, see `rates`".to_owned(),
                );
                Entry::new(target, key, "rate($total - $vat; $vat)", &why)
            }
            (None, _) => match self.overall_rate() {
                Some(rate) => {
                    let why = Evidence::Assumed(
                        "no VAT on the lines: the rate of the whole event for each".to_owned(),
                    );
                    Entry::new(target, key, rate.to_string(), &why)
                }
                None => Entry::missing(target, key, "hundredths of a percent: 2500 for 25 %"),
            },
        }
    }

    /// What the lines' members are computed by.
    pub(super) fn bindings(&self) -> Vec<String> {
        let (table, lines) = (self.table(), self.lines);
        let mut bindings = vec![format!("{} as $total", self.amount(table, &lines.amounts.gross))];
        bindings.push(format!(
            "{} as $vat",
            self.vat_of(table, &lines.amounts).unwrap_or_else(|| "null".to_owned())
        ));
        bindings.push(format!("{} as $rate", self.rate_entry(table, &lines.amounts).or_null()));
        bindings.push(format!("{} as $quantity", self.quantity().0));
        bindings.push(format!("{} as $unit", self.unit().0));
        bindings
    }

    pub(super) fn quantity(&self) -> (String, Evidence) {
        let price = self.lines.price.as_ref();
        let Some((price, column)) = price.and_then(|price| Some((price, price.quantity?))) else {
            return ("1".to_owned(), Evidence::Assumed("no quantity on the lines: one of each".to_owned()));
        };
        let number = self.table().columns[column].number();
        let number =
            if price.scale == Decimal::ONE { number } else { format!("({number} * {})", price.scale) };
        let evidence = match price.column {
            Some(_) if price.adds_up => Evidence::AddsUp("quantity times price is the line".to_owned()),
            Some(_) => Evidence::Assumed("by name only: all quantities are 1".to_owned()),
            None => Evidence::Name,
        };
        // A return's lines are negative, whether its quantities are or not.
        let gross = self.lines.amounts.gross.exact(self.table());
        let quantities = Expression::Column(column).exact(self.table());
        let opposed = |(gross, quantity): (&Decimal, &Decimal)| {
            gross.is_sign_negative() && !gross.is_zero() && quantity.is_sign_positive()
        };
        let opposed = gross.iter().flatten().zip(quantities.iter().flatten()).any(opposed);
        if opposed {
            (format!("(if $total < 0 then -({number}) else {number} end)"), evidence)
        } else {
            (number, evidence)
        }
    }

    pub(super) fn unit(&self) -> (String, Evidence) {
        let price = self.lines.price.as_ref();
        let Some((price, column)) = price.and_then(|price| Some((price, price.column?))) else {
            let jq = "(if $quantity == 0 then $total else $total / $quantity | round end)";
            return (
                jq.to_owned(),
                Evidence::Assumed(
                    "no price that makes the line: what one came to, without a list price".to_owned(),
                ),
            );
        };
        let number = self.table().columns[column].number();
        let jq = if price.with_vat {
            self.member(self.table(), column)
        } else {
            self.money(&format!("{number} * (10000 + $rate) / 10000"))
        };
        let vat = if price.with_vat { "with VAT" } else { "without VAT, which is added" };
        let evidence = if price.adds_up {
            Evidence::AddsUp(format!("quantity times price is the line, {vat}"))
        } else {
            Evidence::Assumed(format!("by name only, taken as {vat}: all quantities are 1"))
        };
        (jq, evidence)
    }

    pub(super) fn items(&self) -> Vec<Entry> {
        let (table, lines) = (self.table(), self.lines);
        let mut entries: Vec<Entry> = members::row_uid(table)
            .map(|found| Self::found("orderReceipt.items.uid", "uid", table, &found))
            .into_iter()
            .collect();
        let (sku, name) = (members::sku(table), members::row_name(table));
        let or = |found: &Option<Found>, other: &Option<Found>, why: &str| {
            found.clone().or_else(|| {
                let other = other.clone()?;
                Some(Found { evidence: Evidence::Assumed(why.to_owned()), ..other })
            })
        };
        let both = [
            (
                "orderReceipt.items.sku",
                "sku",
                or(&sku, &name, "the name, for want of a number"),
                "the article's number",
            ),
            (
                "orderReceipt.items.name",
                "name",
                or(&name, &sku, "the number, for want of a name"),
                "the article's name",
            ),
        ];
        for (target, key, found, why) in both {
            entries.push(match found {
                Some(found) => Self::found(target, key, table, &found),
                None => Entry::missing(target, key, why),
            });
        }
        let (_, quantity) = self.quantity();
        entries.push(Entry::new(
            "orderReceipt.items.quantity",
            "quantity",
            "($quantity | hundredths)",
            &quantity,
        ));
        let (_, unit) = self.unit();
        entries.push(Entry::new("orderReceipt.items.unitPrice", "unitPrice", "$unit", &unit));
        entries.push(self.discount());
        let total = if lines.adds_up {
            Evidence::AddsUp("the lines come to the total".to_owned())
        } else {
            Evidence::Assumed("by name only, and the lines do not come to a total".to_owned())
        };
        entries.push(Entry::new("orderReceipt.items.total", "total", "$total", &total));
        entries.push(Entry {
            jq: self.rate_entry(table, &lines.amounts).jq.map(|_| "$rate".to_owned()),
            ..self.rate_entry(table, &lines.amounts)
        });
        let vat = match (&lines.amounts.vat, lines.vat) {
            (Vat::Unknown, _) if self.overall_rate().is_some() => {
                Evidence::Assumed("computed by the rate of the whole event".to_owned())
            }
            (_, Some(_)) => Evidence::AddsUp("it comes to the VAT total".to_owned()),
            (Vat::Rate(_), _) => {
                Evidence::Assumed("computed by the rate, and no VAT total agrees".to_owned())
            }
            _ => Evidence::Assumed("by name only, and no VAT total agrees".to_owned()),
        };
        entries.push(match self.vat_of(table, &lines.amounts) {
            Some(_) => Entry::new("orderReceipt.items.vatAmount", "vatAmount", "$vat", &vat),
            None => Entry::missing("orderReceipt.items.vatAmount", "vatAmount", "the VAT in the line"),
        });
        entries
    }

    pub(super) fn discount(&self) -> Entry {
        let read = self.lines.price.as_ref().and_then(|price| price.discount);
        let what = match read {
            Some((column, _)) => {
                let column = &self.table().columns[column];
                let some = column.numbers.iter().flatten().flatten().any(|number| !number.is_zero());
                if some {
                    Evidence::Assumed(format!(
                        "computed, and it is {} in all samples: read that instead, and a line that does not add up is \
                         rejected",
                        column.path
                    ))
                } else {
                    Evidence::Assumed("what is left: no sample has a discount".to_owned())
                }
            }
            None => Evidence::Assumed("what quantity times price is more than the line".to_owned()),
        };
        Entry::new(
            "orderReceipt.items.discountAmount",
            "discountAmount",
            "(($quantity * $unit | round) - $total)",
            &what,
        )
    }

    /// What is charged besides the lines.
    pub(super) fn extra(&self, table: usize, amounts: &Amounts) -> (String, Vec<Entry>) {
        let table = &self.samples.tables[table];
        let mut entries: Vec<Entry> = members::row_uid(table)
            .map(|found| Self::found("orderReceipt.items.uid", "uid", table, &found))
            .into_iter()
            .collect();
        let label = format!("\"{}\"", table.name().to_uppercase());
        let name = members::row_name(table).map_or(label.clone(), |found| Self::text(table, found.column));
        let check = Evidence::Assumed("charged besides the lines, and completes the total".to_owned());
        entries.push(Entry::new("orderReceipt.items.sku", "sku", label, &check));
        entries.push(Entry::new("orderReceipt.items.name", "name", name, &Evidence::Name));
        let gross = self.amount(table, &amounts.gross);
        let adds_up = Evidence::AddsUp("it completes the total".to_owned());
        entries.push(Entry::new("orderReceipt.items.quantity", "quantity", "100", &check));
        entries.push(Entry::new("orderReceipt.items.unitPrice", "unitPrice", gross.clone(), &adds_up));
        entries.push(Entry::new("orderReceipt.items.discountAmount", "discountAmount", "0", &check));
        entries.push(Entry::new("orderReceipt.items.total", "total", gross.clone(), &adds_up));
        match self.vat_of(table, amounts) {
            Some(vat) => {
                let rate = match self.rate_column(table, amounts) {
                    Some(rate) => self.rate(table, rate),
                    None => format!("rate({gross} - {vat}; {vat})"),
                };
                entries.push(Entry::new("orderReceipt.items.vatRate", "vatRate", rate, &check));
                entries.push(Entry::new("orderReceipt.items.vatAmount", "vatAmount", vat, &check));
            }
            None => {
                entries.push(Entry::missing(
                    "orderReceipt.items.vatRate",
                    "vatRate",
                    "hundredths of a percent: 2500 for 25 %",
                ));
                entries.push(Entry::missing("orderReceipt.items.vatAmount", "vatAmount", "the VAT in it"));
            }
        }
        (table.each(), entries)
    }
}
