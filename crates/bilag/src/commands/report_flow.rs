//! `bilag report --against flow`: which receipts and which numbers Flow has and the store has not received.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use events::store_clock;
use flow::{Flow, FoundReceipt, NumberSeries, Search};
use serde_json::{Value, json};
use sync_store::{Key, Page, Period, RecordFilter, SettledVoucher, SyncStore};
use tenants::{TenantSettings, Zones};

use crate::cli::ReportArgs;
use crate::output::{self, Failed, say};

/// Vouchers per read of the store.
const BATCH: u32 = 1000;
/// How long before the period a tenant's last receipt may have been settled, where the store says who the tenants are.
const KNOWN_FOR: Days = Days::new(31);
/// Receipts and ranges printed; JSON has all.
const MAX_LISTED: usize = 100;

/// What Flow has of one tenant.
#[derive(Debug, Default)]
struct Findings {
    tenant: String,
    compared: u64,
    receipts: Vec<Missing>,
    series: Vec<MissingNumbers>,
    other_types: Vec<String>,
}

/// A receipt that was never received.
#[derive(Debug)]
struct Missing {
    uid: String,
    voucher: String,
    store: String,
}

/// Numbers that a series gave, and no receipt has that was received.
#[derive(Debug, PartialEq, Eq)]
struct MissingNumbers {
    series: String,
    current: u64,
    numbers: Vec<Range>,
}

/// Numbers in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

/// Compares a period with Flow. Exit code 1 if anything is missing.
pub async fn run(args: &ReportArgs, store: &dyn SyncStore) -> Result<(), Failed> {
    let flow = args.flow.client().map_err(Failed::plainly_used_wrongly)?;
    let period = Period { from: args.from, to: args.to };
    let tenants = match tenants(args.tenant.as_deref(), &args.tenants) {
        Ok(named) => named,
        Err(refused) => of_the_store(store, period).await?.ok_or(refused)?,
    };
    let zones = args.tenants.zones();
    let country = args.flow.defaults().country;
    let mut all = Vec::new();
    for tenant in tenants {
        let compare = Compare { flow: &flow, store, zones: &zones, country: country.as_deref(), period };
        all.push(compare.tenant(tenant).await?);
    }
    match args.json {
        true => output::json(&to_json(args, &all)),
        false => all.iter().for_each(print),
    }
    let receipts: usize = all.iter().map(|found| found.receipts.len()).sum();
    let numbers: u64 =
        all.iter().flat_map(|found| &found.series).map(MissingNumbers::count).fold(0, u64::saturating_add);
    match (receipts, numbers) {
        (0, 0) => Ok(()),
        _ => Err(Failed::plainly(format!(
            "{receipts} receipt(s) and {numbers} number(s) of Flow were never received; `bilag backfill --from-flow` \
             publishes the receipts"
        ))),
    }
}

/// The tenant that was named, else those of the tenants file.
pub fn tenants(named: Option<&str>, settings: &TenantSettings) -> Result<Vec<String>, Failed> {
    if let Some(tenant) = named {
        return Ok(vec![tenant.to_owned()]);
    }
    let known: Vec<_> = settings.tenants.iter().flat_map(|file| file.uids()).map(str::to_owned).collect();
    match known.is_empty() {
        true => Err(Failed::used_wrongly("--tenant", "whose receipts? name one, or set BILAG_TENANTS")),
        false => Ok(known),
    }
}

/// The tenants of the receipts in the store, of the period, the 31 days before and all since; `None` where there are
/// none.
async fn of_the_store(store: &dyn SyncStore, period: Period) -> Result<Option<Vec<String>>, Failed> {
    let from = period.from.checked_sub_days(KNOWN_FOR).unwrap_or(period.from);
    let mut tenants = BTreeSet::new();
    each_voucher(store, from, None, |voucher| {
        tenants.insert(voucher.key.tenant_uid);
    })
    .await?;
    Ok((!tenants.is_empty()).then(|| tenants.into_iter().collect()))
}

