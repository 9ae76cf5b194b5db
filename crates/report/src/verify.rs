//! Compares the sync records with Omnium: whether each invoice is there, has the receipt's amount, and has its
//! file. Only reads: nothing is written to Omnium, and no record is changed.

mod compare;

use std::collections::VecDeque;
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

use chrono::NaiveDate;
use events::Uid;
use omnium::{Asset, CallError, Omnium};
use sync_store::{
    Key, Period, Record, RecordStore, ReportStore, SettledReceipt, State, StoreError, SyncStore, fingerprint,
};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::OMNIUM;
use compare::{Compared, compare, file_name, mapped};
pub use compare::{Difference, NotCompared};

/// Receipts read from the store at a time.
const PAGE: u32 = 100;

/// Receipts in a row that Omnium does not answer for before it counts as away; one alone may be a fault of its
/// own.
const MAX_UNANSWERED: usize = 3;

/// Omnium's reads lag a write by about a second: a difference counts once the record is this old.
const READ_LAG: Duration = Duration::from_secs(3);

/// Compares receipts one after the other with Omnium, which `omnium` gives by tenant uid, until there are no more
/// or `stop` is ready. Calls `progress` after each.
pub async fn verify(
    store: &dyn SyncStore,
    omnium: &OmniumOf<'_>,
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(&Findings),
) -> Findings {
    let mut run = Run {
        receipts: store,
        looker: Looker::new(store, omnium, plan.per_second),
        after: plan.after.clone(),
        plan,
        page: VecDeque::new(),
        unanswered: Vec::new(),
        findings: Findings {
            looked_at: 0,
            differences: Vec::new(),
            not_compared: Vec::new(),
            last: None,
            ended: None,
        },
    };
    let mut stop = pin!(stop);
    loop {
        let step = tokio::select! {
            biased;
            () = &mut stop => Err(Ended::Stopped),
            step = run.step() => step,
        };
        if let Err(ended) = step {
            if !matches!(ended, Ended::OmniumAway(_)) {
                run.give_up_on_unanswered();
            }
            run.findings.ended = Some(ended);
            return run.findings;
        }
        progress(&run.findings);
    }
}

/// Which receipts are compared, and how gently.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Settled on these days, both included.
    pub period: Period,
    /// Only of this tenant.
    pub tenant: Option<String>,
    /// Only what comes after this receipt of this day.
    pub after: Option<(NaiveDate, Key)>,
    /// Calls a second, at most; at least 1.
    pub per_second: u32,
}

/// What was found.
#[derive(Debug)]
pub struct Findings {
    /// How many receipts were looked at.
    pub looked_at: u64,
    /// What differs, in the order in which receipts were looked at.
    pub differences: Vec<Found>,
    /// What could not be compared.
    pub not_compared: Vec<Uncompared>,
    /// The last receipt that was looked at: the next run may go on after it.
    pub last: Option<Key>,
    /// Why it ended; `None` while it goes on.
    pub ended: Option<Ended>,
}

impl Findings {
    /// How many receipts were not compared as far as this version can: Omnium did not answer for them, or for their
    /// files, or they cannot be read here.
    pub fn receipts_not_compared(&self) -> usize {
        let unknown = |what: &NotCompared| {
            matches!(
                what,
                NotCompared::NoAnswer { .. }
                    | NotCompared::FileNotToBeHad
                    | NotCompared::ReceiptUnreadable
                    | NotCompared::NoApiUser
            )
        };
        self.not_compared.iter().filter(|uncompared| unknown(&uncompared.what)).count()
    }
}

/// Why it ended.
#[derive(Debug)]
pub enum Ended {
    /// Every receipt was looked at.
    AtTheEnd,
    /// Somebody stopped it.
    Stopped,
    /// Omnium does not answer.
    OmniumAway(CallError),
    /// The store does not answer.
    StoreAway(StoreError),
}

/// A difference, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The receipt.
    pub key: Key,
    /// The number customers know it by.
    pub voucher_number: String,
    /// What differs.
    pub difference: Difference,
}

/// Something that could not be compared, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompared {
    /// The receipt.
    pub key: Key,
    /// The number customers know it by.
    pub voucher_number: String,
    /// What.
    pub what: NotCompared,
}

/// Omnium by tenant uid; `None` for a tenant without an API user.
pub type OmniumOf<'a> = dyn Fn(&str) -> Option<Omnium> + Send + Sync + 'a;

struct Run<'a> {
    receipts: &'a dyn ReportStore,
    looker: Looker<'a>,
    plan: Plan,
    after: Option<(NaiveDate, Key)>,
    page: VecDeque<SettledReceipt>,
    /// The latest receipts, as long as Omnium answered for none of them.
    unanswered: Vec<(SettledReceipt, CallError)>,
    findings: Findings,
}

