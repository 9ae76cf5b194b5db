//! Sessions of the console.

use chrono::{DateTime, Duration, Utc};
use sync_store::Session;

use crate::fresh::Fresh;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_760_000_000_000).expect("a time") + Duration::minutes(minutes)
}

fn session(id: &str, who: &str) -> Session {
    Session {
        id: id.to_owned(),
        way: "password".to_owned(),
        who: who.to_owned(),
        role: "operator".to_owned(),
        csrf: format!("csrf of {id}"),
        opened_at: at(0),
        seen_at: at(0),
        ends_at: at(720),
    }
}

pub(crate) async fn keeps_a_session_until_closed(fresh: &Fresh) {
    let store = fresh.connect().await;
    let one = session("a1", "kari");
    store.open_session(&one).await.expect("opened");
    let another = fresh.connect().await;
    assert_eq!(another.session("a1").await.expect("asked"), Some(one));
    assert_eq!(another.session("b2").await.expect("asked"), None);
    assert!(another.close_session("a1").await.expect("closed"));
    assert!(!store.close_session("a1").await.expect("closed"));
    assert_eq!(store.session("a1").await.expect("asked"), None);
}

pub(crate) async fn last_seen_never_moves_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    store.open_session(&session("a1", "kari")).await.expect("opened");
    for minute in [30, 10] {
        store.touch_session("a1", at(minute)).await.expect("seen");
    }
    let seen = store.session("a1").await.expect("asked").expect("it is there");
    assert_eq!((seen.seen_at, seen.ends_at), (at(30), at(720)));
}

pub(crate) async fn closes_the_sessions_of_one_user(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, who) in [("a1", "kari"), ("a2", "kari"), ("b1", "ola")] {
        store.open_session(&session(id, who)).await.expect("opened");
    }
    store.touch_session("b1", at(1)).await.expect("seen");
    let ids = async || {
        let sessions = store.sessions().await.expect("listed");
        sessions.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, ["b1", "a1", "a2"], "the latest seen comes first");
    assert_eq!(store.close_sessions(Some("kari")).await.expect("closed"), 2);
    assert_eq!(ids().await, ["b1"]);
    assert_eq!(store.close_sessions(None).await.expect("closed"), 1);
    assert_eq!(store.close_sessions(None).await.expect("closed"), 0);
}

pub(crate) async fn removes_ended_and_unseen_sessions(fresh: &Fresh) {
    let store = fresh.connect().await;
    for id in ["ended", "unseen", "alive"] {
        store.open_session(&session(id, "kari")).await.expect("opened");
    }
    store.touch_session("ended", at(90)).await.expect("seen");
    store.touch_session("alive", at(100)).await.expect("seen");
    store.open_session(&Session { ends_at: at(800), ..session("later", "ola") }).await.expect("opened");
    store.touch_session("later", at(719)).await.expect("seen");
    store.remove_sessions(at(100), at(60)).await.expect("forgotten");
    assert_eq!(store.session("unseen").await.expect("asked"), None);
    assert!(store.session("ended").await.expect("asked").is_some());
    store.remove_sessions(at(720), at(60)).await.expect("forgotten");
    assert_eq!(store.session("ended").await.expect("asked"), None, "its time is over");
    assert!(store.session("later").await.expect("asked").is_some());
}