/// Hands on the vouchers of the receipts that were settled on a day or later.
async fn each_voucher(
    store: &dyn SyncStore,
    from: NaiveDate,
    tenant: Option<&str>,
    mut take: impl FnMut(SettledVoucher),
) -> Result<(), Failed> {
    let to = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or(NaiveDate::MAX);
    let mut after = None::<(NaiveDate, Key)>;
    loop {
        let last = after.as_ref().map(|(day, key)| (*day, key));
        let vouchers = store.settled_vouchers(Period { from, to }, tenant, last, BATCH).await;
        let vouchers = vouchers.map_err(Failed::plainly)?;
        let Some(end) = vouchers.last() else { return Ok(()) };
        after = Some((end.day, end.key.clone()));
        vouchers.into_iter().for_each(&mut take);
    }
}

/// The settled receipts of a tenant that count on a day in UTC.
pub async fn day_of(flow: &Flow, tenant: &str, day: NaiveDate) -> Result<Vec<FoundReceipt>, Failed> {
    let from: DateTime<Utc> = day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
    let to = from + chrono::TimeDelta::days(1) - chrono::TimeDelta::milliseconds(1);
    let search = Search { settled_at_from: Some(from), settled_at_to: Some(to), ..Search::default() };
    let mut found = flow.receipts(tenant, &search).await.map_err(Failed::plainly)?;
    found.retain(FoundReceipt::is_settled);
    found.reverse();
    Ok(found)
}

/// The days in UTC on which receipts of a period of stores' days can have been settled.
pub fn utc_days(Period { from, to }: Period) -> impl Iterator<Item = NaiveDate> {
    let first = from.checked_sub_days(Days::new(1)).unwrap_or(from);
    let last = to.checked_add_days(Days::new(1)).unwrap_or(to);
    first.iter_days().take_while(move |day| *day <= last)
}

struct Compare<'a> {
    flow: &'a Flow,
    store: &'a dyn SyncStore,
    zones: &'a Zones,
    country: Option<&'a str>,
    period: Period,
}

impl Compare<'_> {
    async fn tenant(&self, tenant: String) -> Result<Findings, Failed> {
        let mut found = Findings { tenant: tenant.clone(), ..Findings::default() };
        let (mut numbers, mut absent) = (BTreeSet::new(), Vec::new());
        for day in utc_days(self.period) {
            for receipt in day_of(self.flow, &tenant, day).await? {
                if self.is_of_the_period(&tenant, &receipt) {
                    found.compared += 1;
                    numbers.extend(receipt.voucher_number.parse::<u64>());
                    absent.push(receipt);
                }
            }
        }
        let (received, uids) = self.received(&tenant).await?;
        absent.retain(|receipt| !uids.contains(&receipt.uid));
        for receipt in absent {
            if !self.was_received(&tenant, &receipt.uid).await? {
                let FoundReceipt { uid, voucher_number: voucher, store_uid: store, .. } = receipt;
                found.receipts.push(Missing { uid, voucher, store });
            }
        }
        let series = self.flow.number_series(&tenant).await.map_err(Failed::plainly)?;
        found.other_types = other_types(&series);
        found.series =
            series.iter().filter_map(|series| missing_numbers(series, &received, &numbers)).collect();
        Ok(found)
    }

    fn is_of_the_period(&self, tenant: &str, receipt: &FoundReceipt) -> bool {
        let Some(settled) = receipt.settled_at() else { return true };
        let day = store_clock::day(settled, self.zones.of(tenant), self.country);
        (self.period.from..=self.period.to).contains(&day)
    }

    /// Whether a receipt that is not among the vouchers was received: with another day, just now, or as a broken
    /// event, which is a dead letter.
    async fn was_received(&self, tenant: &str, uid: &str) -> Result<bool, Failed> {
        let key = Key::new(tenant, uid);
        if self.store.settled_on(&key).await.map_err(Failed::plainly)?.is_some() {
            return Ok(true);
        }
        let filter = RecordFilter {
            receipt: Some(uid.to_owned()),
            tenant_uid: Some(tenant.to_owned()),
            ..RecordFilter::default()
        };
        let records = self.store.records(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
        Ok(records.iter().any(|listed| listed.record.key == key))
    }

    /// The numbers and the uids of the receipts that were received, of the period and since.
    async fn received(&self, tenant: &str) -> Result<(BTreeSet<u64>, HashSet<String>), Failed> {
        let (mut numbers, mut uids) = (BTreeSet::new(), HashSet::new());
        each_voucher(self.store, self.period.from, Some(tenant), |voucher| {
            numbers.extend(voucher.voucher_number.parse::<u64>());
            uids.insert(voucher.key.receipt_uid);
        })
        .await?;
        Ok((numbers, uids))
    }
}

