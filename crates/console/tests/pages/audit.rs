//! The audit page: acts of somebody, or of a kind, however long ago.

use console::Role;
use sync_store::NewAuditEntry;

use crate::world::World;

#[tokio::test]
async fn acts_are_narrowed_however_many_came_after_them() {
    let world = World::new().await;
    let act = |who, act| NewAuditEntry { who, act, stage: "upload", letters: &[], detail: "" };
    world.store.write_audit(&act("kari@shop.example", "discard")).await.expect("noted");
    for _ in 0..2_010 {
        world.store.write_audit(&act("ola@shop.example", "login")).await.expect("noted");
    }
    let desk = world.desk(Role::Viewer).await;
    for query in ["who=Kari", "act=discard", "who=shop&act=discard"] {
        let page = desk.page(&format!("/audit?{query}")).await;
        assert!(page.contains("kari@shop.example"), "{query}: {page}");
        assert!(!page.contains("ola@shop.example"), "{query}: {page}");
    }
    assert!(desk.page("/audit?who=nobody").await.contains("No matching entries."));
}
