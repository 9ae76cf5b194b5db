//! A report, as data.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sync_store::Period;

use crate::Gaps;

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Days of settlement, both included, by the store's clock.
    pub period: Period,
    /// What the rows are told apart by, beside the currency; `None` for totals alone.
    pub by: Option<By>,
    /// The target whose records say what became of a receipt: `omnium`, `package`, `erp`.
    pub target: String,
    /// Only of this tenant.
    pub tenant: Option<String>,
}

/// What rows are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The day of settlement.
    Day,
    /// Tenant and store.
    Store,
    /// Sale, return or payment.
    Type,
}

impl By {
    /// As the command line has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Store => "store",
            Self::Type => "type",
        }
    }
}

impl FromStr for By {
    type Err = UnknownBy;
    fn from_str(text: &str) -> Result<Self, UnknownBy> {
        [Self::Day, Self::Store, Self::Type].into_iter().find(|by| by.as_str() == text).ok_or(UnknownBy)
    }
}

/// The text names nothing that rows are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBy;

impl fmt::Display for UnknownBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report is by day, store or type")
    }
}

impl std::error::Error for UnknownBy {}

/// A report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was asked.
    pub query: Query,
    /// One for each group and currency, in order. Empty where totals alone were asked.
    pub rows: Vec<Row>,
    /// One for each currency; never across currencies.
    pub totals: Vec<Row>,
    /// What of the dead is no receipt of which more is known.
    pub broken: Broken,
    /// The voucher numbers that are missing.
    pub gaps: Gaps,
}

impl Report {
    /// Everything together, in numbers of receipts.
    pub fn counts(&self) -> Figures {
        let mut all = Figures::default();
        for row in &self.totals {
            all.count(&row.figures);
        }
        all
    }

    /// What a person should know of beside the sums: how many of what. Nothing of which there is none.
    pub fn beside(&self) -> impl Iterator<Item = (u64, &'static str)> {
        let broken = &self.broken;
        let told = [
            (broken.only_broken, "of the dead: receipts of which only broken events were heard"),
            (
                broken.unreadable,
                "of the dead: dead letters from which no receipt could be read, so nobody knows whose they are",
            ),
            (broken.discarded, "not counted: such dead letters that a person has discarded"),
            (
                broken.disputed,
                "not counted: dead letters that say something else of a receipt that is counted",
            ),
        ];
        told.into_iter().filter(|(count, _)| *count > 0)
    }

    /// Whether every receipt heard is in exactly one of the other columns.
    pub fn adds_up(&self) -> bool {
        self.rows.iter().chain(&self.totals).all(|row| row.figures.add_up())
    }

    /// Whether nothing is dead or on its way, and no voucher number is missing or given twice.
    pub fn is_settled(&self) -> bool {
        let counts = self.counts();
        let vouchers = self.gaps.missing() == 0 && self.gaps.repeated.is_empty();
        self.adds_up() && counts.dead.count == 0 && counts.on_their_way.count == 0 && vouchers
    }
}

/// The receipts of one group in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which ones.
    pub group: Group,
    /// ISO 4217; `None` where no receipt could be read.
    pub currency: Option<String>,
    /// How many, and what they come to.
    pub figures: Figures,
}

/// What the receipts of a row have in common. What is not known comes last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Nothing: a total.
    All,
    /// The day they were settled on; the day (UTC) they were heard on where that could not be read.
    Day(NaiveDate),
    /// The store that issued them.
    Store {
        /// The retailer.
        tenant: String,
        /// The store.
        store: String,
    },
    /// Their type: `SALE`, `RETURN`, `PAYMENT`.
    Type(String),
    /// It could not be read.
    Unknown,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("total"),
            Self::Day(day) => write!(f, "{day}"),
            Self::Store { tenant, store } => write!(f, "{tenant}/{store}"),
            Self::Type(kind) => f.write_str(kind),
            Self::Unknown => f.write_str("not known"),
        }
    }
}

/// What was heard, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All of it.
    pub heard: Tally,
    /// Delivered to the target.
    pub complete: Tally,
    /// Not wanted by the target.
    pub skipped: Tally,
    /// Waits for a person.
    pub dead: Tally,
    /// None of these yet.
    pub on_their_way: Tally,
}

impl Figures {
    /// Whether what was heard is the sum of what became of it.
    pub fn add_up(&self) -> bool {
        let parts = [&self.complete, &self.skipped, &self.dead, &self.on_their_way];
        self.heard.count == parts.iter().map(|part| part.count).sum::<u64>()
            && self.heard.sum == parts.iter().map(|part| part.sum).sum::<Decimal>()
    }

    /// Adds the numbers of receipts, and no amounts: those have a currency.
    fn count(&mut self, other: &Self) {
        self.heard.count += other.heard.count;
        self.complete.count += other.complete.count;
        self.skipped.count += other.skipped.count;
        self.dead.count += other.dead.count;
        self.on_their_way.count += other.on_their_way.count;
    }
}

/// How many receipts, and what they come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The amounts of their invoices together, in the row's currency, with two decimals.
    pub sum: Decimal,
}

impl Tally {
    /// Adds receipts; the sum in hundredths, as the store has it.
    pub(crate) fn add(&mut self, count: u64, hundredths: i128) {
        self.count += count;
        // A receipt has at most 10^15 hundredths: 10^13 of the largest would fit.
        self.sum += Decimal::from_i128_with_scale(hundredths, 2);
    }
}

/// What of the dead is no receipt of which more is known, and what else a person should know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Receipts of which only broken events were heard; among the dead.
    pub only_broken: u64,
    /// Dead letters from which no receipt could be read; among the dead, one by one.
    pub unreadable: u64,
    /// The same, discarded by a person; in no column.
    pub discarded: u64,
    /// Dead letters that say something else of a receipt that is counted already; in no column.
    pub disputed: u64,
}