/// Whether a series numbers receipts: its type says so, or nothing.
fn is_of_receipts(series: &NumberSeries) -> bool {
    series.kind.as_ref().is_none_or(|kind| kind.to_ascii_uppercase().contains("RECEIPT"))
}

/// The types of all series, where none is of receipts: then no numbers were compared.
fn other_types(series: &[NumberSeries]) -> Vec<String> {
    if series.iter().any(is_of_receipts) {
        return Vec::new();
    }
    let types: BTreeSet<_> = series.iter().filter_map(|series| series.kind.clone()).collect();
    types.into_iter().collect()
}

/// The numbers of a series that no received receipt has: from the first of the period to the last that Flow gave.
/// `None` where there are none, and for a series of something else than receipts: one with another type, or in which
/// neither Flow nor the store has a receipt.
fn missing_numbers(
    series: &NumberSeries,
    received: &BTreeSet<u64>,
    flows: &BTreeSet<u64>,
) -> Option<MissingNumbers> {
    let last = series.current_value.min(series.end.unwrap_or(u64::MAX));
    if last < series.start || !is_of_receipts(series) {
        return None;
    }
    let within = series.start..=last;
    let first = *received.range(within.clone()).chain(flows.range(within)).min()?;
    let mut numbers = Vec::new();
    let mut next = first;
    for number in received.range(first..=last) {
        if *number > next {
            numbers.push(Range { first: next, last: number - 1 });
        }
        next = number + 1;
    }
    if next <= last {
        numbers.push(Range { first: next, last });
    }
    let name = series.name.as_ref().unwrap_or(&series.number_series_uid).clone();
    (!numbers.is_empty()).then_some(MissingNumbers { series: name, current: series.current_value, numbers })
}

impl MissingNumbers {
    fn count(&self) -> u64 {
        self.numbers.iter().fold(0, |count, range| (range.last - range.first + 1).saturating_add(count))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{} to {}", self.first, self.last),
        }
    }
}

fn print(found: &Findings) {
    let Findings { tenant, compared, receipts, series, other_types } = found;
    say(format_args!("tenant {tenant}: {compared} receipt(s) in Flow, {} never received", receipts.len()));
    for Missing { uid, voucher, store } in receipts.iter().take(MAX_LISTED) {
        say(format_args!("  {uid} (voucher {voucher}, store {store})"));
    }
    if receipts.len() > MAX_LISTED {
        say(format_args!("  and {} more, which --json lists", receipts.len() - MAX_LISTED));
    }
    if !other_types.is_empty() {
        let types = other_types.join(", ");
        say(format_args!("  numbers were not compared: no number series is of receipts, only of {types}"));
    }
    for found in series {
        let ranges: Vec<_> = found.numbers.iter().take(MAX_LISTED).map(ToString::to_string).collect();
        let (name, current) = (&found.series, found.current);
        say(format_args!("  number series {name}, now at {current}: never received {}", ranges.join(", ")));
    }
}

fn to_json(args: &ReportArgs, all: &[Findings]) -> Value {
    let receipt = |missing: &Missing| json!({ "receipt": missing.uid, "voucherNumber": missing.voucher, "store": missing.store });
    let range = |range: &Range| json!({ "first": range.first, "last": range.last });
    let tenants: Vec<_> = all
        .iter()
        .map(|found| {
            let series: Vec<_> = found
                .series
                .iter()
                .map(|of| json!({ "series": of.series, "currentValue": of.current, "missing": of.numbers.iter().map(range).collect::<Vec<_>>() }))
                .collect();
            json!({
                "tenant": found.tenant,
                "compared": found.compared,
                "receipts": found.receipts.iter().map(receipt).collect::<Vec<_>>(),
                "numberSeries": series,
                "otherSeriesTypes": found.other_types,
            })
        })
        .collect();
    json!({ "from": args.from, "to": args.to, "against": "flow", "tenants": tenants })
}

#[cfg(test)]
mod tests {
    use sync_store::{NewReceipt, Particulars};

