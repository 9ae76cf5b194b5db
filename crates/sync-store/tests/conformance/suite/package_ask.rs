//! Who may ask for a package's invoice.

use std::time::Duration;

use futures_util::future::join_all;
use sync_store::{Ask, Asking, Issue, PackageState, Packing};

use crate::fresh::Fresh;
use crate::given::key;
use crate::packed::{
    AN_HOUR_PASSES, NUMBER, accepted, ask, by, granted, in_state, issue, package, packing, redriven,
    round_of, rounds, states,
};

pub(crate) async fn a_packing_begins_a_round_and_is_asked_for_once(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Granted { round: 1, asked_times: 0 });
    for event in ["1", "2"] {
        let answer = ask(&*store, &key, event, "x").await;
        assert!(matches!(answer, Asking::Held { .. }), "{answer:?}");
    }
    let _ = store.asked(&key, 1, "a").await.expect("asked");
    for event in ["1", "2", "3"] {
        assert_eq!(ask(&*store, &key, event, "x").await, Asking::Asked);
    }
    assert_eq!(issue(&*store, &key, "r").await, Issue::Matched { round: 1 });
    for event in ["1", "2", "3", "4"] {
        assert_eq!(ask(&*store, &key, event, "x").await, Asking::Issued(crate::given::key("r")));
    }
    assert_eq!(states(&*store, &key).await, [PackageState::Issued]);
}

pub(crate) async fn of_concurrent_leases_one_is_granted(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for state in [None, Some(PackageState::Asking), Some(PackageState::Dead)] {
        for turn in 0..5 {
            let id = turn + 10 * state.map_or(0, |state| 1 + state as u64);
            let key = match state {
                Some(state) => in_state(&*handles[0], id, state).await,
                None => package(id),
            };
            // Each packing has two events, and each of those may come several times.
            let answers = join_all((0..16).map(|i| {
                let (store, key, event) = (&handles[i % 2], &key, format!("event-{}", i % 4 / 2));
                async move {
                    let owner = format!("owner-{i}");
                    let packing = packing(key, &event, "content");
                    store.ask(&packing, &redriven(&owner)).await.expect("asked")
                }
            }))
            .await;
            let granted = answers.iter().filter(|answer| matches!(answer, Asking::Granted { .. })).count();
            let held = answers.iter().filter(|answer| matches!(answer, Asking::Held { .. })).count();
            assert_eq!((granted, held), (1, 15), "{state:?}: {answers:?}");
            assert_eq!(states(&*handles[0], &key).await, [PackageState::Asking], "{state:?}");
        }
    }
}

pub(crate) async fn concurrent_packings_are_rounds_and_the_last_counts(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for turn in 0..5 {
        let key = package(turn);
        let answers = join_all((0..8).map(|i| {
            let (store, key) = (&handles[i % 2], &key);
            async move { ask(&**store, key, &format!("event-{i}"), &format!("content-{i}")).await }
        }))
        .await;
        let mut granted: Vec<_> = answers
            .iter()
            .map(|answer| match answer {
                Asking::Granted { round, asked_times: 0 } => *round,
                other => panic!("a packing of its own was not granted: {other:?}"),
            })
            .collect();
        granted.sort();
        assert_eq!(granted, [1, 2, 3, 4, 5, 6, 7, 8]);
        let states = states(&*handles[0], &key).await;
        assert_eq!(states[..7], [PackageState::Superseded; 7]);
        assert_eq!(states[7], PackageState::Asking);
    }
}

