//! The VAT summary by rate: the receipt's own, else computed from its items.

use std::collections::BTreeMap;

use events::{Hundredths, OrderReceipt};
use minijinja::Value;

use super::Group;

pub(super) const VAT: [&str; 4] = ["rate", "net", "vat", "gross"];

pub(super) fn vat(receipt: &OrderReceipt) -> Value {
    rows(receipt)
        .into_iter()
        .map(|(rate, net, vat)| {
            Group::value(&VAT, [rate, net, vat, net + vat].map(|number| Value::from(number.get())))
        })
        .collect()
}

/// Rate, net and VAT, by rising rate.
fn rows(receipt: &OrderReceipt) -> Vec<(Hundredths, Hundredths, Hundredths)> {
    if let Some(rows) = receipt.order_totals.vat.as_ref().filter(|rows| !rows.is_empty()) {
        let mut rows: Vec<_> = rows.iter().map(|row| (row.rate, row.net, row.vat)).collect();
        rows.sort_by_key(|row| row.0);
        return rows;
    }
    let mut by_rate = BTreeMap::<Hundredths, (Hundredths, Hundredths)>::new();
    for item in &receipt.items {
        let (net, vat) = by_rate.entry(item.vat_rate).or_default();
        *net = *net + item.total - item.vat_amount;
        *vat = *vat + item.vat_amount;
    }
    by_rate.into_iter().map(|(rate, (net, vat))| (rate, net, vat)).collect()
}
