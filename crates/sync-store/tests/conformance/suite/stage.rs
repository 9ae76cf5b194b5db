//! Stages that are paused by an operator, and what processes say of theirs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use sync_store::{Holding, ProcessRun, ReportedBulkhead, ReportedPause, StageReport, SyncStore};

use crate::fresh::Fresh;
use crate::given::LONG;

pub(crate) async fn the_first_pause_stands_until_released(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(store.holds().await.expect("asked"), []);
    assert_eq!(store.release_stage("upload").await.expect("asked"), None);

    let Holding::Begun(first) = store.hold("upload", "kari", "Omnium moves").await.expect("asked") else {
        panic!("it was not paused yet");
    };
    assert_eq!((&*first.stage, &*first.who, &*first.why), ("upload", "kari", "Omnium moves"));
    assert!((Utc::now() - first.since).abs() < TimeDelta::minutes(1), "{}", first.since);
    for who in ["ola", "kari"] {
        let again = store.hold("upload", who, "something else").await.expect("asked");
        assert_eq!(again, Holding::Standing(first.clone()));
    }
    let Holding::Begun(other) = store.hold("erp", "ola", "").await.expect("asked") else {
        panic!("each stage is paused automatically");
    };
    assert_eq!(fresh.connect().await.holds().await.expect("asked"), [other.clone(), first.clone()]);

    assert_eq!(store.release_stage("upload").await.expect("asked"), Some(first));
    assert_eq!(store.release_stage("upload").await.expect("asked"), None);
    assert_eq!(store.holds().await.expect("asked"), [other]);
    assert!(matches!(store.hold("upload", "ola", "").await.expect("asked"), Holding::Begun(_)));
}

pub(crate) async fn of_concurrent_pauses_one_begins(fresh: &Fresh) {
    let store = fresh.connect().await;
    let asking = (0..16).map(|i| {
        let store = store.clone();
        tokio::spawn(async move { store.hold("upload", &i.to_string(), "").await.expect("asked") })
    });
    let mut begun = Vec::new();
    let mut standing = Vec::new();
    for held in join_all(asking).await {
        match held.expect("no panic") {
            Holding::Begun(hold) => begun.push(hold),
            Holding::Standing(hold) => standing.push(hold),
        }
    }
    assert_eq!((begun.len(), standing.len()), (1, 15));
    assert!(standing.iter().all(|hold| *hold == begun[0]), "{standing:?}");
}

fn process(id: &str, pid: u32) -> ProcessRun {
    let started_at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    ProcessRun { id: id.to_owned(), host: "till-7".to_owned(), pid, started_at }
}

fn running(stage: &str) -> StageReport {
    StageReport {
        stage: stage.to_owned(),
        broker: "running".to_owned(),
        broker_why: None,
        pause: None,
        bulkheads: Vec::new(),
        scopes: Vec::new(),
        held: false,
        in_flight: 0,
        handled: 0,
    }
}

async fn reported(store: &dyn SyncStore, within: Duration) -> Vec<(String, StageReport)> {
    let seen = store.reports(within).await.expect("asked");
    seen.into_iter().map(|seen| (seen.process.id, seen.report)).collect()
}

pub(crate) async fn a_report_replaces_the_last_one(fresh: &Fresh) {
    let store = fresh.connect().await;
    let (one, two) = (process("a", 1), process("b", u32::MAX));
    store.report(&one, &[]).await.expect("nothing to say is fine");
    store.report(&one, &[running("upload"), running("render")]).await.expect("written");
    store.report(&two, &[running("upload")]).await.expect("written");

    let since = DateTime::from_timestamp_millis(1_800_000_001_234).expect("a time");
    let next_probe_at = since + TimeDelta::milliseconds(500);
    let bulkhead = |name: &str| ReportedBulkhead {
        bulkhead: name.to_owned(),
        pause: ReportedPause { since, why: "\"401\" of 'Ø'".to_owned(), next_probe_at },
    };
    let changed = StageReport {
        broker: "disconnected".to_owned(),
        broker_why: Some("the broker cannot be reached".to_owned()),
        pause: Some(ReportedPause { since, why: "Omnium answered 503".to_owned(), next_probe_at }),
        bulkheads: vec![bulkhead("7"), bulkhead("[default]")],
        scopes: vec![bulkhead("store 70 of tenant 7")],
        held: true,
        in_flight: 32,
        handled: 1 << 40,
        ..running("upload")
    };
    store.report(&one, std::slice::from_ref(&changed)).await.expect("written");
    let expected = [
        ("a".to_owned(), running("render")),
        ("a".to_owned(), changed.clone()),
        ("b".to_owned(), running("upload")),
    ];
    assert_eq!(reported(&*store, LONG).await, expected);
    let seen = store.reports(LONG).await.expect("asked");
    assert_eq!((&seen[1].process, &seen[2].process), (&one, &two));
    assert!(seen.iter().all(|seen| (Utc::now() - seen.seen_at).abs() < TimeDelta::minutes(1)), "{seen:?}");

    store.report(&one, &[running("upload")]).await.expect("written");
    assert_eq!(reported(&*store, LONG).await[1], ("a".to_owned(), running("upload")));
}

pub(crate) async fn old_reports_are_hidden_and_then_removed(fresh: &Fresh) {
    let store = fresh.connect().await;
    store.report(&process("old", 1), &[running("upload")]).await.expect("written");
    fresh.run("update stage_report set seen_at = seen_at - 60000").await;
    store.report(&process("new", 2), &[running("upload")]).await.expect("written");

    let short = Duration::from_secs(50);
    assert_eq!(reported(&*store, short).await, [("new".to_owned(), running("upload"))]);
    let seen = store.reports(LONG).await.expect("asked");
    let old = seen.iter().find(|seen| seen.process.id == "old").expect("it was seen");
    assert!((60..LONG.as_secs()).contains(&old.silent_for.as_secs()), "{old:?}");

    store.remove_old_reports(LONG).await.expect("asked");
    assert_eq!(reported(&*store, LONG).await.len(), 2, "neither was silent for so long");
    store.remove_old_reports(short).await.expect("asked");
    assert_eq!(reported(&*store, LONG).await, [("new".to_owned(), running("upload"))]);
}

pub(crate) async fn removes_reports_from_before_a_clock_set_back(fresh: &Fresh) {
    let store = fresh.connect().await;
    store.report(&process("killed", 1), &[running("upload")]).await.expect("written");
    fresh.run("update stage_report set seen_at = seen_at + 3600000").await;
    assert_eq!(reported(&*store, LONG).await, []);
    store.report(&process("new", 2), &[running("upload")]).await.expect("written");
    store.remove_old_reports(LONG).await.expect("asked");
    assert_eq!(reported(&*store, LONG * 10).await, [("new".to_owned(), running("upload"))]);
}

pub(crate) async fn removes_reports_of_an_ended_process(fresh: &Fresh) {
    let store = fresh.connect().await;
    for id in ["a", "b"] {
        store.report(&process(id, 1), &[running("upload"), running("erp")]).await.expect("written");
    }
    store.remove_reports_of("a").await.expect("asked");
    store.remove_reports_of("nobody").await.expect("asked");
    assert!(reported(&*store, LONG).await.iter().all(|(id, _)| id == "b"));
    assert_eq!(reported(&*store, LONG).await.len(), 2);
}
