//! From the first receipt of a period to the last, or to where it ended.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::pin;

use chrono::NaiveDate;
use omnium::CallError;
use sync_store::{Key, Period, SettledReceipt, StoreError, SyncStore};

use crate::look::{Looker, OmniumOf, Trouble};
use crate::{Difference, NotCompared};

/// How many receipts are read from the store at a time.
const PAGE: u32 = 100;

/// So many receipts in a row that Omnium does not answer for, and it counts as away; one alone may
/// have something of its own.
const IN_A_ROW: usize = 3;

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
    /// How many receipts nothing is known of: Omnium did not answer for them, or they cannot be read here.
    pub fn receipts_not_compared(&self) -> usize {
        let unknown = |what: &NotCompared| {
            matches!(
                what,
                NotCompared::NoAnswer { .. } | NotCompared::ReceiptUnreadable | NotCompared::NoApiUser
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

/// Compares receipts with Omnium, as `omnium` gives it for the uid of each tenant, one after the other, until there are no more or `stop` is ready.
/// Tells what was found so far after each.
pub async fn verify(
    store: &dyn SyncStore,
    omnium: &OmniumOf<'_>,
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(&Findings),
) -> Findings {
    let mut run = Run {
        store,
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

struct Run<'a> {
    store: &'a dyn SyncStore,
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
                if self.unanswered.len() < IN_A_ROW {
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
            let page = self.store.settled_receipts(self.plan.period, tenant, after, PAGE).await;
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