impl Run<'_> {
    /// Looks at one more receipt.
    async fn step(&mut self) -> Result<(), Ended> {
        let Some(receipt) = self.next().await? else { return Err(Ended::AtTheEnd) };
        match self.looker.look(&receipt).await {
            Ok(compared) => {
                self.give_up_on_unanswered();
                self.findings.looked_at += 1;
                self.findings.last = Some(receipt.key.clone());
                let compared = compared.unwrap_or_default();
                let (key, voucher_number) = (&receipt.key, &receipt.voucher_number);
                self.findings.differences.extend(compared.differences.into_iter().map(|difference| Found {
                    key: key.clone(),
                    voucher_number: voucher_number.clone(),
                    difference,
                }));
                self.findings.not_compared.extend(compared.not_compared.into_iter().map(|what| Uncompared {
                    key: key.clone(),
                    voucher_number: voucher_number.clone(),
                    what,
                }));
                Ok(())
            }
            Err(Trouble::Store(error)) => Err(Ended::StoreAway(error)),
            Err(Trouble::Omnium(error)) if is_away(&error) => Err(Ended::OmniumAway(error)),
            Err(Trouble::Omnium(error)) => {
                self.unanswered.push((receipt, error));
                if self.unanswered.len() < MAX_UNANSWERED {
                    return Ok(());
                }
                // Not looked at: the next run begins with the first of them.
                let (_, error) = self.unanswered.remove(0);
                Err(Ended::OmniumAway(error))
            }
        }
    }

    /// Omnium answers for others, or it is over: what it did not answer for was not compared.
    fn give_up_on_unanswered(&mut self) {
        for (receipt, error) in self.unanswered.drain(..) {
            self.findings.looked_at += 1;
            self.findings.last = Some(receipt.key.clone());
            let what = NotCompared::NoAnswer { error: chain(&error) };
            let (key, voucher_number) = (receipt.key, receipt.voucher_number);
            self.findings.not_compared.push(Uncompared { key, voucher_number, what });
        }
    }

    async fn next(&mut self) -> Result<Option<SettledReceipt>, Ended> {
        if self.page.is_empty() {
            let after = self.after.as_ref().map(|(day, key)| (*day, key));
            let tenant = self.plan.tenant.as_deref();
            let page = self.receipts.settled_receipts(self.plan.period, tenant, after, PAGE).await;
            self.page = page.map_err(Ended::StoreAway)?.into();
        }
        let next = self.page.pop_front();
        if let Some(receipt) = &next {
            self.after = Some((receipt.day, receipt.key.clone()));
        }
        Ok(next)
    }
}

/// Whether the same would meet every other receipt.
fn is_away(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Refused(..)
            | CallError::NoToken(..)
            | CallError::Unauthorized(..)
            | CallError::Foreign(..)
    )
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// Compares single receipts, at a limited rate.
struct Looker<'a> {
    records: &'a dyn RecordStore,
    omnium: &'a OmniumOf<'a>,
    pace: Interval,
}

/// Why a receipt could not be looked at.
enum Trouble {
    Store(StoreError),
    Omnium(CallError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Omnium(error)
    }
}

impl<'a> Looker<'a> {
    /// Makes so many calls a second at most.
    fn new(records: &'a dyn RecordStore, omnium: &'a OmniumOf<'a>, per_second: u32) -> Self {
        let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { records, omnium, pace }
    }

    /// Compares one receipt; `None` where it has no record for Omnium yet.
    async fn look(&mut self, receipt: &SettledReceipt) -> Result<Option<Compared>, Trouble> {
        let Some(mut record) = self.records.record(&receipt.key, OMNIUM).await? else { return Ok(None) };
        loop {
            let compared = self.compare(&record, receipt).await?;
            if compared.differences.is_empty() {
                return Ok(Some(compared));
            }
            // What changes meanwhile is no difference, and is looked at as it is then.
            let now = self.records.record(&receipt.key, OMNIUM).await?.unwrap_or_else(|| record.clone());
            // By the store's clock; what was written before it was set back is as old as it may be.
            let age = (self.records.now().await? - now.updated_at).abs().to_std().unwrap_or(READ_LAG);
            if now == record && age >= READ_LAG {
                return Ok(Some(compared));
            }
            sleep(READ_LAG.saturating_sub(age)).await;
            record = now;
        }
    }

    async fn compare(&mut self, record: &Record, receipt: &SettledReceipt) -> Result<Compared, Trouble> {
        let id = record.invoice_id.as_deref().unwrap_or(&receipt.key.receipt_uid);
        // The uid of a receipt of which only broken events were received may be none.
        let Some(id) = Uid::new(id) else { return Ok(Compared::default()) };
        let name = file_name(record, &receipt.voucher_number);
        let Some(omnium) = (self.omnium)(&receipt.key.tenant_uid) else {
            return Ok(Compared { not_compared: vec![NotCompared::NoApiUser], ..Compared::default() });
        };
        let found = self.call(async || omnium.find_invoice(&id).await).await?;
        let mut compared = compare(record, mapped(&receipt.body).as_ref(), &name, found.as_ref());
        if record.state == State::Complete
            && let Some(found) = &found
            && let Some(asset) = found.files(&name).next()
        {
            self.compare_content(&omnium, record, &name, asset, &mut compared).await?;
        }
        Ok(compared)
    }

    /// The file by its SHA-256, as it was attached.
    async fn compare_content(
        &mut self,
        omnium: &Omnium,
        record: &Record,
        name: &str,
        asset: &Asset,
        compared: &mut Compared,
    ) -> Result<(), Trouble> {
        let Some(attached) = &record.pdf_sha256 else {
            compared.not_compared.push(NotCompared::FingerprintUnknown);
            return Ok(());
        };
        match self.call(async || omnium.download(asset).await).await {
            Ok(Some(content)) if fingerprint(&content) == *attached => {}
            Ok(Some(_)) => compared.differences.push(Difference::FileDiffers { name: name.to_owned() }),
            Err(CallError::NotFound(..)) => {
                compared.differences.push(Difference::FileGone { name: name.to_owned() });
            }
            // Omnium is there: it has just answered. Where files are is another matter.
            Ok(None) | Err(_) => compared.not_compared.push(NotCompared::FileNotToBeHad),
        }
        Ok(())
    }

    /// Makes a call at the limited rate, and waits out every 429, however long.
    async fn call<T>(&mut self, call: impl AsyncFn() -> Result<T, CallError>) -> Result<T, CallError> {
        loop {
            self.pace.tick().await;
            match call().await {
                Err(CallError::Throttled { retry_after, .. }) => sleep(retry_after).await,
                Err(CallError::NotMade { .. }) => {}
                answer => return answer,
            }
        }
    }
}
