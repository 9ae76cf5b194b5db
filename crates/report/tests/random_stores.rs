//! Whatever a store holds, the report's columns add up to what was received, and to the hundredth.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, Utc};
use proptest::prelude::*;
use report::{By, OMNIUM, Query, report};
use rust_decimal::Decimal;
use sync_store::{
    Closes, DeadLetter, Key, NewDeadLetter, NewReceipt, Particulars, Period, Place, SyncStore, connect,
};

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Complete,
    Skipped,
    Dead,
    Pending,
    /// Its record was not opened yet: another target's was.
    Unopened,
    /// Nothing but a broken event of it was received.
    OnlyBroken,
    /// A dead letter from which no receipt could be read.
    Unreadable,
    /// The same, discarded.
    Discarded,
    /// Written by a version that knows no particulars.
    Plain,
}

const FATES: [Fate; 9] = [
    Fate::Complete,
    Fate::Skipped,
    Fate::Dead,
    Fate::Pending,
    Fate::Unopened,
    Fate::OnlyBroken,
    Fate::Unreadable,
    Fate::Discarded,
    Fate::Plain,
];

/// Fate, days ago, currency, store, amount.
type ReceiptCase = (Fate, u64, &'static str, u8, i64);

fn receipt_case() -> impl Strategy<Value = ReceiptCase> {
    let fate = prop::sample::select(&FATES[..]);
    let currency = prop::sample::select(&["NOK", "SEK"][..]);
    (fate, 0..4_u64, currency, 0..3_u8, -10_000_000_000_000..=10_000_000_000_000_i64)
}

fn letter(id: String, key: Option<Key>) -> DeadLetter {
    DeadLetter {
        id,
        stage: "receipt".to_owned(),
        reason: "invalid_event".to_owned(),
        error: "broken".to_owned(),
        key,
        package: None,
        message_id: None,
        attempts: 0,
        first_failed_at: None,
        last_failed_at: None,
        redriven: 0,
    }
}

async fn note(store: &dyn SyncStore, letter: &DeadLetter) {
    let closes = Closes::Every { at_least: OMNIUM };
    store.note_dead(&NewDeadLetter { letter, headers: "{}", body: b"{", closes }).await.expect("noted");
}

async fn put(store: &dyn SyncStore, number: usize, case: ReceiptCase, today: NaiveDate) {
    let (fate, ago, currency, shop, amount) = case;
    let key = Key::new("31", format!("r-{number}"));
    match fate {
        Fate::OnlyBroken => return note(store, &letter(format!("l-{number}"), Some(key))).await,
        Fate::Unreadable => return note(store, &letter(format!("l-{number}"), None)).await,
        Fate::Discarded => {
            note(store, &letter(format!("l-{number}"), None)).await;
            assert!(store.move_dead_letter(&format!("l-{number}"), Place::Discarded).await.expect("moved"));
            return;
        }
        _ => {}
    }
    let particulars = Particulars {
        order_type: Some(if amount < 0 { "RETURN" } else { "SALE" }.to_owned()),
        settled_at: Some(Utc::now()),
        settled_on: today - Days::new(ago),
        customer: String::new(),
    };
    let new = NewReceipt {
        key: &key,
        voucher_number: &number.to_string(),
        order_number: "5001",
        store_uid: &format!("store-{shop}"),
        currency,
        amount,
        fingerprint: "f",
        body: b"{}",
        traceparent: None,
        particulars: (fate != Fate::Plain).then_some(&particulars),
    };
    let target = if fate == Fate::Unopened { "erp" } else { OMNIUM };
    let _ = store.open(&new, target, fate != Fate::Skipped).await.expect("opened");
    match fate {
        Fate::Complete => drop(store.complete(&key, OMNIUM, "i").await.expect("completed")),
        Fate::Dead => {
            let mut letter = letter(format!("l-{number}"), Some(key));
            letter.reason = "omnium_rejected".to_owned();
            note(store, &letter).await;
        }
        _ => {}
    }
}

/// What the report must come to: counts of received, complete, skipped, dead and on their way.
fn expected(all: &[ReceiptCase]) -> ([u64; 5], BTreeMap<String, Decimal>) {
    let mut counts = [0; 5];
    let mut sums = BTreeMap::new();
    for (fate, _, currency, _, amount) in all {
        let column = match fate {
            Fate::Complete => 1,
            Fate::Skipped => 2,
            Fate::Dead | Fate::OnlyBroken | Fate::Unreadable => 3,
            Fate::Pending | Fate::Unopened | Fate::Plain => 4,
            Fate::Discarded => continue,
        };
        counts[0] += 1;
        counts[column] += 1;
        if !matches!(fate, Fate::OnlyBroken | Fate::Unreadable) {
            *sums.entry((*currency).to_owned()).or_insert(Decimal::ZERO) += Decimal::new(*amount, 2);
        }
    }
    (counts, sums)
}

async fn holds(all: &[ReceiptCase]) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("bilag.db").display());
    let store = connect(&url).await.expect("the store opens");
    let today = Utc::now().date_naive();
    for (number, case) in all.iter().enumerate() {
        put(&*store, number, *case, today).await;
    }
    let (counts, sums) = expected(all);
    // Midnight may pass meanwhile.
    let period = Period { from: today - Days::new(5), to: today + Days::new(1) };
    for by in [None, Some(By::Day), Some(By::Store), Some(By::Type)] {
        let query = Query { period, by, target: OMNIUM.to_owned(), tenant: None };
        let report = report(&*store, &query).await.expect("reported");
        assert!(report.adds_up(), "{by:?}: {report:?}");
        let is = report.counts();
        let is = [is.received, is.complete, is.skipped, is.dead, is.on_their_way].map(|tally| tally.count);
        assert_eq!(is, counts, "{by:?}");
        let by_currency = |rows: &[report::Row]| {
            let mut sums = BTreeMap::new();
            for row in rows {
                if let Some(currency) = &row.currency {
                    *sums.entry(currency.clone()).or_insert(Decimal::ZERO) += row.figures.received.sum;
                }
            }
            sums
        };
        assert_eq!(by_currency(&report.totals), sums, "{by:?}");
        if by.is_some() {
            assert_eq!(by_currency(&report.rows), sums, "{by:?}");
            let received: u64 = report.rows.iter().map(|row| row.figures.received.count).sum();
            assert_eq!(received, counts[0], "{by:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_report_adds_up(all in prop::collection::vec(receipt_case(), 0..24)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(holds(&all));
    }
}
