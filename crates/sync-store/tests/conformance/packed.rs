//! Packages to begin with, and rounds brought to a state.

use std::time::Duration;

use sync_store::{
    Ask, Asking, DeadLetter, Issue, Key, PackageKey, PackageRound, PackageState, Packing, Step, SyncStore,
};

use crate::given::{LONG, ONE, key, letter, note};

/// The number of every package here.
pub(crate) const NUMBER: &str = "000000073";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const AN_HOUR_PASSES: &str = "update package_round set asked_at = asked_at - 3600001,
    updated_at = updated_at - 3600001, lease_until = lease_until - 3600001";

pub(crate) fn package(package_id: u64) -> PackageKey {
    PackageKey::new("akinon", package_id)
}

/// The package packed with this content, as this event says.
pub(crate) fn packing<'a>(key: &'a PackageKey, event_uuid: &'a str, content: &'a str) -> Packing<'a> {
    Packing {
        key,
        number: NUMBER,
        event_uuid,
        fingerprint: content,
        body: content.as_bytes(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    }
}

pub(crate) fn by(owner: &str) -> Ask<'_> {
    Ask { owner, ttl: LONG, overdue_after: HOUR, redriven: false, renew: false }
}

pub(crate) fn redriven(owner: &str) -> Ask<'_> {
    Ask { redriven: true, ..by(owner) }
}

/// What `a` is answered.
pub(crate) async fn ask(store: &dyn SyncStore, key: &PackageKey, event_uuid: &str, content: &str) -> Asking {
    store.ask(&packing(key, event_uuid, content), &by("a")).await.expect("asked")
}

/// `a` is granted the round.
pub(crate) async fn granted(store: &dyn SyncStore, key: &PackageKey, event_uuid: &str, content: &str) -> u32 {
    match ask(store, key, event_uuid, content).await {
        Asking::Granted { round, .. } => round,
        other => panic!("{content} was not granted: {other:?}"),
    }
}

/// `a` is granted the round, and the invoice service accepts.
pub(crate) async fn accepted(
    store: &dyn SyncStore,
    key: &PackageKey,
    event_uuid: &str,
    content: &str,
) -> u32 {
    let round = granted(store, key, event_uuid, content).await;
    assert_eq!(store.asked(key, round, "a").await.expect("asked"), Step::Taken);
    round
}

/// Binds the receipt of `tenant-1` with this uid.
pub(crate) async fn issue(store: &dyn SyncStore, key: &PackageKey, receipt_uid: &str) -> Issue {
    store.issue(key, NUMBER, &self::key(receipt_uid)).await.expect("asked")
}

/// A dead letter about the package and no receipt.
pub(crate) fn about(key: &PackageKey, id: &str, reason: &str) -> DeadLetter {
    DeadLetter { package: Some(key.clone()), ..letter(id, reason, None) }
}

/// Its only round is in this state, with nobody's lease on it. A superseded one is followed by one
/// that is asking. The first event is `first`, its content `content`.
pub(crate) async fn in_state(store: &dyn SyncStore, package_id: u64, state: PackageState) -> PackageKey {
    let key = package(package_id);
    let round = granted(store, &key, "first", "content").await;
    match state {
        PackageState::Asked => {
            assert_eq!(store.asked(&key, round, "a").await.expect("asked"), Step::Taken);
        }
        PackageState::Issued => {
            let matched = issue(store, &key, &format!("r-{package_id}")).await;
            assert_eq!(matched, Issue::Matched { round });
        }
        PackageState::Superseded => {
            let round = granted(store, &key, "newer", "newer content").await;
            store.release_package(&key, round, "a").await.expect("released");
        }
        PackageState::Dead => {
            note(store, &about(&key, &key.to_string(), "retries_exhausted"), ONE).await;
        }
        PackageState::Asking => {}
    }
    store.release_package(&key, round, "a").await.expect("released");
    assert_eq!(round_of(store, &key, round).await.state, state);
    key
}

/// All rounds, the oldest first.
pub(crate) async fn rounds(store: &dyn SyncStore, key: &PackageKey) -> Vec<PackageRound> {
    let mut rounds = store.package(key).await.expect("looked up");
    assert!(rounds.is_sorted_by(|one, next| one.round > next.round), "the newest comes first: {rounds:?}");
    rounds.reverse();
    rounds
}

pub(crate) async fn states(store: &dyn SyncStore, key: &PackageKey) -> Vec<PackageState> {
    rounds(store, key).await.into_iter().map(|round| round.state).collect()
}

pub(crate) async fn round_of(store: &dyn SyncStore, key: &PackageKey, round: u32) -> PackageRound {
    let rounds = rounds(store, key).await;
    rounds.into_iter().find(|found| found.round == round).expect("the package has this round")
}

pub(crate) fn receipts(rounds: &[PackageRound]) -> Vec<Option<&Key>> {
    rounds.iter().map(|round| round.receipt.as_ref()).collect()
}
