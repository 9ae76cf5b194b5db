//! The report: made once for all who ask for the same.

use console::Role;

use crate::given::heard;
use crate::world::World;

#[tokio::test]
async fn page_and_downloads_of_the_same_days_tell_the_same() {
    let world = World::new().await;
    heard(world.store.as_ref(), 1).await;
    let desk = world.desk(Role::Viewer).await;
    let days = "from=2026-11-01&to=2026-11-30&by=nothing";
    assert!(desk.page(&format!("/report?{days}")).await.contains("<strong>1</strong> received"));
    heard(world.store.as_ref(), 2).await;
    let json = desk.page(&format!("/report.json?{days}")).await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["totals"][0]["heard"]["count"], 1, "{json:#}");
    let other = desk.page("/report?from=2026-11-01&to=2026-11-29&by=nothing").await;
    assert!(other.contains("<strong>2</strong> received"), "another question has its own answer: {other}");
}
