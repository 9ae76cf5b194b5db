//! Viewers see nobody's name, wherever it stands.

use std::io::Write;

use console::Role;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::StatusCode;
use serde_json::Value;
use sync_store::{ProcessRun, ReportedBulkhead, ReportedPause, StageReport};

use crate::given::{PERSONAL, letter, noted, receipt, rejected};
use crate::world::World;

#[tokio::test]
async fn viewers_see_letters_and_receipts_without_the_people_in_them() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 7).await;
    let plain =
        letter("00000000000000aa", "receipt", "invalid_event", "the name \"Åsa Lindqvist\" is too long");
    noted(world.store.as_ref(), &plain, &Value::Null, receipt(8).to_string().as_bytes()).await;
    let xml = letter("00000000000000bb", "receipt", "undecodable", "not JSON");
    noted(world.store.as_ref(), &xml, &Value::Null, b"<name>\xc3\x85sa Lindqvist</name>").await;
    let gzip = letter("00000000000000cc", "receipt", "undecodable", "compressed with gzip");
    noted(world.store.as_ref(), &gzip, &Value::Null, &compressed(&receipt(9))).await;
    paused_by_itself(&world).await;
    let paths = [
        "/".to_owned(),
        "/letters".to_owned(),
        format!("/letters/{id}"),
        "/letters/00000000000000aa".to_owned(),
        "/letters/00000000000000bb".to_owned(),
        "/letters/00000000000000cc".to_owned(),
        "/receipts".to_owned(),
        "/receipts/9/rcpt-7".to_owned(),
        "/audit".to_owned(),
    ];
    let (viewer, operator) = (world.desk(Role::Viewer).await, world.desk(Role::Operator).await);
    let mut seen_by_operators = String::new();
    for path in &paths {
        let page = viewer.page(path).await;
        for name in PERSONAL {
            assert!(!page.contains(name), "{path} shows {name} to a viewer: {page}");
        }
        seen_by_operators.push_str(&operator.page(path).await);
    }
    assert!(seen_by_operators.contains("tenant 8 paused automatically since"), "{seen_by_operators}");
    for name in ["Åsa Lindqvist", "asabygg.example"] {
        assert!(seen_by_operators.contains(name), "operators see {name}");
    }
    let page = viewer.page("/").await;
    assert!(page.contains("paused automatically since") && page.contains("answered 503"), "{page}");
    assert!(operator.page("/").await.contains("asabygg.example"), "operators see what was answered");
    let page = viewer.page("/letters/00000000000000aa").await;
    assert!(page.contains("1808100") && page.contains("Skaljacka"), "amounts and goods are shown: {page}");
    let page = viewer.page("/letters/00000000000000bb").await;
    assert!(page.contains("it is hidden from viewers"), "{page}");
    let page = viewer.page("/letters/00000000000000cc").await;
    assert!(page.contains("1808100") && page.contains("Skaljacka"), "amounts and goods are shown: {page}");
    let page = operator.page("/letters/00000000000000cc").await;
    assert!(page.contains("Shown decompressed") && page.contains("Åsa Lindqvist"), "{page}");
}

fn compressed(event: &Value) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    write!(encoder, "{event}").and_then(|()| encoder.finish()).expect("compressed")
}

/// The stage `render` has paused automatically, and a tenant there, and says what was answered.
async fn paused_by_itself(world: &World) {
    let now = chrono::Utc::now();
    let process = ProcessRun { id: "a".into(), host: "till-7".into(), pid: 1, started_at: now };
    let why = "Omnium answered 503: asabygg.example cannot be billed".to_owned();
    let pause = ReportedPause { since: now, why, next_probe_at: now };
    let report = StageReport {
        stage: "render".to_owned(),
        broker: "running".to_owned(),
        broker_why: None,
        pause: Some(pause.clone()),
        bulkheads: vec![ReportedBulkhead { bulkhead: "8".to_owned(), pause }],
        scopes: Vec::new(),
        held: false,
        in_flight: 0,
        handled: 0,
    };
    world.store.report(&process, &[report]).await.expect("written");
}

#[tokio::test]
async fn viewers_do_not_learn_by_searching_what_they_are_not_shown() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 7).await;
    let (viewer, operator) = (world.desk(Role::Viewer).await, world.desk(Role::Operator).await);
    for text in ["Lindqvist", "lindq"] {
        let (letters, receipts) = (format!("/letters?text={text}"), format!("/receipts?q={text}"));
        assert!(operator.page(&letters).await.contains(&id), "operators find it");
        assert_eq!(operator.get(&receipts).await.status, StatusCode::SEE_OTHER, "operators find it");
        let page = viewer.page(&letters).await;
        assert!(!page.contains(&id) && page.contains("Viewers cannot search errors"), "{page}");
        let page = viewer.page(&receipts).await;
        assert!(
            page.contains("No matching receipts") && page.contains("Viewers cannot search customers"),
            "{page}"
        );
    }
    assert!(viewer.page("/letters?text=rcpt-7").await.contains(&id), "what they are shown they find");
    assert_eq!(viewer.get("/receipts?q=7").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_export_is_written_down_without_what_was_sought() {
    let world = World::new().await;
    rejected(world.store.as_ref(), 7).await;
    let operator = world.desk(Role::Operator).await;
    let exported = operator.page("/letters/export?stage=upload&text=Lindqvist").await;
    assert!(exported.contains("Lindqvist"), "{exported}");
    let acts = world.store.audit_entries(sync_store::Page::first(10)).await.expect("acts");
    let acts: Vec<_> = acts.iter().map(|act| (&*act.act, &*act.who, &*act.detail)).collect();
    assert_eq!(acts, [("export", "anonymous", "1 dead letter(s): dead, stage upload, with a text")]);
    let page = operator.page("/audit?act=export").await;
    assert!(page.contains("with a text"), "{page}");
}

#[tokio::test]
async fn viewers_look_and_do_nothing_else() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 7).await;
    let viewer = world.desk(Role::Viewer).await;
    for path in ["/letters", &format!("/letters/{id}"), "/receipts/9/rcpt-7", "/"] {
        let page = viewer.page(path).await;
        for act in ["method=\"post\"", "document.pdf", "/letters/export", "/pause"] {
            assert!(!page.contains(act), "{path} offers {act} to a viewer: {page}");
        }
    }
    for path in [
        format!("/letters/{id}/document.pdf"),
        format!("/letters/{id}/edit"),
        format!("/letters/{id}?whole=1"),
        "/letters/export".to_owned(),
        "/receipts/9/rcpt-7/document.pdf".to_owned(),
        "/stages/upload/pause".to_owned(),
    ] {
        // What is whole in the index needs no more rights to be read.
        let expected = if path.ends_with("whole=1") { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(viewer.get(&path).await.status, expected, "{path}");
    }
}
