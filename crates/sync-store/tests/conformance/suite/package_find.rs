//! Looking packages up, and what of them is to be asked about again.

use std::time::Duration;

use sync_store::{
    Asking, OverduePackage, PackageFilter, PackageKey, PackageState, Page, State, Step, SyncStore,
};

use crate::fresh::Fresh;
use crate::given::{key, opened};
use crate::packed::{
    AN_HOUR_PASSES, HOUR, NUMBER, accepted, ask, by, granted, in_state, issue, package, packing, round_of,
};

/// A wait that is never over.
const ENDLESS: Duration = Duration::from_secs(1_000_000);

async fn listed(store: &dyn SyncStore, filter: &PackageFilter, page: Page) -> Vec<(u64, u32)> {
    let rounds = store.packages(filter, page).await.expect("listed");
    rounds.into_iter().map(|round| (round.key.package_id, round.round)).collect()
}

pub(crate) async fn lists_rounds_by_page_latest_touched_first(fresh: &Fresh) {
    let store = fresh.connect().await;
    for id in 1..=5 {
        in_state(&*store, id, PackageState::Asking).await;
    }
    fresh.run("update package_round set updated_at = (cast(package_id as bigint) * 3) % 5").await;
    let all = PackageFilter::default();
    for (offset, expected) in [(0, [3, 1].as_slice()), (2, &[4, 2]), (4, &[5]), (5, &[])] {
        let listed = listed(&*store, &all, Page { limit: 2, offset }).await;
        assert_eq!(listed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), expected);
    }
}

pub(crate) async fn filters_rounds(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, state) in PackageState::ALL.into_iter().enumerate() {
        in_state(&*store, 1 + id as u64, state).await;
    }
    let other = PackageKey::new("another", 2);
    let numbered = sync_store::Packing { number: "1", ..packing(&other, "1", "x") };
    let _ = store.ask(&numbered, &by("a")).await.expect("asked");
    let waiting = package(20);
    accepted(&*store, &waiting, "1", "x").await;
    fresh.run(AN_HOUR_PASSES).await;
    accepted(&*store, &waiting, "1", "x").await;
    fresh.run(AN_HOUR_PASSES).await;

    let all = PackageFilter::default;
    let of = |state| PackageFilter { state: Some(state), ..all() };
    let named = |text: &str| PackageFilter { package: Some(text.to_owned()), ..all() };
    let waiting = |for_: Duration| PackageFilter { waiting_for: Some(for_), ..all() };
    let table: [(PackageFilter, &[(u64, u32)]); 13] = [
        (of(PackageState::Asking), &[(1, 1), (2, 1), (4, 2)]),
        (of(PackageState::Asked), &[(2, 1), (20, 1)]),
        (of(PackageState::Issued), &[(3, 1)]),
        (of(PackageState::Superseded), &[(4, 1)]),
        (of(PackageState::Dead), &[(5, 1)]),
        (named("1"), &[(1, 1), (2, 1)]),
        (named("2"), &[(2, 1), (2, 1)]),
        (named(NUMBER), &[(1, 1), (2, 1), (3, 1), (4, 1), (4, 2), (5, 1), (20, 1)]),
        (named("0000"), &[]),
        (PackageFilter { state: Some(PackageState::Dead), ..named("5") }, &[(5, 1)]),
        (waiting(HOUR), &[(20, 1)]),
        (waiting(HOUR * 2), &[]),
        (PackageFilter { package: Some("2".into()), ..waiting(HOUR) }, &[]),
    ];
    for (filter, expected) in table {
        let mut found = listed(&*store, &filter, Page::first(100)).await;
        found.sort();
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(crate) async fn counts_states(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, state) in [(1, PackageState::Asked), (2, PackageState::Asked), (3, PackageState::Superseded)] {
        in_state(&*store, id, state).await;
    }
    fresh.run("update package_round set updated_at = 1000 where package_id = '2'").await;
    let counts = store.package_counts().await.expect("counted");
    let seen: Vec<_> = counts.iter().map(|count| (count.state, count.count)).collect();
    let expected = [(PackageState::Asked, 2), (PackageState::Asking, 1), (PackageState::Superseded, 1)];
    assert_eq!(seen, expected);
    assert_eq!(counts[0].oldest.timestamp_millis(), 1000);
}

pub(crate) async fn a_round_shows_its_receipt_and_write_back_state(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = in_state(&*store, 73, PackageState::Issued).await;
    let shown = async || {
        let round = round_of(&*store, &package, 1).await;
        assert_eq!(round.receipt, Some(key("r-73")));
        (round.voucher_number, round.written_back)
    };
    assert_eq!(shown().await, (None, None));
    let _ = opened(&*store, &key("r-73"), "omnium", true, b"{}").await;
    assert_eq!(shown().await, (Some("1001".to_owned()), None));
    let _ = opened(&*store, &key("r-73"), "package", true, b"{}").await;
    assert_eq!(shown().await, (Some("1001".to_owned()), Some(State::Pending)));
    assert_eq!(store.complete(&key("r-73"), "package", "i").await.expect("asked"), Step::Taken);
    assert_eq!(shown().await, (Some("1001".to_owned()), Some(State::Complete)));
}

