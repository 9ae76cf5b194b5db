//! Pausing stages by hand, on a store.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use operate::Stage;
use operate::stages::{is_paused, pause, resume, status};
use sync_store::{Holding, Page, ProcessRun, ReportedPause, StageReport, SyncStore, connect};
use tempfile::TempDir;

async fn store() -> (TempDir, Arc<dyn SyncStore>) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("bilag.db").display());
    (folder, connect(&url).await.expect("it opens"))
}

fn stage(name: &'static str) -> Stage {
    Stage::new(name, "works")
}

#[tokio::test]
async fn audits_pause_and_resume_unless_nothing_changes() {
    let (_folder, store) = store().await;
    let store = store.as_ref();
    let Holding::Begun(first) = pause(store, "upload", "kari", "Omnium moves").await.expect("asked") else {
        panic!("it was not paused yet");
    };
    let again = pause(store, "upload", "ola", "lunch").await.expect("asked");
    assert_eq!(again, Holding::Standing(first.clone()));
    let now = status(store, &[stage("render"), stage("upload")]).await.expect("asked");
    assert_eq!((&now[0].hold, &now[1].hold), (&None, &Some(first.clone())));

    assert_eq!(resume(store, "upload", "ola").await.expect("asked"), Some(first));
    assert_eq!(resume(store, "upload", "ola").await.expect("asked"), None);
    let acts = store.audit_entries(Page::first(10)).await.expect("listed");
    let acts: Vec<_> = acts.iter().map(|act| (&*act.act, &*act.who, &*act.stage, &*act.detail)).collect();
    assert_eq!(acts, [("resume", "ola", "upload", ""), ("pause", "kari", "upload", "Omnium moves")]);
}

#[tokio::test]
async fn is_paused_considers_only_the_given_stage() {
    let (_folder, store) = store().await;
    let store = store.as_ref();
    let started_at = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let process = ProcessRun { id: "a".into(), host: "till-7".into(), pid: 1, started_at };
    let pause_of_its_own = ReportedPause {
        since: started_at,
        why: "the ERP answered 503".into(),
        next_probe_at: started_at + TimeDelta::seconds(3),
    };
    let report = |stage: &str, pause| StageReport {
        stage: stage.to_owned(),
        broker: "running".to_owned(),
        broker_why: None,
        pause,
        bulkheads: Vec::new(),
        scopes: Vec::new(),
        held: false,
        in_flight: 0,
        handled: 0,
    };
    let reports = [report("erp", Some(pause_of_its_own)), report("upload", None)];
    store.report(&process, &reports).await.expect("written");
    let why = is_paused(store, "erp").await.expect("asked");
    assert_eq!(why.as_deref(), Some("paused automatically since 2027-01-15T08:00:00Z: the ERP answered 503"));
    assert_eq!(is_paused(store, "upload").await.expect("asked"), None);

    let _ = pause(store, "upload", "kari", "").await.expect("asked");
    let why = is_paused(store, "upload").await.expect("asked").expect("it is paused");
    assert!(why.starts_with("paused by kari since "), "{why}");
}