pub(crate) async fn grants_again_after_release_or_expiry(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    granted(&*store, &key, "1", "x").await;
    store.release_package(&key, 1, "b").await.expect("asked");
    let held = ask(&*store, &key, "1", "x").await;
    assert!(matches!(held, Asking::Held { .. }), "another one gave the lease back: {held:?}");

    store.release_package(&key, 1, "a").await.expect("released");
    let short = Ask { ttl: Duration::from_millis(20), ..by("b") };
    let packing = packing(&key, "1", "x");
    let answer = store.ask(&packing, &short).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 1 });
    let until = round_of(&*store, &key, 1).await.lease.expect("held").until;
    loop {
        match store.ask(&packing, &by("c")).await.expect("asked") {
            Asking::Held { .. } => tokio::time::sleep(Duration::from_millis(1)).await,
            Asking::Granted { round: 1, asked_times: 2 } => break,
            other => panic!("not an answer here: {other:?}"),
        }
    }
    assert!(round_of(&*store, &key, 1).await.updated_at >= until, "granted before b's had run out");
}

pub(crate) async fn no_lease_outlasts_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    let (key, ttl) = (package(73), Duration::from_millis(20));
    let packing = packing(&key, "1", "x");
    let answer = store.ask(&packing, &Ask { ttl, ..by("a") }).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 0 });
    fresh
        .run(
            "update package_round set lease_until = lease_until + 3600000, updated_at = updated_at + 3600000",
        )
        .await;
    while let Asking::Held { left } = store.ask(&packing, &by("b")).await.expect("asked") {
        assert!(left <= ttl, "{left:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) async fn touching_a_leased_round_survives_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Granted { round: 1, asked_times: 0 });
    fresh
        .run(
            "update package_round set lease_until = lease_until + 7200000, updated_at = updated_at + 7200000",
        )
        .await;
    store.touch_package(&key, 1).await.expect("touched");
    let answer = store.ask(&packing(&key, "1", "x"), &by("b")).await.expect("asked");
    let Asking::Held { left } = answer else { panic!("{answer:?}") };
    assert!(left <= by("b").ttl, "{left:?}");
}

pub(crate) async fn asks_again_after_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    accepted(&*store, &key, "1", "x").await;
    fresh
        .run("update package_round set asked_at = asked_at + 7200000, updated_at = updated_at + 7200000")
        .await;
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Granted { round: 1, asked_times: 1 });
}

pub(crate) async fn asks_again_after_the_answer_timeout(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    accepted(&*store, &key, "1", "x").await;
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Asked);
    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Granted { round: 1, asked_times: 1 });
    let _ = store.asked(&key, 1, "a").await.expect("asked");
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Asked);
    let round = round_of(&*store, &key, 1).await;
    assert_eq!((round.asked_times, round.accepted_times), (2, 2));
}

pub(crate) async fn other_content_begins_a_round_and_supersedes(fresh: &Fresh) {
    use PackageState::{Asked, Asking as ToAsk, Dead, Issued, Superseded};
    let store = fresh.connect().await;
    let table = [(ToAsk, Superseded), (Asked, Asked), (Issued, Issued), (Dead, Superseded)];
    for (id, (before, after)) in table.into_iter().enumerate() {
        let key = in_state(&*store, id as u64, before).await;
        let answer = ask(&*store, &key, "second", "changed").await;
        assert_eq!(answer, Asking::Granted { round: 2, asked_times: 0 }, "after {before}");
        assert_eq!(states(&*store, &key).await, [after, ToAsk], "after {before}");
        let old = round_of(&*store, &key, 1).await;
        assert_eq!((old.lease, old.death), (None, None), "after {before}");
    }
}

pub(crate) async fn a_late_event_is_superseded(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, state) in
        [PackageState::Asking, PackageState::Asked, PackageState::Issued].into_iter().enumerate()
    {
        let key = in_state(&*store, id as u64, state).await;
        let _ = ask(&*store, &key, "first again", "content").await;
        granted(&*store, &key, "second", "changed").await;
        for event in ["first", "first again"] {
            for ask in [by("b"), redriven("b")] {
                let answer = store.ask(&packing(&key, event, "content"), &ask).await.expect("asked");
                assert_eq!(answer, Asking::Superseded, "{event} of one that was {state}");
            }
        }
        assert_eq!(rounds(&*store, &key).await.len(), 2);
        // Packed a third time, as it was packed first.
        assert_eq!(granted(&*store, &key, "third", "content").await, 3);
        assert_eq!(ask(&*store, &key, "second", "changed").await, Asking::Superseded);
        assert!(matches!(ask(&*store, &key, "first", "content").await, Asking::Held { .. }));
    }
}

