//! Pruning: what goes, what stays, and what comes back.

use std::time::Duration;

use chrono::{NaiveDate, Utc};
use sync_store::{
    Asking, DeadLetterFilter, Key, NewReceipt, Opened, PackageState, Particulars, Period, Place, Pruned,
    SearchScope, State, SyncStore, fingerprint,
};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, key, letter, note, opened, receipt, record};
use crate::packed;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// As if all that was ever done had been done two years before.
async fn two_years_pass(fresh: &Fresh) {
    const TWO_YEARS: i64 = 2 * 365 * 24 * 3600 * 1000;
    for (table, columns) in [
        ("receipt", &["heard_at"][..]),
        ("external_order_receipt_sync", &["created_at", "updated_at", "completed_at"]),
        ("package_round", &["created_at", "updated_at"]),
        ("dead_letter", &["noted_at"]),
    ] {
        let earlier: Vec<_> =
            columns.iter().map(|column| format!("{column} = {column} - {TWO_YEARS}")).collect();
        fresh.run(&format!("update {table} set {}", earlier.join(", "))).await;
    }
}

fn receipts(count: u64) -> Pruned {
    Pruned { receipts: count, ..Pruned::default() }
}

fn of_november() -> Period {
    let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
    Period { from: day("2026-11-01"), to: day("2026-11-30") }
}

/// Completes a receipt of a customer.
async fn completed(store: &dyn SyncStore, key: &Key, body: &[u8]) {
    let particulars = Particulars {
        order_type: Some("SALE".to_owned()),
        settled_at: Some(Utc::now()),
        settled_on: "2026-11-02".parse().expect("a day"),
        customer: "kari nordmann".to_owned(),
    };
    let fingerprint = fingerprint(body);
    let new = NewReceipt { particulars: Some(&particulars), ..receipt(key, &fingerprint, body) };
    let _ = store.open(&new, TARGET, true).await.expect("opened");
    let _ = store.complete(key, TARGET, "invoice-1").await.expect("completed");
}

pub(crate) async fn prunes_content_and_keeps_identity(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = key("r");
    completed(&*store, &key, b"{\"customer\": \"Kari Nordmann\"}").await;
    let counts =
        store.receipt_counts("2026-11-02".parse().expect("a day"), TARGET, None).await.expect("counted");
    assert_eq!(store.prunable(YEAR).await.expect("counted"), receipts(0));
    assert_eq!(store.pruned_at(&key).await.expect("asked"), None);
    two_years_pass(fresh).await;
    assert_eq!(store.prunable(YEAR).await.expect("counted"), receipts(1));
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), receipts(1));
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), receipts(0));
    assert_eq!(store.prunable(YEAR).await.expect("counted"), receipts(0));

    let kept = store.receipt(&key).await.expect("asked").expect("kept");
    assert_eq!((&*kept.body, &kept.traceparent, &*kept.facts.order_number), (&b""[..], &None, ""));
    assert_eq!((&*kept.facts.voucher_number, kept.facts.amount), ("1001", 24_900));
    assert!(store.pruned_at(&key).await.expect("asked").is_some());
    let found = store.search("nordmann", SearchScope::Everywhere, None, sync_store::Page::first(10)).await;
    assert_eq!(found.expect("searched"), []);
    let found = store.search("1001", SearchScope::Everywhere, None, sync_store::Page::first(10)).await;
    assert_eq!(found.expect("searched").len(), 1);
    let record = record(&*store, &key).await;
    assert_eq!((record.state, record.invoice_id.as_deref()), (State::Complete, Some("invoice-1")));
    let after = store.receipt_counts("2026-11-02".parse().expect("a day"), TARGET, None).await;
    assert_eq!(after.expect("counted"), counts);
    assert_eq!(store.settled_vouchers(of_november(), None, None, 10).await.expect("read").len(), 1);
    assert_eq!(store.settled_receipts(of_november(), None, None, 10).await.expect("read"), []);
    assert_eq!(store.pruned_in(of_november(), None).await.expect("counted"), 1);
    assert_eq!(store.pruned_in(of_november(), Some("tenant-2")).await.expect("counted"), 0);
    assert_eq!(store.without_particulars(10).await.expect("asked"), []);
}

pub(crate) async fn prunes_nothing_still_needed(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (uid, state) in [
        ("pending", State::Pending),
        ("created", State::InvoiceCreated),
        ("attaching", State::Attaching),
        ("dead", State::Dead),
    ] {
        in_state(&*store, uid, state).await;
    }
    let with_letter = in_state(&*store, "with-letter", State::Complete).await;
    note(&*store, &letter("l", "conflicting_receipt", Some(&with_letter)), ONE).await;
    let elsewhere = in_state(&*store, "elsewhere", State::Complete).await;
    let _ = opened(&*store, &elsewhere, "package", true, b"{}").await;
    two_years_pass(fresh).await;
    in_state(&*store, "young", State::Complete).await;
    assert_eq!(store.prunable(YEAR).await.expect("counted"), receipts(0));
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), receipts(0));
    for uid in ["pending", "created", "attaching", "dead", "with-letter", "elsewhere", "young"] {
        let kept = store.receipt(&key(uid)).await.expect("asked");
        assert!(kept.is_none_or(|kept| kept.body == b"{}"), "{uid}");
    }
    assert!(store.move_dead_letter("l", Place::Discarded).await.expect("moved"));
    let _ = store.complete(&elsewhere, "package", "invoice-1").await.expect("completed");
    two_years_pass(fresh).await;
    assert_eq!(
        store.prune(YEAR, 100).await.expect("pruned"),
        Pruned { receipts: 3, packages: 0, letters: 1 }
    );
}

