//! What the invoice service has accepted, and what dead letters close.

use sync_store::{Asking, Closes, PackageState, Step};

use crate::fresh::Fresh;
use crate::given::{LONG, ONE, TARGET, granted as lease, in_state as receipt_in_state, note, record};
use crate::packed::{
    AN_HOUR_PASSES, about, accepted, ask, by, granted, in_state, issue, package, packing, redriven, round_of,
    states,
};

pub(crate) async fn only_the_owner_marks_a_round_asked(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    granted(&*store, &key, "1", "x").await;
    for (round, owner) in [(1, "b"), (2, "a")] {
        assert_eq!(store.asked(&key, round, owner).await.expect("asked"), Step::Lost, "{owner}, {round}");
    }
    assert_eq!(store.asked(&key, 1, "a").await.expect("asked"), Step::Taken);
    let round = round_of(&*store, &key, 1).await;
    assert!(round.asked_at.is_some_and(|asked| asked <= round.updated_at), "{round:?}");
    assert_eq!((round.state, round.lease, round.accepted_times), (PackageState::Asked, None, 1));
}

pub(crate) async fn an_expired_owner_marks_a_round_asked_until_another_takes_over(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, is_taken_over) in [(1, false), (2, true)] {
        let key = package(id);
        granted(&*store, &key, "1", "x").await;
        fresh.run(AN_HOUR_PASSES).await;
        if is_taken_over {
            let answer = store.ask(&packing(&key, "1", "x"), &by("b")).await.expect("asked");
            assert_eq!(answer, Asking::Granted { round: 1, asked_times: 1 });
        }
        let expected = if is_taken_over { Step::Lost } else { Step::Taken };
        assert_eq!(store.asked(&key, 1, "a").await.expect("asked"), expected);
    }
}

pub(crate) async fn marking_asked_moves_no_later_state(fresh: &Fresh) {
    let store = fresh.connect().await;
    let (issued, superseded, dead) = (package(1), package(2), package(3));
    for key in [&issued, &superseded, &dead] {
        granted(&*store, key, "1", "x").await;
    }
    let _ = issue(&*store, &issued, "r").await;
    granted(&*store, &superseded, "2", "y").await;
    note(&*store, &about(&dead, "l", "retries_exhausted"), ONE).await;
    for (key, expected, state) in [
        (issued, Step::Taken, PackageState::Issued),
        (superseded, Step::Lost, PackageState::Superseded),
        (dead, Step::Lost, PackageState::Dead),
    ] {
        assert_eq!(store.asked(&key, 1, "a").await.expect("asked"), expected, "{state}");
        assert_eq!(states(&*store, &key).await[0], state);
    }
}

pub(crate) async fn a_dead_letter_closes_the_newest_open_round(fresh: &Fresh) {
    use PackageState::{Asked, Dead, Issued, Superseded};
    let store = fresh.connect().await;
    let key = package(73);
    accepted(&*store, &key, "1", "x").await;
    accepted(&*store, &key, "2", "y").await;
    let other = in_state(&*store, 74, Asked).await;
    let letter = about(&key, "l", "retries_exhausted");
    note(&*store, &letter, ONE).await;
    assert_eq!(states(&*store, &key).await, [Asked, Dead]);
    assert_eq!(states(&*store, &other).await, [Asked]);
    let death = round_of(&*store, &key, 2).await.death.expect("it says why");
    assert_eq!((death.stage, death.reason, death.error), (letter.stage, letter.reason, letter.error));

    for (id, state) in [(1, Issued), (2, Superseded), (3, Dead)] {
        let key = in_state(&*store, id, state).await;
        if state == Superseded {
            assert_eq!(issue(&*store, &key, "r").await, sync_store::Issue::Matched { round: 2 });
            assert_eq!(issue(&*store, &key, "s").await, sync_store::Issue::Matched { round: 1 });
        }
        let before = store.package(&key).await.expect("asked");
        note(&*store, &about(&key, &format!("late-{id}"), "render_failed"), ONE).await;
        assert_eq!(store.package(&key).await.expect("asked"), before, "{state}");
    }
}

pub(crate) async fn a_dead_letter_about_both_closes_receipt_and_package(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = in_state(&*store, 73, PackageState::Asked).await;
    let receipt = receipt_in_state(&*store, "r", sync_store::State::Pending).await;
    lease(&*store, &receipt, "a", LONG).await;
    let letter =
        sync_store::DeadLetter { key: Some(receipt.clone()), ..about(&package, "l", "conflicting_package") };
    note(&*store, &letter, Closes::Every { at_least: TARGET }).await;
    assert_eq!(record(&*store, &receipt).await.state, sync_store::State::Dead);
    assert_eq!(states(&*store, &package).await, [PackageState::Dead]);
}

pub(crate) async fn a_broken_or_repeated_message_leaves_the_package_alone(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, 73, PackageState::Asked).await;
    for reason in ["undecodable", "invalid_event", "conflicting_receipt", "too_large", "transform_failed"] {
        note(&*store, &about(&key, reason, reason), ONE).await;
    }
    note(&*store, &about(&package(74), "unheard", "retries_exhausted"), ONE).await;
    assert_eq!(states(&*store, &key).await, [PackageState::Asked]);
    assert_eq!(states(&*store, &package(74)).await, []);

    let letter = about(&key, "l", "retries_exhausted");
    note(&*store, &letter, ONE).await;
    let answer = store.ask(&packing(&key, "first", "content"), &redriven("a")).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 1 });
    note(&*store, &letter, ONE).await;
    assert_eq!(states(&*store, &key).await, [PackageState::Asking], "the late copy closed it again");
}

pub(crate) async fn a_running_lease_outlives_the_dead_letter(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = package(73);
    granted(&*store, &key, "1", "x").await;
    note(&*store, &about(&key, "l", "retries_exhausted"), ONE).await;
    assert_eq!(ask(&*store, &key, "1", "x").await, Asking::Dead);
    let packing = packing(&key, "1", "x");
    let answer = store.ask(&packing, &redriven("b")).await.expect("asked");
    assert!(matches!(answer, Asking::Held { .. }), "a call of a's may be in flight: {answer:?}");
    store.release_package(&key, 1, "a").await.expect("released");
    let answer = store.ask(&packing, &redriven("b")).await.expect("asked");
    assert_eq!(answer, Asking::Granted { round: 1, asked_times: 1 });
}