pub(crate) async fn only_a_redrive_revives_a_dead_round(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, 73, PackageState::Dead).await;
    let packing = packing(&key, "first", "content");
    assert_eq!(store.ask(&packing, &by("b")).await.expect("asked"), Asking::Dead);
    assert!(round_of(&*store, &key, 1).await.death.is_some());
    let answer = store.ask(&packing, &redriven("b")).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 1 });
    let round = round_of(&*store, &key, 1).await;
    assert_eq!((round.state, round.death), (PackageState::Asking, None));
}

pub(crate) async fn a_new_packing_of_a_dead_round_begins_another(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, 73, PackageState::Dead).await;
    let renewing = |owner| Ask { renew: true, ..by(owner) };
    let first = packing(&key, "first", "content");
    assert_eq!(store.ask(&first, &renewing("b")).await.expect("asked"), Asking::Superseded, "the same event");
    let again = packing(&key, "second", "content");
    let answer = store.ask(&again, &renewing("b")).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 2, asked_times: 0 });
    assert_eq!(states(&*store, &key).await, [PackageState::Superseded, PackageState::Asking]);
    let third = packing(&key, "third", "content");
    assert!(matches!(store.ask(&third, &renewing("c")).await.expect("asked"), Asking::Held { .. }));
}

pub(crate) async fn every_event_of_a_packing_finds_the_first_body(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    let first = Packing { body: b"first", ..packing(&key, "1", "x") };
    let second = Packing { body: b"second", ..packing(&key, "2", "x") };
    let _ = store.ask(&first, &by("a")).await.expect("asked");
    store.release_package(&key, 1, "a").await.expect("released");
    assert_eq!(
        store.ask(&second, &by("b")).await.expect("asked"),
        Asking::Granted { round: 1, asked_times: 1 }
    );
    assert_eq!(store.packing_body(&key, 1).await.expect("looked up").as_deref(), Some(&b"first"[..]));
    assert_eq!(store.packing_body(&key, 2).await.expect("looked up"), None);
}

pub(crate) async fn keeps_a_packing_unchanged(fresh: &Fresh) {
    let store = fresh.connect().await;
    let (one, other) = (package(u64::MAX), sync_store::PackageKey::new("another", u64::MAX));
    let new = packing(&one, "1", "x");
    let answer = store.ask(&new, &by("a")).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 0 });
    assert_eq!(rounds(&*store, &other).await, [], "an id belongs to its OMS");

    let kept = round_of(&*store, &one, 1).await;
    assert_eq!((&kept.key, kept.round, &*kept.number), (&one, 1, NUMBER));
    assert_eq!((kept.state, kept.asked_times, kept.accepted_times), (PackageState::Asking, 1, 0));
    assert_eq!((kept.event_uuid.as_deref(), kept.fingerprint.as_deref()), (Some("1"), Some("x")));
    assert_eq!(kept.traceparent.as_deref(), new.traceparent);
    assert_eq!((kept.receipt, kept.issued_at, kept.asked_at, kept.death), (None, None, None, None));
    let lease = kept.lease.expect("held");
    assert_eq!(&*lease.owner, "a");
    // The store's clock may tick within a statement.
    let apart = lease.until - (kept.created_at + crate::given::LONG);
    assert!(apart.abs() < chrono::Duration::seconds(1), "{apart}");

    assert_eq!(granted(&*store, &other, "1", "x").await, 1);
    assert_eq!(store.issue(&other, NUMBER, &key("r")).await.expect("asked"), Issue::Matched { round: 1 });
    assert_eq!(states(&*store, &one).await, [PackageState::Asking]);
}