pub(crate) async fn a_late_duplicate_of_a_pruned_receipt_restores_nothing(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = key("r");
    completed(&*store, &key, b"{}").await;
    two_years_pass(fresh).await;
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), receipts(1));
    for wanted in [true, false] {
        let again = opened(&*store, &key, TARGET, wanted, b"{}").await;
        assert_eq!(again, Opened::Again(State::Complete));
    }
    assert_eq!(store.receipt(&key).await.expect("asked").expect("kept").body, b"");
    let other = opened(&*store, &key, TARGET, true, b"{\"other\": 1}").await;
    assert_eq!(other, Opened::Differs { body: Vec::new(), fingerprint: fingerprint(b"{}") });
    assert!(store.pruned_at(&key).await.expect("asked").is_some());
}

pub(crate) async fn a_pruned_receipt_wanted_again_has_its_body(fresh: &Fresh) {
    let store = fresh.connect().await;
    let skipped = in_state(&*store, "skipped", State::Skipped).await;
    let complete = in_state(&*store, "complete", State::Complete).await;
    two_years_pass(fresh).await;
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), receipts(2));
    assert_eq!(opened(&*store, &skipped, TARGET, false, b"{}").await, Opened::Again(State::Skipped));
    assert!(store.pruned_at(&skipped).await.expect("asked").is_some(), "nothing is sent: nothing is needed");

    assert_eq!(opened(&*store, &skipped, TARGET, true, b"{}").await, Opened::Again(State::Pending));
    assert_eq!(opened(&*store, &complete, "erp", true, b"{}").await, Opened::New);
    for key in [skipped, complete] {
        let kept = store.receipt(&key).await.expect("asked").expect("kept");
        assert_eq!((&*kept.body, &*kept.facts.order_number), (&b"{}"[..], "5001"));
        assert_eq!(store.pruned_at(&key).await.expect("asked"), None);
    }
    assert_eq!(store.stranded(Duration::ZERO, 10).await.expect("asked").len(), 2);
}

pub(crate) async fn prunes_settled_packages_and_dead_letters(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = packed::in_state(&*store, 1, PackageState::Issued).await;
    packed::in_state(&*store, 2, PackageState::Asked).await;
    for (id, place) in [("a", Place::Redriven), ("b", Place::Discarded), ("c", Place::Dead)] {
        note(&*store, &letter(id, "omnium_rejected", None), ONE).await;
        store.move_dead_letter(id, place).await.expect("moved");
    }
    two_years_pass(fresh).await;
    let settled = Pruned { receipts: 0, packages: 1, letters: 2 };
    assert_eq!(store.prunable(YEAR).await.expect("counted"), settled);
    assert_eq!(store.prune(YEAR, 100).await.expect("pruned"), settled);
    assert_eq!(store.prunable(YEAR).await.expect("counted"), Pruned::default());
    assert_eq!(store.packing_body(&package, 1).await.expect("asked"), None);
    let again = packed::ask(&*store, &package, "first", "content").await;
    assert!(matches!(again, Asking::Issued(_)), "{again:?}");
    for (id, pruned) in [("a", true), ("b", true), ("c", false)] {
        let letter = store.dead_letter(id).await.expect("asked").expect("kept");
        assert_eq!((letter.body.is_empty(), &*letter.headers == "{}"), (pruned, pruned), "{id}");
        assert_eq!(&*letter.noted.letter.error == "pruned", pruned, "{id}");
    }
    assert_eq!(store.fill_causes(100).await.expect("filled"), 0);
    let filter = DeadLetterFilter { place: Place::Discarded, ..DeadLetterFilter::default() };
    let causes = store.dead_causes(&filter, sync_store::Page::first(10)).await.expect("asked");
    assert_eq!(causes[0].cause, "pruned");
    let group = sync_store::group_id(&causes[0].stage, &causes[0].reason, &causes[0].cause);
    let filter = DeadLetterFilter { group: Some(group), ..filter };
    assert_eq!(store.dead_letter_ids(&filter).await.expect("asked").len(), 1);
}

pub(crate) async fn prunes_up_to_the_limit(fresh: &Fresh) {
    let store = fresh.connect().await;
    for uid in ["1", "2", "3"] {
        in_state(&*store, uid, State::Complete).await;
    }
    two_years_pass(fresh).await;
    assert_eq!(store.prune(YEAR, 2).await.expect("pruned"), receipts(2));
    assert_eq!(store.prune(YEAR, 2).await.expect("pruned"), receipts(1));
    assert_eq!(store.prune(YEAR, 2).await.expect("pruned"), receipts(0));
}
