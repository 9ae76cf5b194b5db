//! Asking the store for a report.

use chrono::{Days, NaiveDate};
use sync_store::{Key, Period, StoreError, SyncStore};

use crate::{Fold, Gaps, Numbering, Query, Report};

/// The target of every receipt.
pub const OMNIUM: &str = "omnium";

/// A voucher's number is given before its receipt is settled, and a deposit may be settled weeks later:
/// numbers of so many days beside the period are not missing in it.
const BESIDE: Days = Days::new(31);

/// How many vouchers are asked for at a time.
const PAGE: u32 = 10_000;

/// Reports on a period: day by day, so that no question to the store takes long.
///
/// # Errors
/// The store's.
pub async fn report(store: &dyn SyncStore, query: &Query) -> Result<Report, StoreError> {
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

async fn gaps(store: &dyn SyncStore, query: &Query) -> Result<Gaps, StoreError> {
    let Period { from, to } = query.period;
    let wider = Period {
        from: from.checked_sub_days(BESIDE).unwrap_or(from),
        to: to.checked_add_days(BESIDE).unwrap_or(to),
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
