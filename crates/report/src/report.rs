//! The report as data, and asking the store for it.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, Days, NaiveDate};
use rust_decimal::Decimal;
use strum::{EnumString, IntoStaticStr};
use sync_store::{BrokenCounts, Key, Period, ReceiptCount, ReportStore, State, StoreError};

use crate::Gaps;
use crate::gaps::Numbering;

/// The target of every receipt.
pub const OMNIUM: &str = "omnium";

/// A voucher's number is given before its receipt is settled, and a deposit may be settled weeks later: numbers
/// settled this long before or after the period are not missing in it.
const MARGIN: Days = Days::new(31);

/// Vouchers read from the store at a time.
const PAGE: u32 = 10_000;

/// Reports on a period: day by day, so that no question to the store takes long.
///
/// # Errors
/// The store's.
pub async fn report(store: &dyn ReportStore, query: &Query) -> Result<Report, StoreError> {
    let mut fold = Fold::new(query);
    for day in days(query.period) {
        for counted in store.receipt_counts(day, &query.target, query.tenant.as_deref()).await? {
            fold.receipts(day, &counted);
        }
        fold.broken(day, store.broken_counts(day, &query.target, query.tenant.as_deref()).await?);
    }
    let gaps = gaps(store, query).await?;
    let (rows, totals, broken) = fold.done();
    Ok(Report { query: query.clone(), rows, totals, broken, gaps })
}

fn days(period: Period) -> impl Iterator<Item = NaiveDate> {
    period.from.iter_days().take_while(move |day| *day <= period.to)
}

async fn gaps(store: &dyn ReportStore, query: &Query) -> Result<Gaps, StoreError> {
    let Period { from, to } = query.period;
    let wider = Period {
        from: from.checked_sub_days(MARGIN).unwrap_or(from),
        to: to.checked_add_days(MARGIN).unwrap_or(to),
    };
    let mut numbering = Numbering::default();
    let mut after: Option<(NaiveDate, Key)> = None;
    loop {
        let last = after.as_ref().map(|(day, key)| (*day, key));
        let vouchers = store.settled_vouchers(wider, query.tenant.as_deref(), last, PAGE).await?;
        let Some(last) = vouchers.last() else { return Ok(numbering.gaps()) };
        after = Some((last.day, last.key.clone()));
        for voucher in vouchers {
            let inside = (from..=to).contains(&voucher.day);
            numbering.add(&voucher.key.tenant_uid, &voucher.store_uid, &voucher.voucher_number, inside);
        }
    }
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Days of settlement, both included, by the store's clock.
    pub period: Period,
    /// What the rows are grouped by, beside the currency; `None` for totals alone.
    pub by: Option<By>,
    /// The target whose records say what became of a receipt: `omnium`, `package`, `erp`.
    pub target: String,
    /// Only of this tenant.
    pub tenant: Option<String>,
}

/// What rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownBy, parse_err_fn = unknown_by)]
pub enum By {
    /// The day of settlement.
    Day,
    /// The month of settlement.
    Month,
    /// The tenant.
    Tenant,
    /// Tenant and store.
    Store,
    /// Sale, return or payment.
    Type,
}

impl By {
    /// As the command line has it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text names nothing that rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a report is by day, month, tenant, store or type")]
pub struct UnknownBy;

fn unknown_by(_: &str) -> UnknownBy {
    UnknownBy
}

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
        let lines = [
            (broken.only_broken, "of the dead: receipts with only invalid events"),
            (broken.unreadable, "of the dead: dead letters without a readable receipt"),
            (broken.discarded, "not counted: such dead letters that an operator has discarded"),
            (broken.disputed, "not counted: dead letters about a receipt that is counted"),
        ];
        lines.into_iter().filter(|(count, _)| *count > 0)
    }

    /// Whether every receipt received is in exactly one of the other columns.
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
    /// The day they were settled on; the day (UTC) they were received on where that could not be read.
    Day(NaiveDate),
    /// The month of that day, by its first.
    Month(NaiveDate),
    /// The retailer.
    Tenant(String),
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
            Self::Month(first) => write!(f, "{}", first.format("%Y-%m")),
            Self::Tenant(tenant) => f.write_str(tenant),
            Self::Store { tenant, store } => write!(f, "{tenant}/{store}"),
            Self::Type(kind) => f.write_str(kind),
            Self::Unknown => f.write_str("not known"),
        }
    }
}

