//! The way from pending to complete.

use std::time::Duration;

use sync_store::{Key, State, Step, SyncStore};

use crate::fresh::Fresh;
use crate::given::{
    LONG, ONE, TARGET, attach, granted, in_state, key, letter, lost, note, opened, record, taken,
};

#[derive(Clone, Copy, Debug)]
enum Try {
    Attaching,
    NotAttached,
    Complete,
    Skip,
}

async fn attempt(store: &dyn SyncStore, key: &Key, step: Try) -> Step {
    match step {
        Try::Attaching => store.attaching(key, TARGET, &attach("a")).await,
        Try::NotAttached => store.not_attached(key, TARGET, "a").await,
        Try::Complete => store.complete(key, TARGET, "invoice-1").await,
        Try::Skip => store.skip(key, TARGET, "a").await,
    }
    .expect("asked")
}

pub(crate) async fn each_state_allows_its_steps(fresh: &Fresh) {
    use State::{Attaching, Complete, Dead, InvoiceCreated, Pending, Skipped};
    let store = fresh.connect().await;
    // What each step makes of each state while the lease is held; `None`: it is refused.
    let steps = [Try::Attaching, Try::NotAttached, Try::Complete, Try::Skip];
    let table = [
        (Pending, [Some(Attaching), None, Some(Complete), Some(Skipped)]),
        (InvoiceCreated, [Some(Attaching), None, Some(Complete), None]),
        (Attaching, [Some(Attaching), Some(InvoiceCreated), Some(Complete), Some(Skipped)]),
        (Complete, [None, None, Some(Complete), None]),
        (Skipped, [None, None, Some(Complete), None]),
        (Dead, [None, None, Some(Complete), None]),
    ];
    for (state, after) in table {
        for (step, after) in steps.into_iter().zip(after) {
            let uid = format!("{state}-{step:?}");
            let before = if state == Dead { Pending } else { state };
            let key = in_state(&*store, &uid, before).await;
            if !matches!(state, Complete | Skipped) {
                granted(&*store, &key, "a", LONG).await;
            }
            if state == Dead {
                note(&*store, &letter(&uid, "render_failed", Some(&key)), ONE).await;
            }
            let expected = if after.is_some() { Step::Taken } else { Step::Lost };
            assert_eq!(attempt(&*store, &key, step).await, expected, "{step:?} from {state}");
            assert_eq!(record(&*store, &key).await.state, after.unwrap_or(state), "{step:?} from {state}");
        }
    }
}

pub(crate) async fn a_step_needs_a_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (uid, state, step) in [
        ("1", State::Pending, Try::Attaching),
        ("2", State::InvoiceCreated, Try::Attaching),
        ("3", State::Attaching, Try::NotAttached),
        ("4", State::Pending, Try::Skip),
    ] {
        let key = in_state(&*store, uid, state).await;
        assert_eq!(attempt(&*store, &key, step).await, Step::Lost, "{step:?} with no lease");

        let until = granted(&*store, &key, "a", Duration::from_millis(1)).await.lease.expect("held").until;
        while store_time(&*store).await <= until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(attempt(&*store, &key, step).await, Step::Lost, "{step:?} with a lease that has run out");
        assert_eq!(record(&*store, &key).await.state, state);
    }
}

/// The time by the store's clock: that of a record touched just now.
async fn store_time(store: &dyn SyncStore) -> chrono::DateTime<chrono::Utc> {
    let clock = key("clock");
    if store.record(&clock, TARGET).await.expect("asked").is_none() {
        in_state(store, "clock", State::Pending).await;
    }
    store.touch(&clock, TARGET).await.expect("touched");
    record(store, &clock).await.updated_at
}

pub(crate) async fn attaching_stores_the_file_and_extends_the_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::InvoiceCreated).await;
    let before = granted(&*store, &key, "a", LONG / 2).await.lease.expect("held");
    taken(store.attaching(&key, TARGET, &attach("a")).await);

    let record = record(&*fresh.connect().await, &key).await;
    assert_eq!(record.state, State::Attaching);
    assert_eq!(record.invoice_id.as_deref(), Some("invoice-1"));
    assert_eq!(record.file_name.as_deref(), Some("1001.pdf"));
    assert_eq!(record.pdf_sha256.as_deref(), Some("5f70bf18"));
    let after = record.lease.expect("still held");
    assert_eq!(after.owner, "a");
    assert!(after.until > before.until, "the lease was not extended");
}

pub(crate) async fn skipping_releases_the_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    lost(store.skip(&key, TARGET, "b").await);
    taken(store.skip(&key, TARGET, "a").await);
    let skipped = record(&*store, &key).await;
    assert_eq!((skipped.state, skipped.lease), (State::Skipped, None));
}

pub(crate) async fn complete_is_final_and_keeps_the_first_invoice(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Complete).await;
    let first = record(&*store, &key).await;
    assert!(first.completed_at.is_some() && first.lease.is_none());

    taken(store.complete(&key, TARGET, "invoice-2").await);
    note(&*store, &letter("l", "retries_exhausted", Some(&key)), ONE).await;
    let record = record(&*store, &key).await;
    assert_eq!(record.state, State::Complete);
    assert_eq!((record.invoice_id, record.completed_at), (first.invoice_id, first.completed_at));

    lost(store.complete(&crate::given::key("unheard"), TARGET, "invoice-1").await);
}

pub(crate) async fn a_dry_run_skips_pending_records_and_keeps_its_output(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    lost(store.rehearsed(&key, TARGET, "b", "would create invoice r").await);
    taken(store.rehearsed(&key, TARGET, "a", "would create invoice r").await);
    let skipped = record(&*store, &key).await;
    assert_eq!((skipped.state, skipped.lease), (State::Skipped, None));
    let would = store.rehearsal(&key, TARGET).await.expect("asked");
    assert_eq!(would.as_deref(), Some("would create invoice r"));

    let _ = opened(&*store, &key, TARGET, true, b"{}").await;
    assert_eq!(record(&*store, &key).await.state, State::Pending);
    assert_eq!(store.rehearsal(&key, TARGET).await.expect("asked"), None);

    let begun = in_state(&*store, "s", State::InvoiceCreated).await;
    granted(&*store, &begun, "a", LONG).await;
    lost(store.rehearsed(&begun, TARGET, "a", "nothing").await);
    assert_eq!(record(&*store, &begun).await.state, State::InvoiceCreated);
}
