//! Who may act.

use std::time::Duration;

use futures_util::future::join_all;
use sync_store::{Lease, State};

use crate::fresh::Fresh;
use crate::given::{
    LONG, ONE, TARGET, attach, granted, in_state, key, letter, lost, note, opened, record, taken,
};

const SHORT: Duration = Duration::from_millis(20);

pub(crate) async fn of_concurrent_leases_one_is_granted(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for round in 0..10 {
        let key = in_state(&*handles[0], &format!("r{round}"), State::Pending).await;
        let answers = join_all((0..16).map(|i| {
            let (store, key) = (&handles[i % 2], &key);
            async move { store.lease(key, TARGET, &format!("owner-{i}"), LONG).await.expect("asked") }
        }))
        .await;
        let granted = answers.iter().filter(|answer| matches!(answer, Lease::Granted(_))).count();
        let held = answers.iter().filter(|answer| matches!(answer, Lease::Held { .. })).count();
        assert_eq!((granted, held), (1, 15));
    }
}

pub(crate) async fn a_running_lease_is_granted_to_nobody(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    for owner in ["a", "b"] {
        let answer = store.lease(&key, TARGET, owner, LONG).await.expect("asked");
        let Lease::Held { left } = answer else { panic!("{owner} was granted a lease: {answer:?}") };
        assert!(LONG / 2 < left && left <= LONG, "{left:?}");
    }
}

pub(crate) async fn no_lease_outlasts_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", SHORT).await;
    fresh
        .run(
            "update external_order_receipt_sync
             set lease_until = lease_until + 3600000, updated_at = updated_at + 3600000",
        )
        .await;
    while let Lease::Held { left } = store.lease(&key, TARGET, "b", LONG).await.expect("asked") {
        assert!(left <= SHORT, "{left:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    assert!(store.named_lease("receipt", "a", SHORT).await.expect("asked"));
    fresh.run("update reconcile_lease set until = until + 3600000").await;
    assert!(store.named_lease("receipt", "b", SHORT).await.expect("asked"));
}

pub(crate) async fn touching_a_leased_record_survives_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    for touch in ["touch", "open", "not_attached", "die"] {
        let before = if touch == "not_attached" { State::Attaching } else { State::Pending };
        let key = in_state(&*store, touch, before).await;
        granted(&*store, &key, "a", LONG).await;
        fresh
            .run(&format!(
                "update external_order_receipt_sync
                 set lease_until = lease_until + 7200000, updated_at = updated_at + 7200000
                 where receipt_uid = '{touch}'"
            ))
            .await;
        match touch {
            "touch" => store.touch(&key, TARGET).await.expect("touched"),
            "open" => drop(opened(&*store, &key, TARGET, true, b"{}").await),
            "not_attached" => taken(store.not_attached(&key, TARGET, "a").await),
            _ => note(&*store, &letter(touch, "rejected", Some(&key)), ONE).await,
        }
        let answer = store.lease(&key, TARGET, "b", LONG).await.expect("asked");
        let Lease::Held { left } = answer else { panic!("{touch}: {answer:?}") };
        assert!(left <= LONG, "{touch}: {left:?}");
    }
}

pub(crate) async fn an_expired_lease_passes_to_another_owner(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    let until = granted(&*store, &key, "a", SHORT).await.lease.expect("it holds one").until;
    loop {
        match store.lease(&key, TARGET, "b", LONG).await.expect("asked") {
            Lease::Held { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
            Lease::Granted(record) => {
                assert!(record.updated_at >= until, "b was granted the lease before a's had run out");
                break;
            }
            other => panic!("not an answer here: {other:?}"),
        }
    }
    lost(store.attaching(&key, TARGET, &attach("a")).await);
    lost(store.not_attached(&key, TARGET, "a").await);
    assert_eq!(record(&*store, &key).await.state, State::Pending);
    taken(store.attaching(&key, TARGET, &attach("b")).await);
}

pub(crate) async fn a_released_lease_is_free_at_once(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    store.release(&key, TARGET, "a").await.expect("released");
    granted(&*store, &key, "b", LONG).await;
}

pub(crate) async fn only_the_owner_releases_a_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    store.release(&key, TARGET, "b").await.expect("asked");
    let answer = store.lease(&key, TARGET, "b", LONG).await.expect("asked");
    assert!(matches!(answer, Lease::Held { .. }), "{answer:?}");
}

pub(crate) async fn only_the_owner_shortens_a_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    let until = granted(&*store, &key, "a", LONG).await.lease.expect("held").until;
    for (owner, ttl) in [("b", SHORT), ("a", LONG * 2)] {
        store.shorten(&key, TARGET, owner, ttl).await.expect("asked");
        let lease = record(&*store, &key).await.lease.expect("still held");
        assert_eq!((&*lease.owner, lease.until), ("a", until), "{owner} has moved it");
    }

    store.shorten(&key, TARGET, "a", LONG / 2).await.expect("shortened");
    let shortened = record(&*store, &key).await;
    let lease = shortened.lease.expect("still held");
    assert_eq!(lease.until, shortened.updated_at + LONG / 2);

    store.shorten(&key, TARGET, "a", Duration::ZERO).await.expect("shortened");
    granted(&*store, &key, "b", LONG).await;
}

pub(crate) async fn no_lease_without_work_to_do(fresh: &Fresh) {
    let store = fresh.connect().await;
    let complete = in_state(&*store, "complete", State::Complete).await;
    let expected = Lease::Complete(record(&*store, &complete).await);
    assert_eq!(store.lease(&complete, TARGET, "a", LONG).await.expect("asked"), expected);

    let skipped = in_state(&*store, "skipped", State::Skipped).await;
    assert_eq!(store.lease(&skipped, TARGET, "a", LONG).await.expect("asked"), Lease::Skipped);

    let _ = opened(&*store, &key("r"), "package", true, b"{}").await;
    assert_eq!(store.lease(&key("r"), TARGET, "a", LONG).await.expect("asked"), Lease::NoRecord);

    let broken = key("broken");
    note(&*store, &letter("l", "invalid_event", Some(&broken)), ONE).await;
    assert_eq!(store.lease(&broken, TARGET, "a", LONG).await.expect("asked"), Lease::NoRecord);
}
