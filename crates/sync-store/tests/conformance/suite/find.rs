//! Looking records up.

use sync_store::{Key, NewReceipt, Page, RecordFilter, State, SyncStore, fingerprint};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, key, letter, note, opened, receipt};

async fn uids(store: &dyn SyncStore, filter: &RecordFilter, page: Page) -> Vec<String> {
    let records = store.records(filter, page).await.expect("listed");
    records.into_iter().map(|listed| listed.record.key.receipt_uid).collect()
}

pub(crate) async fn lists_records_by_page_latest_first(fresh: &Fresh) {
    let store = fresh.connect().await;
    for uid in ["1", "2", "3", "4", "5"] {
        let _ = opened(&*store, &key(uid), TARGET, true, b"{}").await;
    }
    fresh.run("update external_order_receipt_sync set created_at = cast(receipt_uid as bigint)").await;
    let all = RecordFilter::default();
    for (offset, expected) in [(0, ["5", "4"].as_slice()), (2, &["3", "2"]), (4, &["1"]), (5, &[])] {
        assert_eq!(uids(&*store, &all, Page { limit: 2, offset }).await, expected);
    }
}

pub(crate) async fn filters_records(fresh: &Fresh) {
    let store = fresh.connect().await;
    let complete = in_state(&*store, "r-complete", State::Complete).await;
    let _ = in_state(&*store, "r-dead", State::Dead).await;
    let _ = opened(&*store, &complete, "package", true, b"{}").await;
    let other = Key::new("tenant-2", "r-other");
    let voucher = NewReceipt { voucher_number: "2002", ..receipt(&other, "f", b"{}") };
    let _ = store.open(&voucher, TARGET, true).await.expect("opened");
    note(&*store, &letter("l", "invalid_event", Some(&key("2002"))), ONE).await;

    let all = RecordFilter::default;
    let found = |text: &str| RecordFilter { receipt: Some(text.to_owned()), ..all() };
    let table: [(RecordFilter, &[&str]); 9] = [
        (RecordFilter { state: Some(State::Dead), ..all() }, &["2002", "r-dead"]),
        (RecordFilter { state: Some(State::Pending), ..all() }, &["r-complete", "r-other"]),
        (RecordFilter { target: Some("package".into()), ..all() }, &["r-complete"]),
        (RecordFilter { tenant_uid: Some("tenant-2".into()), ..all() }, &["r-other"]),
        (found("r-complete"), &["r-complete", "r-complete"]),
        (found("1001"), &["r-complete", "r-complete", "r-dead"]),
        (found("2002"), &["2002", "r-other"]),
        (found("r-"), &[]),
        (RecordFilter { state: Some(State::Complete), ..found("1001") }, &["r-complete"]),
    ];
    for (filter, expected) in table {
        let mut found = uids(&*store, &filter, Page::first(100)).await;
        found.sort();
        assert_eq!(found, expected, "{filter:?}");
    }
    let listed = store.records(&found("2002"), Page::first(100)).await.expect("listed");
    let vouchers: Vec<_> = listed.iter().map(|l| l.receipt.as_ref().map(|r| &*r.voucher_number)).collect();
    assert!(vouchers.contains(&Some("2002")) && vouchers.contains(&None), "{vouchers:?}");
}

pub(crate) async fn counts_states(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(store.counts().await.expect("counted"), []);
    for (uid, state) in [("1", State::Pending), ("2", State::Pending), ("3", State::Complete)] {
        let _ = in_state(&*store, uid, state).await;
    }
    let _ = opened(&*store, &key("1"), "package", false, b"{}").await;
    let counts = store.counts().await.expect("counted");
    let counts: Vec<_> = counts.iter().map(|c| (&*c.target, c.state, c.count)).collect();
    assert_eq!(
        counts,
        [(TARGET, State::Complete, 1), (TARGET, State::Pending, 2), ("package", State::Skipped, 1)]
    );
}

pub(crate) async fn keeps_a_receipt_unchanged(fresh: &Fresh) {
    let store = fresh.connect().await;
    let (key, print) = (key("r"), fingerprint(b"{ }"));
    let new = receipt(&key, &print, b"{ }");
    let _ = store.open(&new, TARGET, true).await.expect("opened");
    let kept = store.receipt(&key).await.expect("asked").expect("kept");
    assert_eq!((kept.body.as_slice(), &*kept.fingerprint), (new.body, new.fingerprint));
    assert_eq!(kept.traceparent.as_deref(), new.traceparent);
    assert_eq!(kept.facts.voucher_number, new.voucher_number);
    assert_eq!(kept.facts.order_number, new.order_number);
    assert_eq!(kept.facts.store_uid, new.store_uid);
    assert_eq!((&*kept.facts.currency, kept.facts.amount), (new.currency, new.amount));
    assert_eq!(store.receipt(&crate::given::key("unheard")).await.expect("asked"), None);
}

pub(crate) async fn describes_the_store(fresh: &Fresh) {
    let store = fresh.connect().await;
    store.ping().await.expect("it answers");
    let name = store.describe();
    let (_, place) = name.split_once("://").expect("it has a scheme");
    assert!(fresh.url.ends_with(place), "{name}");
}
