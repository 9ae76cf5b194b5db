//! The sync cycle.

use std::time::Duration;

use sync_store::{State, SyncStore};

use crate::fresh::Fresh;
use crate::given::{LONG, ONE, TARGET, granted, in_state, key, letter, note, opened};

const HOUR: Duration = Duration::from_secs(3600);
const AN_HOUR_PASSES: &str = "update external_order_receipt_sync
    set updated_at = updated_at - 3600001, lease_until = lease_until - 3600001";

async fn stranded(store: &dyn SyncStore) -> Vec<String> {
    let stranded = store.stranded(HOUR, 100).await.expect("asked");
    let mut uids: Vec<_> = stranded.into_iter().map(|stranded| stranded.key.receipt_uid).collect();
    uids.sort();
    uids
}

pub(crate) async fn stopped_records_are_stranded(fresh: &Fresh) {
    let store = fresh.connect().await;
    for state in State::ALL {
        let _ = in_state(&*store, state.as_str(), state).await;
    }
    note(&*store, &letter("l", "invalid_event", Some(&key("broken"))), ONE).await;
    assert_eq!(stranded(&*store).await, [""; 0]);

    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(stranded(&*store).await, ["attaching", "invoice_created", "pending"]);

    let _ = opened(&*store, &key("pending"), TARGET, true, b"{}").await;
    assert_eq!(stranded(&*store).await, ["attaching", "invoice_created"], "one was received again");

    let limited = store.stranded(HOUR, 1).await.expect("asked");
    let kept = store.receipt(&limited[0].key).await.expect("asked").expect("kept");
    assert_eq!((limited.len(), &*limited[0].target), (1, TARGET));
    assert_eq!((&limited[0].body, &limited[0].traceparent), (&kept.body, &kept.traceparent));
}

pub(crate) async fn leased_and_touched_records_are_not_stranded(fresh: &Fresh) {
    let store = fresh.connect().await;
    for uid in ["held", "touched", "left"] {
        let key = in_state(&*store, uid, State::Pending).await;
        granted(&*store, &key, "a", if uid == "held" { HOUR * 2 } else { LONG }).await;
    }
    fresh.run(AN_HOUR_PASSES).await;
    assert_eq!(stranded(&*store).await, ["left", "touched"]);
    store.touch(&key("touched"), TARGET).await.expect("touched");
    assert_eq!(stranded(&*store).await, ["left"]);
}

pub(crate) async fn records_touched_before_a_clock_set_back_are_stranded(fresh: &Fresh) {
    let store = fresh.connect().await;
    let held = in_state(&*store, "held", State::Pending).await;
    granted(&*store, &held, "killed", LONG).await;
    let _ = in_state(&*store, "left", State::Pending).await;
    fresh
        .run(
            "update external_order_receipt_sync
             set updated_at = updated_at + 7200000, lease_until = lease_until + 7200000",
        )
        .await;
    assert_eq!(stranded(&*store).await, ["held", "left"]);
    store.touch(&key("left"), TARGET).await.expect("touched");
    assert_eq!(stranded(&*store).await, ["held"]);
}

pub(crate) async fn one_owner_holds_a_named_lease(fresh: &Fresh) {
    let stores = [fresh.connect().await, fresh.connect().await];
    let ask = async |store: usize, name: &str, ttl: Duration| {
        let owner = ["a", "b"][store];
        stores[store].named_lease(name, owner, ttl).await.expect("asked")
    };
    assert!(ask(0, "reconcile", LONG).await);
    assert!(!ask(1, "reconcile", LONG).await);
    assert!(ask(1, "recount", LONG).await, "another name is another lease");
    assert!(!ask(0, "recount", LONG).await);
    assert!(ask(0, "reconcile", Duration::from_millis(20)).await, "its owner asks again");
    while !ask(1, "reconcile", LONG).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!ask(0, "reconcile", LONG).await, "b has taken over");
    assert!(!ask(0, "reconcile", Duration::ZERO).await, "what it has lost it cannot give back");
    assert!(!ask(0, "reconcile", LONG).await, "b still holds it");
    assert!(ask(1, "reconcile", Duration::ZERO).await);
    assert!(ask(0, "reconcile", LONG).await, "b has given it back");
}
