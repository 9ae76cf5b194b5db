//! The receipt's settlements: each payment and the change, or one of the whole total.

use super::entry::{Entry, Writer};
use super::members::{self, Evidence};
use super::payments::Payments;
use super::units::Units;

impl Writer<'_> {
    pub(super) fn settlements(&self) -> Vec<(String, Vec<Entry>)> {
        match self.samples.payments(self.lines) {
            Some(payments) => self.rows_of(payments),
            None => vec![(".".to_owned(), self.one_settlement())],
        }
    }

    pub(super) fn rows_of(&self, payments: Payments) -> Vec<(String, Vec<Entry>)> {
        let table = &self.samples.tables[payments.table];
        let mut entries: Vec<Entry> = members::row_uid(table)
            .map(|found| Self::found("orderReceipt.settlements.uid", "uid", table, &found))
            .into_iter()
            .collect();
        let kind = members::row_kind(table);
        match &kind {
            Some(found) => {
                let text = Self::text(table, found.column);
                entries.push(Entry::new(
                    "orderReceipt.settlements.code",
                    "code",
                    text.clone(),
                    &Evidence::Name,
                ));
                entries.push(Entry::new(
                    "orderReceipt.settlements.name",
                    "name",
                    text.clone(),
                    &Evidence::Name,
                ));
                let why = Evidence::Assumed("by words in the name: see `kind`".to_owned());
                entries.push(Entry::new(
                    "orderReceipt.settlements.kind",
                    "kind",
                    format!("({text} | kind)"),
                    &why,
                ));
            }
            None => entries.extend(self.unnamed_means()),
        }
        let evidence = match (payments.adds_up, payments.change) {
            (true, Some(_)) => Evidence::AddsUp("less the change, they come to the total".to_owned()),
            (true, None) => Evidence::AddsUp("they come to the total".to_owned()),
            _ => Evidence::Assumed("by name only, and they do not come to the total".to_owned()),
        };
        let amount = self.member(table, payments.amount);
        entries.push(Entry::new("orderReceipt.settlements.amount", "amount", amount, &evidence));
        entries.push(self.state());
        entries.push(match members::row_time(table) {
            Some(found) => Self::time("orderReceipt.settlements.settledAt", "settledAt", table, &found),
            None => self.settled_at(),
        });
        let mut all = vec![(table.each(), entries)];
        if let Some(change) = payments.change {
            let amount = format!(
                "-({} | {} | abs)",
                self.event().columns[change].number(),
                if self.units == Units::Major { "hundredths" } else { "round" }
            );
            let text = Evidence::AddsUp("the settlements less this come to the total".to_owned());
            let settled = Evidence::Assumed("change".to_owned());
            all.push((
                format!("select({} != 0)", self.event().columns[change].number()),
                vec![
                    Entry::new("orderReceipt.settlements.code", "code", "\"Change\"", &settled),
                    Entry::new("orderReceipt.settlements.name", "name", "\"Change\"", &settled),
                    Entry::new("orderReceipt.settlements.kind", "kind", "\"CASHBACK\"", &settled),
                    Entry::new("orderReceipt.settlements.amount", "amount", amount, &text),
                    self.state(),
                    self.settled_at(),
                ],
            ));
        }
        all
    }

    pub(super) fn unnamed_means(&self) -> [Entry; 3] {
        let why = Evidence::Assumed("no means of payment in the event: set it".to_owned());
        [
            Entry::new("orderReceipt.settlements.code", "code", "\"Other\"", &why),
            Entry::new("orderReceipt.settlements.name", "name", "\"Other\"", &why),
            Entry::new("orderReceipt.settlements.kind", "kind", "\"OTHER\"", &why),
        ]
    }

    pub(super) fn state(&self) -> Entry {
        let why = Evidence::Assumed("taken as paid: see whether the event says so".to_owned());
        Entry::new("orderReceipt.settlements.state", "state", "\"COMPLETED\"", &why)
    }

    pub(super) fn settled_at(&self) -> Entry {
        let (target, key) = ("orderReceipt.settlements.settledAt", "settledAt");
        match members::times(self.event()) {
            Some((_, found)) => {
                let time = Self::time(target, key, self.event(), &found);
                let jq = time.jq.unwrap_or_default().replacen("(.", "($event.", 1);
                Entry::new(target, key, jq, &Evidence::Assumed("the receipt's time".to_owned()))
            }
            None => Entry::missing(target, key, "when it was paid"),
        }
    }

    /// All of it, where the event has no settlements.
    pub(super) fn one_settlement(&self) -> Vec<Entry> {
        let event = self.event();
        let kind = members::row_kind_of_event(event);
        let mut entries = match &kind {
            Some(found) => {
                let text = Self::text(event, found.column);
                vec![
                    Entry::new("orderReceipt.settlements.code", "code", text.clone(), &Evidence::Name),
                    Entry::new("orderReceipt.settlements.name", "name", text.clone(), &Evidence::Name),
                    Entry::new(
                        "orderReceipt.settlements.kind",
                        "kind",
                        format!("({text} | kind)"),
                        &Evidence::Assumed("by words in the name: see `kind`".to_owned()),
                    ),
                ]
            }
            None => self.unnamed_means().into(),
        };
        let total = self.totals().swap_remove(0).jq.unwrap_or_default();
        let why = Evidence::Assumed("no settlements in the event: one of the whole total".to_owned());
        entries.push(Entry::new("orderReceipt.settlements.amount", "amount", total, &why));
        entries.push(self.state());
        entries.push(self.settled_at());
        entries
    }
}
