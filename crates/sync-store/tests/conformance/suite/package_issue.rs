//! Receipts and the packages they name.

use futures_util::future::{join, join_all};
use sync_store::{Asking, Issue, PackageState};

use crate::fresh::Fresh;
use crate::given::key;
use crate::packed::{
    NUMBER, accepted, ask, granted, in_state, issue, package, receipts, round_of, rounds, states,
};

pub(crate) async fn receipts_go_to_the_oldest_waiting_round(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = package(73);
    accepted(&*store, &package, "1", "x").await;
    accepted(&*store, &package, "2", "y").await;
    assert_eq!(issue(&*store, &package, "r").await, Issue::Matched { round: 1 });
    assert_eq!(issue(&*store, &package, "r").await, Issue::Again);
    assert_eq!(issue(&*store, &package, "s").await, Issue::Matched { round: 2 });
    for uid in ["r", "s"] {
        assert_eq!(issue(&*store, &package, uid).await, Issue::Again);
    }
    assert_eq!(issue(&*store, &package, "t").await, Issue::Taken { by: key("s") });
    let rounds = rounds(&*store, &package).await;
    assert_eq!(receipts(&rounds), [Some(&key("r")), Some(&key("s"))]);
    assert!(rounds.iter().all(|round| round.issued_at.is_some()));
}

pub(crate) async fn a_receipt_issues_a_round_in_every_state(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, state) in
        PackageState::ALL.into_iter().filter(|state| *state != PackageState::Issued).enumerate()
    {
        let package = in_state(&*store, id as u64, state).await;
        if state == PackageState::Superseded {
            let of_the_newer = issue(&*store, &package, "newer").await;
            assert_eq!(of_the_newer, Issue::Matched { round: 2 }, "the newer round waits for its own");
        }
        assert_eq!(issue(&*store, &package, "r").await, Issue::Matched { round: 1 }, "{state}");
        let round = round_of(&*store, &package, 1).await;
        assert_eq!((round.state, round.receipt), (PackageState::Issued, Some(key("r"))), "{state}");
        assert_eq!((round.lease, round.death), (None, None), "{state}");
    }
    let held = package(99);
    granted(&*store, &held, "1", "x").await;
    assert_eq!(issue(&*store, &held, "r").await, Issue::Matched { round: 1 });
    assert_eq!(round_of(&*store, &held, 1).await.lease, None);
}

pub(crate) async fn keeps_a_receipt_that_came_before_its_package(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = package(73);
    let other_number = store.issue(&package, "73", &key("r")).await.expect("asked");
    assert_eq!(other_number, Issue::Unknown);
    let before = round_of(&*store, &package, 0).await;
    assert_eq!((before.state, before.receipt), (PackageState::Issued, Some(key("r"))));
    assert_eq!((before.fingerprint, before.event_uuid, &*before.number), (None, None, "73"));
    assert_eq!(store.issue(&package, "73", &key("s")).await.expect("asked"), Issue::Taken { by: key("r") });

    for event in ["1", "2"] {
        assert_eq!(ask(&*store, &package, event, "x").await, Asking::Issued(key("r")));
    }
    let after = round_of(&*store, &package, 0).await;
    assert_eq!((after.fingerprint.as_deref(), after.event_uuid.as_deref()), (Some("x"), Some("1")));
    assert_eq!((after.state, &*after.number), (PackageState::Issued, NUMBER), "the OMS names its packages");

    assert_eq!(granted(&*store, &package, "3", "y").await, 1);
    for event in ["1", "2"] {
        assert_eq!(ask(&*store, &package, event, "x").await, Asking::Superseded);
    }
    assert_eq!(issue(&*store, &package, "s").await, Issue::Matched { round: 1 });
}

pub(crate) async fn another_number_writes_nothing(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = in_state(&*store, 73, PackageState::Asked).await;
    let before = rounds(&*store, &package).await;
    let answer = store.issue(&package, "000000074", &key("r")).await.expect("asked");
    assert_eq!(answer, Issue::OtherNumber { known: NUMBER.to_owned() });
    assert_eq!(rounds(&*store, &package).await, before);
    assert_eq!(issue(&*store, &package, "r").await, Issue::Matched { round: 1 });
}

pub(crate) async fn of_two_concurrent_receipts_one_is_matched(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for id in 0..10 {
        let package = in_state(&*handles[0], id, PackageState::Asked).await;
        let answers = join_all((0..16).map(|i| {
            let (store, package) = (&handles[i % 2], &package);
            async move { (i % 4 / 2, issue(&**store, package, ["r", "s"][i % 4 / 2]).await) }
        }))
        .await;
        let matched: Vec<_> =
            answers.iter().filter(|(_, answer)| matches!(answer, Issue::Matched { .. })).collect();
        let [(winner, Issue::Matched { round: 1 })] = matched.as_slice() else {
            panic!("not one was matched: {answers:?}");
        };
        let by = key(["r", "s"][*winner]);
        for (receipt, answer) in &answers {
            match answer {
                Issue::Matched { .. } => {}
                Issue::Again => assert_eq!(receipt, winner, "{answers:?}"),
                other => assert_eq!((other, *receipt), (&Issue::Taken { by: by.clone() }, 1 - winner)),
            }
        }
        assert_eq!(receipts(&rounds(&*handles[1], &package).await), [Some(&by)]);
    }
}

pub(crate) async fn a_concurrent_receipt_and_packing_are_one_invoice(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for id in 0..20 {
        let package = package(id);
        let packed = ask(&*handles[0], &package, "1", "x");
        let answers = join(packed, issue(&*handles[1], &package, "r")).await;
        let rounds = rounds(&*handles[0], &package).await;
        match answers {
            (Asking::Granted { round: 1, .. }, Issue::Matched { round: 1 }) => {}
            (Asking::Issued(by), Issue::Unknown) => assert_eq!(by, key("r")),
            other => panic!("the two missed each other: {other:?}, {rounds:?}"),
        }
        assert_eq!((rounds.len(), rounds[0].receipt.as_ref()), (1, Some(&key("r"))));
    }
}

pub(crate) async fn a_later_receipt_supersedes(fresh: &Fresh) {
    let store = fresh.connect().await;
    let package = package(73);
    let is_superseded = async |uid| store.is_superseded(&package, &key(uid)).await.expect("asked");
    assert!(!is_superseded("r").await, "the package is not known");
    assert_eq!(issue(&*store, &package, "r").await, Issue::Unknown);
    assert_eq!(ask(&*store, &package, "1", "x").await, Asking::Issued(key("r")));
    accepted(&*store, &package, "2", "y").await;
    accepted(&*store, &package, "3", "z").await;
    assert!(!is_superseded("r").await, "the later rounds have no receipt yet");
    assert_eq!(issue(&*store, &package, "s").await, Issue::Matched { round: 1 });
    assert!(is_superseded("r").await);
    assert!(!is_superseded("s").await);
    assert_eq!(issue(&*store, &package, "t").await, Issue::Matched { round: 2 });
    assert!(is_superseded("r").await && is_superseded("s").await && !is_superseded("t").await);
    assert!(!is_superseded("u").await, "not a receipt of this package");
    assert_eq!(states(&*store, &package).await, [PackageState::Issued; 3]);
}
