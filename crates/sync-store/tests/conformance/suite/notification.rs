//! The outbox of notifications.

use std::time::Duration;

use sync_store::{NewNotification, Notification, SyncStore};

use crate::fresh::Fresh;
use crate::given::{LONG, lost, taken};

fn new(id: &str, subject: &str) -> NewNotification {
    NewNotification { id: id.to_owned(), subject: subject.to_owned(), message: format!(r#"{{"of":"{id}"}}"#) }
}

async fn say(store: &dyn SyncStore, standing: &[NewNotification]) {
    store.note_standing("webhook", "pause", standing).await.expect("noted");
}

async fn leased(store: &dyn SyncStore, owner: &str) -> Option<Notification> {
    store.lease_notification("webhook", owner, LONG).await.expect("asked")
}

pub(crate) async fn tells_once_until_it_ends_and_comes_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    say(&*store, &[new("a", "upload")]).await;
    say(&*store, &[new("b", "upload"), new("c", "render")]).await;
    store.note_standing("mail", "pause", &[new("m", "upload")]).await.expect("noted");
    store.note_standing("webhook", "summary", &[]).await.expect("noted");
    for id in ["a", "c"] {
        let found = leased(&*store, "one").await.expect("it is due");
        assert_eq!((&*found.id, found.attempts), (id, 1));
        assert_eq!(found.message, format!(r#"{{"of":"{id}"}}"#));
        taken(store.notification_sent(id, "one").await);
    }
    assert_eq!(leased(&*store, "one").await, None, "what stands is told once, and by its own channel");
    say(&*store, &[new("d", "render")]).await;
    say(&*store, &[new("e", "render"), new("f", "upload")]).await;
    assert_eq!(leased(&*store, "one").await.map(|found| found.id).as_deref(), Some("f"));
    assert_eq!(store.unsent_notifications().await.expect("counted"), (2, 0));
}

pub(crate) async fn forgets_channels_that_nobody_sends_to(fresh: &Fresh) {
    let store = fresh.connect().await;
    say(&*store, &[new("a", "upload")]).await;
    store.note_standing("email", "pause", &[new("m", "upload")]).await.expect("noted");
    store.keep_channels(&["webhook".to_owned(), "email of 7".to_owned()]).await.expect("removed");
    assert_eq!(store.unsent_notifications().await.expect("counted"), (1, 0));
    assert_eq!(leased(&*store, "one").await.map(|found| found.id).as_deref(), Some("a"));
}

pub(crate) async fn of_many_at_once_one_writes_and_one_sends(fresh: &Fresh) {
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(fresh.connect().await);
    }
    let said = stores.iter().enumerate().map(|(number, store)| {
        let store = store.clone();
        tokio::spawn(async move { say(&*store, &[new(&format!("n{number}"), "upload")]).await })
    });
    for said in said.collect::<Vec<_>>() {
        said.await.expect("said");
    }
    let leases = stores.iter().enumerate().map(|(number, store)| {
        let store = store.clone();
        tokio::spawn(async move { leased(&*store, &format!("o{number}")).await })
    });
    let mut granted = 0;
    for lease in leases.collect::<Vec<_>>() {
        granted += usize::from(lease.await.expect("asked").is_some());
    }
    assert_eq!(granted, 1);
    assert_eq!(stores[0].unsent_notifications().await.expect("counted"), (1, 0));
}

pub(crate) async fn is_due_again_after_a_failure_or_an_expired_lease(fresh: &Fresh) {
    let store = fresh.connect().await;
    say(&*store, &[new("a", "upload")]).await;
    let short = Duration::from_millis(1);
    let first = store.lease_notification("webhook", "killed", short).await.expect("asked");
    assert_eq!(first.map(|found| found.attempts), Some(1));
    fresh.run("update notification set lease_until = 1").await;
    assert_eq!(leased(&*store, "one").await.map(|found| found.attempts), Some(2));
    lost(store.notification_sent("a", "killed").await);
    lost(store.notification_failed("a", "killed", "no answer", None).await);
    taken(store.notification_failed("a", "one", "503", Some(LONG)).await);
    assert_eq!(leased(&*store, "one").await, None, "its next attempt is later");
    fresh.run("update notification set next_attempt_at = 1").await;
    assert_eq!(leased(&*store, "two").await.map(|found| found.attempts), Some(3));
    taken(store.notification_failed("a", "two", "404", None).await);
    assert_eq!(leased(&*store, "two").await, None, "it was given up");
    assert_eq!(store.unsent_notifications().await.expect("counted"), (0, 1));
    lost(store.notification_sent("a", "two").await);
}

pub(crate) async fn removes_what_ended_long_ago(fresh: &Fresh) {
    let store = fresh.connect().await;
    say(&*store, &[new("a", "upload"), new("b", "render"), new("c", "receipt")]).await;
    for id in ["a", "b"] {
        assert_eq!(leased(&*store, "one").await.map(|found| found.id).as_deref(), Some(id));
        taken(store.notification_sent(id, "one").await);
    }
    say(&*store, &[new("d", "render")]).await;
    assert_eq!(store.remove_old_notifications(LONG).await.expect("removed"), 0);
    fresh.run("update notification set ended_at = 1 where ended_at > 0").await;
    assert_eq!(store.remove_old_notifications(LONG).await.expect("removed"), 1, "neither b nor c");
    assert_eq!(store.unsent_notifications().await.expect("counted"), (1, 0));
}
