//! What waits, for a person or on its way.

use std::time::Duration;

use sync_store::{Backlog, OpenRecords, Place, State, SyncStore};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, letter, note, opened};

const HOUR: Duration = Duration::from_secs(3600);

async fn backlog(store: &dyn SyncStore) -> Backlog {
    store.backlog().await.expect("counted")
}

/// Makes all that is there an hour older.
async fn an_hour_later(fresh: &Fresh) {
    fresh.run("update dead_letter set noted_at = noted_at - 3600000").await;
    fresh
        .run(
            "update external_order_receipt_sync
             set created_at = created_at - 3600000, updated_at = updated_at - 3600000",
        )
        .await;
}

pub(crate) async fn counts_what_waits_with_the_oldest_age(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(backlog(&*store).await, Backlog::default());

    let pending = in_state(&*store, "pending", State::Pending).await;
    let _ = opened(&*store, &pending, "package", true, b"{}").await;
    let begun = in_state(&*store, "begun", State::Attaching).await;
    note(&*store, &letter("begun", "retries_exhausted", Some(&begun)), ONE).await;
    an_hour_later(fresh).await;
    in_state(&*store, "created", State::InvoiceCreated).await;
    in_state(&*store, "another", State::Pending).await;
    let refused = in_state(&*store, "refused", State::Pending).await;
    note(&*store, &letter("refused", "omnium_rejected", Some(&refused)), ONE).await;
    let elsewhere = sync_store::DeadLetter { stage: "erp".to_owned(), ..letter("erp", "erp_rejected", None) };
    note(&*store, &elsewhere, ONE).await;

    let waits = backlog(&*store).await;
    let letters: Vec<_> = waits.letters.iter().map(|of| (&*of.stage, of.count)).collect();
    assert_eq!(letters, [("erp", 1), ("upload", 2)]);
    let records = |of: &OpenRecords| (of.target.clone(), of.state, of.count, of.without_file);
    let of = |target: &str, state, count, without_file| (target.to_owned(), state, count, without_file);
    assert_eq!(
        waits.records.iter().map(records).collect::<Vec<_>>(),
        [
            of(TARGET, State::Dead, 2, 1),
            of(TARGET, State::InvoiceCreated, 1, 0),
            of(TARGET, State::Pending, 2, 0),
            of("package", State::Pending, 1, 0),
        ]
    );
    let ages = waits.letters.iter().map(|of| of.oldest_age);
    let ages: Vec<_> = ages.chain(waits.records.iter().map(|of| of.oldest_age)).collect();
    let old: Vec<_> = ages.iter().map(|age| *age >= HOUR).collect();
    assert_eq!(old, [false, true, true, false, true, true], "{ages:?}");
    assert!(ages.iter().all(|age| *age < 2 * HOUR), "{ages:?}");
}

pub(crate) async fn counts_nothing_complete_or_moved(fresh: &Fresh) {
    let store = fresh.connect().await;
    in_state(&*store, "complete", State::Complete).await;
    in_state(&*store, "skipped", State::Skipped).await;
    for (id, place) in [("redriven", Place::Redriven), ("discarded", Place::Discarded)] {
        note(&*store, &letter(id, "omnium_rejected", None), ONE).await;
        assert!(store.move_dead_letter(id, place).await.expect("moved"), "{id} was there");
    }
    assert_eq!(backlog(&*store).await, Backlog::default());
}

pub(crate) async fn finds_invoices_long_without_their_file(fresh: &Fresh) {
    let store = fresh.connect().await;
    let dead = in_state(&*store, "dead", State::Attaching).await;
    note(&*store, &letter("dead", "retries_exhausted", Some(&dead)), ONE).await;
    in_state(&*store, "created", State::InvoiceCreated).await;
    for state in [State::Pending, State::Complete, State::Dead, State::Skipped] {
        in_state(&*store, state.as_str(), state).await;
    }
    let find_of = async |minutes: u64, tenant: Option<&str>| {
        store.invoices_without_file(Duration::from_secs(60 * minutes), tenant).await.expect("found")
    };
    let find = async |minutes: u64| find_of(minutes, None).await;
    assert_eq!(find(15).await, [], "it was a moment ago");
    an_hour_later(fresh).await;
    in_state(&*store, "now", State::InvoiceCreated).await;
    let found = find(15).await;
    assert_eq!(found.iter().map(|of| (&*of.target, of.count)).collect::<Vec<_>>(), [(TARGET, 2)]);
    let age = store.now().await.expect("a clock") - found[0].oldest;
    assert!((60..65).contains(&age.num_minutes()), "{age}");
    assert_eq!(find_of(15, Some(&dead.tenant_uid)).await, found);
    assert_eq!(find_of(15, Some("nobody")).await, []);
    assert_eq!(find(90).await, []);
}