async fn overdue(store: &dyn SyncStore, overdue_after: Duration, untouched_for: Duration) -> Vec<u64> {
    let overdue = store.overdue_packages(overdue_after, untouched_for, 100).await.expect("asked");
    let mut ids: Vec<_> = overdue.into_iter().map(|overdue| overdue.key.package_id).collect();
    ids.sort();
    ids
}

pub(crate) async fn rounds_touched_before_a_clock_set_back_are_overdue(fresh: &Fresh) {
    let store = fresh.connect().await;
    accepted(&*store, &package(1), "1", "x").await;
    granted(&*store, &package(2), "2", "x").await;
    store.release_package(&package(2), 1, "a").await.expect("released");
    fresh.run("update package_round set updated_at = updated_at + 7200000").await;
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [1, 2]);
}

pub(crate) async fn stopped_and_unanswered_rounds_are_overdue(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, state) in PackageState::ALL.into_iter().enumerate() {
        in_state(&*store, 1 + id as u64, state).await;
    }
    let replaced = in_state(&*store, 6, PackageState::Asked).await;
    accepted(&*store, &replaced, "second", "changed").await;
    let _ = issue(&*store, &replaced, "r").await;
    let _ = issue(&*store, &replaced, "s").await;
    let old = in_state(&*store, 7, PackageState::Asked).await;
    granted(&*store, &old, "second", "changed").await;
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [0; 0]);

    fresh.run(AN_HOUR_PASSES).await;
    // 4: the round that superseded another; 7: the newest one, never the older one that is asked.
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [1, 2, 4, 7]);
    assert_eq!(overdue(&*store, ENDLESS, HOUR).await, [1, 4, 7]);
    assert_eq!(overdue(&*store, HOUR, ENDLESS).await, [2]);
    store.touch_package(&package(1), 1).await.expect("touched");
    store.touch_package(&package(2), 1).await.expect("touched");
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [4, 7]);

    fresh.run("update package_round set updated_at = 1000 where package_id = '7'").await;
    let first = store.overdue_packages(HOUR, HOUR, 1).await.expect("asked");
    let new = packing(&old, "second", "changed");
    let expected = OverduePackage {
        key: old.clone(),
        round: 2,
        body: new.body.to_vec(),
        traceparent: new.traceparent.map(str::to_owned),
    };
    assert_eq!(first, [expected]);
}

pub(crate) async fn leased_and_twice_accepted_rounds_are_not_overdue(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    let packing = packing(&key, "1", "x");
    let long = sync_store::Ask { ttl: HOUR * 2, ..by("a") };
    assert!(matches!(store.ask(&packing, &long).await.expect("asked"), Asking::Granted { .. }));
    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [0; 0], "it is held");

    // Let ask again and again while the service is down, and accepted once: it is asked once more.
    for _ in 0..3 {
        store.release_package(&key, 1, "a").await.expect("released");
        granted(&*store, &key, "1", "x").await;
    }
    assert_eq!(store.asked(&key, 1, "a").await.expect("asked"), Step::Taken);
    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [73]);
    accepted(&*store, &key, "1", "x").await;
    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(overdue(&*store, HOUR, HOUR).await, [0; 0], "a person looks at it now");
    assert_eq!(round_of(&*store, &key, 1).await.accepted_times, 2);
}

pub(crate) async fn an_operator_asks_again_before_the_timeout(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    assert_eq!(store.ask_again(&key).await.expect("asked"), None, "no such package");
    granted(&*store, &key, "1", "x").await;
    assert_eq!(store.ask_again(&key).await.expect("asked"), None, "it is being asked");
    store.release_package(&key, 1, "a").await.expect("released");
    for asked_times in 1..3 {
        let again = store.ask_again(&key).await.expect("asked").expect("there is something to ask");
        assert_eq!((&again.key, again.round, &*again.body), (&key, 1, b"x".as_slice()));
        assert_eq!(round_of(&*store, &key, 1).await.asked_times, asked_times);
        let answer = ask(&*store, &key, "1", "x").await;
        assert_eq!(answer, Asking::Granted { round: 1, asked_times });
        assert_eq!(store.asked(&key, 1, "a").await.expect("asked"), Step::Taken);
    }
    let _ = issue(&*store, &key, "r").await;
    assert_eq!(store.ask_again(&key).await.expect("asked"), None, "its receipt is there");
    let dead = in_state(&*store, 74, PackageState::Dead).await;
    assert_eq!(store.ask_again(&dead).await.expect("asked"), None, "its dead letter is to be redriven");
    let replaced = in_state(&*store, 75, PackageState::Asked).await;
    accepted(&*store, &replaced, "second", "changed").await;
    let again = store.ask_again(&replaced).await.expect("asked").expect("the newest round");
    assert_eq!((again.round, &*again.body), (2, b"changed".as_slice()));
}