    use super::*;

    fn series(start: u64, end: Option<u64>, current_value: u64) -> NumberSeries {
        let (number_series_uid, name, kind) = ("s".to_owned(), None, Some("RECEIPT".to_owned()));
        NumberSeries { number_series_uid, name, kind, start, end, current_value }
    }

    #[test]
    fn numbers_that_flow_gave_and_nobody_received() {
        for (series, received, flows, expected) in [
            (series(1000, None, 1005), &[1001, 1002, 1004][..], &[][..], &[(1003, 1003), (1005, 1005)][..]),
            (series(1000, None, 1004), &[1001, 1002, 1003, 1004], &[], &[]),
            (series(1000, None, 1004), &[1003, 1004], &[1001], &[(1001, 1002)]),
            (series(1000, Some(1003), 2000), &[1001], &[], &[(1002, 1003)]),
            (series(5000, None, 5010), &[1001], &[1002], &[]),
            (series(5000, None, 4999), &[5001], &[], &[]),
            (series(1, None, u64::MAX), &[7], &[], &[(8, u64::MAX)]),
        ] {
            let (received, flows) = (received.iter().copied().collect(), flows.iter().copied().collect());
            let found =
                missing_numbers(&series, &received, &flows).map(|found| found.numbers).unwrap_or_default();
            let found: Vec<_> = found.iter().map(|range| (range.first, range.last)).collect();
            assert_eq!(found, expected, "{series:?} {received:?} {flows:?}");
        }
    }

    #[test]
    fn only_series_of_receipts_count() {
        let of = |kind: Option<&str>| NumberSeries {
            kind: kind.map(str::to_owned),
            ..series(1000, Some(9999), 1004)
        };
        let (receipts, purchases) = (of(Some("RECEIPT")), of(Some("PURCHASE")));
        let received = [1001, 1003].into_iter().collect();
        let found = |series: &NumberSeries| missing_numbers(series, &received, &BTreeSet::new());
        let numbers = [Range { first: 1002, last: 1002 }, Range { first: 1004, last: 1004 }];
        assert_eq!(found(&receipts).map(|found| found.numbers), Some(numbers.to_vec()));
        assert_eq!(found(&purchases), None);
        for kind in [Some("order_receipt"), None] {
            assert_eq!(found(&of(kind)).map(|found| found.numbers), Some(numbers.to_vec()), "{kind:?}");
        }
        assert_eq!(other_types(&[receipts, purchases.clone()]), [""; 0]);
        assert_eq!(other_types(&[purchases.clone(), purchases]), ["PURCHASE"]);
        assert_eq!(other_types(&[]), [""; 0]);
    }

    #[tokio::test]
    async fn without_a_name_the_stores_tenants_are_compared() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("bilag.db").display());
        let store = sync_store::connect(&url).await.expect("the store opens");
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a day");
        let period = Period { from: day(27), to: day(27) };
        let tenants =
            async || of_the_store(store.as_ref(), period).await.map_err(|failed| failed.exit_code());
        assert_eq!(tenants().await, Ok(None));
        let long_before = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day");
        for (tenant, receipt, settled) in
            [("8", "a", day(27)), ("7", "b", day(2)), ("7", "c", day(28)), ("9", "d", long_before)]
        {
            let key = Key::new(tenant, receipt);
            let particulars = Particulars {
                order_type: None,
                settled_at: None,
                settled_on: settled,
                customer: String::new(),
            };
            let receipt = NewReceipt {
                key: &key,
                voucher_number: receipt,
                order_number: receipt,
                store_uid: "70",
                currency: "NOK",
                amount: 100,
                fingerprint: receipt,
                body: b"{}",
                traceparent: None,
                particulars: Some(&particulars),
            };
            let _ = store.open(&receipt, "omnium", true).await.expect("it is opened");
        }
        assert_eq!(tenants().await, Ok(Some(vec!["7".to_owned(), "8".to_owned()])));
    }

    #[test]
    fn a_period_reaches_into_the_days_beside_it_in_utc() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a day");
        let days: Vec<_> = utc_days(Period { from: day(2), to: day(3) }).collect();
        assert_eq!(days, [day(1), day(2), day(3), day(4)]);
    }
}
