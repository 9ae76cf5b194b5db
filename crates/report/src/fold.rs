//! From what the store counted, day by day, to the rows of a report.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sync_store::{BrokenCounts, ReceiptCount, State};

use crate::{Broken, By, Figures, Group, OMNIUM, Query, Row};

/// Rows in the making.
#[derive(Debug)]
pub struct Fold<'a> {
    query: &'a Query,
    rows: BTreeMap<(Group, Currency), Figures>,
    totals: BTreeMap<Currency, Figures>,
    broken: Broken,
}

/// Known ones first.
type Currency = (bool, String);

impl<'a> Fold<'a> {
    /// Nothing yet.
    pub fn new(query: &'a Query) -> Self {
        Self { query, rows: BTreeMap::new(), totals: BTreeMap::new(), broken: Broken::default() }
    }

    /// Adds receipts of one day that are alike.
    ///
    /// A receipt has a record for each target that may want it. Omnium is for every receipt, so one
    /// without a record there was heard a moment ago, and is on its way. Other targets are for some
    /// receipts only, and one without a record is none of theirs.
    pub fn receipts(&mut self, day: NaiveDate, counted: &ReceiptCount) {
        let state = match counted.state {
            Some(state) => state,
            None if self.query.target == OMNIUM => State::Pending,
            None => return,
        };
        let group = match self.query.by {
            None => Group::All,
            Some(By::Day) => Group::Day(day),
            Some(By::Store) => {
                Group::Store { tenant: counted.tenant_uid.clone(), store: counted.store_uid.clone() }
            }
            Some(By::Type) => counted.order_type.clone().map_or(Group::Unknown, Group::Type),
        };
        let currency = (false, counted.currency.clone());
        self.add(group, currency, state, counted.count, counted.sum);
    }

    /// Adds what was heard broken on one day. It is dead, and has no amount.
    pub fn broken(&mut self, day: NaiveDate, counted: BrokenCounts) {
        self.broken.only_broken += counted.only_broken;
        self.broken.unreadable += counted.unreadable;
        self.broken.discarded += counted.discarded;
        self.broken.disputed += counted.disputed;
        let dead = counted.only_broken + counted.unreadable;
        if dead > 0 {
            let group = match self.query.by {
                None => Group::All,
                Some(By::Day) => Group::Day(day),
                Some(By::Store | By::Type) => Group::Unknown,
            };
            self.add(group, (true, String::new()), State::Dead, dead, 0);
        }
    }

    fn add(&mut self, group: Group, currency: Currency, state: State, count: u64, sum: i128) {
        let rows = self.rows.entry((group, currency.clone())).or_default();
        for figures in [rows, self.totals.entry(currency).or_default()] {
            figures.heard.add(count, sum);
            let part = match state {
                State::Complete => &mut figures.complete,
                State::Skipped => &mut figures.skipped,
                State::Dead => &mut figures.dead,
                State::Pending | State::InvoiceCreated | State::Attaching => &mut figures.on_their_way,
            };
            part.add(count, sum);
        }
    }

    /// The rows, the totals, and what was broken.
    pub fn done(self) -> (Vec<Row>, Vec<Row>, Broken) {
        let known = |(unknown, currency): Currency| (!unknown).then_some(currency);
        let totals = self.totals.into_iter();
        let totals =
            totals.map(|(currency, figures)| Row { group: Group::All, currency: known(currency), figures });
        let rows = match self.query.by {
            Some(_) => self.rows,
            None => BTreeMap::new(),
        };
        let rows = rows.into_iter().map(|((group, currency), figures)| Row {
            group,
            currency: known(currency),
            figures,
        });
        (rows.collect(), totals.collect(), self.broken)
    }
}
