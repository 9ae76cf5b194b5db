//! Audit, report, packages and pauses.

use console::Role;
use reqwest::StatusCode;
use sync_store::{NewAuditEntry, Page};

use crate::given::{heard, rejected};
use crate::world::World;

#[tokio::test]
async fn who_did_what_is_listed_in_pages_and_narrowed() {
    let world = World::new().await;
    let desk = world.desk(Role::Viewer).await;
    assert!(desk.page("/audit").await.contains("The audit log is empty."));
    let ids: Vec<_> = (0..9).map(|i| format!("{i:016x}")).collect();
    for i in 0..60 {
        let (who, act) = if i % 2 == 0 { ("kari", "redrive") } else { ("ola", "discard") };
        let act = NewAuditEntry { who, act, stage: "upload", letters: &ids, detail: "" };
        world.store.write_audit(&act).await.expect("noted");
    }
    let page = desk.page("/audit").await;
    assert!(page.contains("kari") && page.contains("ola") && page.contains("rel=\"next\""), "{page}");
    assert!(page.contains(">9</td>") && page.contains("/letters/0000000000000000"), "{page}");
    let page = desk.page("/audit?who=KARI").await;
    assert!(page.contains("kari") && !page.contains("ola"), "{page}");
    let page = desk.page("/audit?act=discard&offset=20").await;
    assert!(page.contains("ola") && !page.contains("kari") && page.contains("21–30"), "{page}");
    assert!(desk.page("/audit?who=nobody").await.contains("No matching entries."));
}

#[tokio::test]
async fn the_report_adds_up_and_is_downloaded() {
    let world = World::new().await;
    rejected(world.store.as_ref(), 1001).await;
    heard(world.store.as_ref(), 1003).await;
    let desk = world.desk(Role::Viewer).await;
    let page = desk.page("/report?from=2026-11-01&to=2026-11-03&by=store").await;
    assert!(page.contains("1 dead") && page.contains("1 in progress") && page.contains("SEK"), "{page}");
    assert!(page.contains("1002") && page.contains("1 number is missing"), "{page}");
    let csv = desk.get("/report.csv?from=2026-11-01&to=2026-11-03&by=store").await;
    assert!(csv.text.starts_with("line,day,tenant,store") && csv.text.contains("gap,"), "{}", csv.text);
    let json = desk.get("/report.json?from=2026-11-01&to=2026-11-03").await;
    assert_eq!(json.headers["content-type"], "application/json");
    assert!(json.headers["content-disposition"].to_str().is_ok_and(|value| value.starts_with("attachment")));
    let none = desk.page("/report?from=2020-01-01&to=2020-01-02").await;
    assert!(none.contains("No receipts of this period were received."), "{none}");
    for wrong in
        ["from=x", "from=2026-11-03&to=2026-11-01", "from=2020-01-01&to=2026-01-01", "by=x", "target=x"]
    {
        assert!(desk.page(&format!("/report?{wrong}")).await.contains("role=\"alert\""), "{wrong}");
        assert_eq!(
            desk.get(&format!("/report.csv?{wrong}")).await.status,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn packages_are_empty_where_there_is_no_oms() {
    let world = World::new().await;
    let desk = world.desk(Role::Viewer).await;
    assert!(desk.page("/packages").await.contains("No packages yet."));
    assert!(desk.page("/packages?state=waiting").await.contains("class=\"empty\""));
}

#[tokio::test]
async fn a_stage_is_paused_once_with_a_reason_and_goes_on_again() {
    let world = World::new().await;
    let desk = world.desk(Role::Operator).await;
    let asked = desk.page("/stages/upload/pause").await;
    assert!(asked.contains("Pause upload") && asked.contains("name=\"why\""), "{asked}");
    let paused = desk.post("/stages/upload/pause", &[("why", "Omnium is being <repaired>")]).await;
    assert_eq!(paused.status, StatusCode::SEE_OTHER, "{}", paused.text);
    let page = desk.page("/stages/upload/pause").await;
    assert!(page.contains("Omnium is being &lt;repaired&gt;") && page.contains("Resume"), "{page}");
    assert!(desk.page("/").await.contains("paused by anonymous since"), "the chain's page tells");
    let again = desk.post("/stages/upload/pause", &[("why", "another")]).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text.contains("upload is already paused by"), "{}", again.text);
    assert_eq!(desk.post("/stages/upload/resume", &[]).await.status, StatusCode::SEE_OTHER);
    assert!(world.store.holds().await.expect("holds").is_empty());
    let again = desk.post("/stages/upload/resume", &[]).await;
    assert!(again.text.contains("is not paused by an operator"), "{}", again.text);
    let acts: Vec<_> = world
        .store
        .audit_entries(Page::first(9))
        .await
        .expect("acts")
        .into_iter()
        .map(|act| act.act)
        .collect();
    assert_eq!(acts, ["resume", "pause"]);
}