/// What was received, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All of it.
    pub received: Tally,
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
    /// Whether what was received is the sum of what became of it.
    pub fn add_up(&self) -> bool {
        let parts = [&self.complete, &self.skipped, &self.dead, &self.on_their_way];
        self.received.count == parts.iter().map(|part| part.count).sum::<u64>()
            && self.received.sum == parts.iter().map(|part| part.sum).sum::<Decimal>()
    }

    /// Adds the numbers of receipts, and no amounts: those have a currency.
    fn count(&mut self, other: &Self) {
        self.received.count += other.received.count;
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
    /// Receipts of which only broken events were received; among the dead.
    pub only_broken: u64,
    /// Dead letters from which no receipt could be read; among the dead, one by one.
    pub unreadable: u64,
    /// The same, discarded by a person; in no column.
    pub discarded: u64,
    /// Dead letters that say something else of a receipt that is counted already; in no column.
    pub disputed: u64,
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// Rows in the making.
#[derive(Debug)]
pub(crate) struct Fold<'a> {
    query: &'a Query,
    rows: BTreeMap<(Group, Currency), Figures>,
    totals: BTreeMap<Currency, Figures>,
    broken: Broken,
}

/// Known ones first.
type Currency = (bool, String);

impl<'a> Fold<'a> {
    /// Nothing yet.
    pub(crate) fn new(query: &'a Query) -> Self {
        Self { query, rows: BTreeMap::new(), totals: BTreeMap::new(), broken: Broken::default() }
    }

    /// Adds receipts of one day that are alike.
    ///
    /// A receipt has a record for each target that may want it. Omnium is for every receipt, so one
    /// without a record there was received a moment ago, and is on its way. Other targets are for some
    /// receipts only, and one without a record is none of theirs.
    pub(crate) fn receipts(&mut self, day: NaiveDate, counted: &ReceiptCount) {
        let state = match counted.state {
            Some(state) => state,
            None if self.query.target == OMNIUM => State::Pending,
            None => return,
        };
        let group = match self.query.by {
            None => Group::All,
            Some(By::Day) => Group::Day(day),
            Some(By::Month) => Group::Month(first_of_month(day)),
            Some(By::Tenant) => Group::Tenant(counted.tenant_uid.clone()),
            Some(By::Store) => {
                Group::Store { tenant: counted.tenant_uid.clone(), store: counted.store_uid.clone() }
            }
            Some(By::Type) => counted.order_type.clone().map_or(Group::Unknown, Group::Type),
        };
        let currency = (false, counted.currency.clone());
        self.add(group, currency, state, counted.count, counted.sum);
    }

    /// Adds what was received broken on one day. It is dead, and has no amount.
    pub(crate) fn broken(&mut self, day: NaiveDate, counted: BrokenCounts) {
        self.broken.only_broken += counted.only_broken;
        self.broken.unreadable += counted.unreadable;
        self.broken.discarded += counted.discarded;
        self.broken.disputed += counted.disputed;
        let dead = counted.only_broken + counted.unreadable;
        if dead > 0 {
            let group = match self.query.by {
                None => Group::All,
                Some(By::Day) => Group::Day(day),
                Some(By::Month) => Group::Month(first_of_month(day)),
                Some(By::Tenant | By::Store | By::Type) => Group::Unknown,
            };
            self.add(group, (true, String::new()), State::Dead, dead, 0);
        }
    }

    fn add(&mut self, group: Group, currency: Currency, state: State, count: u64, sum: i128) {
        let rows = self.rows.entry((group, currency.clone())).or_default();
        for figures in [rows, self.totals.entry(currency).or_default()] {
            figures.received.add(count, sum);
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
    pub(crate) fn done(self) -> (Vec<Row>, Vec<Row>, Broken) {
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
