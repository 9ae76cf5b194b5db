//! The audit log.

use sync_store::{AuditFilter, NewAuditEntry, Page};

use crate::fresh::Fresh;
use crate::given::LONG;

pub(crate) async fn lists_entries_latest_first(fresh: &Fresh) {
    let store = fresh.connect().await;
    let letters = ["a1".to_owned(), "b2".to_owned()];
    for act in ["redrive", "discard"] {
        let detail = if act == "redrive" { "" } else { "the till was wrong" };
        let act = NewAuditEntry { who: "kari@shop.example", act, stage: "upload", letters: &letters, detail };
        store.write_audit(&act).await.expect("noted");
    }
    let acts = store.audit_entries(Page::first(10)).await.expect("listed");
    assert_eq!(acts.iter().map(|act| &*act.act).collect::<Vec<_>>(), ["discard", "redrive"]);
    let act = &acts[0];
    assert_eq!((&*act.who, &*act.stage, &act.letters[..]), ("kari@shop.example", "upload", &letters[..]));
    assert_eq!((&*act.detail, &*acts[1].detail), ("the till was wrong", ""));
    assert_eq!(store.audit_entries(Page { limit: 1, offset: 1 }).await.expect("listed").len(), 1);
    for (who, act, expected) in [
        (Some("KARI@"), Some("redrive"), 1),
        (Some("kari"), None, 2),
        (Some("k%i"), None, 0),
        (None, Some("discard"), 1),
        (None, Some("disc"), 0),
    ] {
        let filter = AuditFilter { who: who.map(str::to_owned), act: act.map(str::to_owned) };
        let found = store.find_audit_entries(&filter, Page::first(10)).await.expect("listed");
        assert_eq!(found.len(), expected, "{filter:?}");
    }
}

pub(crate) async fn names_the_holder_of_a_running_named_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(store.named_lease_holder("dead:upload").await.expect("asked"), None);
    assert!(store.named_lease("dead:upload", "kari", LONG).await.expect("asked"));
    let holder = store.named_lease_holder("dead:upload").await.expect("asked").expect("held");
    assert_eq!(holder.owner, "kari");
    assert_eq!(store.named_lease_holder("dead:render").await.expect("asked"), None);
    assert!(store.named_lease("dead:upload", "kari", std::time::Duration::ZERO).await.expect("asked"));
    assert_eq!(store.named_lease_holder("dead:upload").await.expect("asked"), None);
}
