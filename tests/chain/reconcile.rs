//! A receipt whose consumer died between opening the record and publishing what follows is sent on
//! again: by hand or by itself, and by one process at a time.

use std::time::Duration;

use bilag_tests::{TIMEOUT, World, eventually, receipt};
use events::ReceiptSettled;
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use sync_store::{Key, NewReceipt, Opened, Page, RecordFilter, State, SyncStore};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Opens a record as a receipt consumer does that is killed right after.
async fn strand(world: &World, event: &Value) {
    strand_at(world, event, "omnium").await;
}

async fn strand_at(world: &World, event: &Value, target: &str) {
    let body = event.to_string().into_bytes();
    let read: ReceiptSettled = events::decode(&body).expect("a receipt");
    let receipt = &read.order_receipt;
    let key = Key::new(&*read.tenant.uid, &*receipt.uid);
    let new = NewReceipt {
        key: &key,
        voucher_number: &receipt.voucher_number,
        order_number: &receipt.order.order_number,
        store_uid: &receipt.order.store.uid,
        currency: &read.tenant.country.currency,
        amount: receipt.amount().get(),
        fingerprint: &read.fingerprint(),
        body: &body,
        traceparent: Some(TRACE),
        particulars: None,
    };
    let opened = world.store().await.open(&new, target, true).await.expect("the store answers");
    assert_eq!(opened, Opened::New);
}

/// Lets an hour pass for every record.
async fn an_hour_later(world: &World) {
    let url = world.settings.iter().rev().find(|(name, _)| name == "BILAG_DATABASE_URL");
    let url = &url.expect("every world has a store").1;
    let mut store = SqliteConnection::connect(url).await.expect("the file opens");
    let sql = "update external_order_receipt_sync set updated_at = updated_at - 3600000";
    sqlx::query(sql).execute(&mut store).await.expect("an hour passes");
}

#[tokio::test]
async fn reconcile_republishes_a_stranded_receipt_once_in_its_trace() {
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    strand(&world, &receipt(1)).await;
    assert_eq!(world.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
    an_hour_later(&world).await;
    assert_eq!(world.ok(&["sync", "reconcile"]), "published the events of 1 stranded receipt(s) again\n");
    assert_eq!(world.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
    let sent = world.vhost.peek("bilag.receipt", 2).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].header_text("traceparent").as_deref(), Some(TRACE));

    let _all = world.consume(&["all"]).await;
    eventually("it completes", async || (world.records(State::Complete).await == 1).then_some(())).await;
    assert_eq!(world.ok(&["sync", "reconcile", "--untouched-for", "1ms"]), "no receipt is stranded\n");
}

#[tokio::test]
async fn every_kind_of_stranded_record_is_republished_once() {
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    for number in 0..450 {
        strand(&world, &receipt(number)).await;
    }
    let said = world.ok(&["sync", "reconcile", "--untouched-for", "1ms"]);
    assert_eq!(said, "published the events of 450 stranded receipt(s) again\n");
    assert_eq!(world.vhost.ready("bilag.receipt").await, Some(450));
}

#[tokio::test]
async fn receipt_stranded_at_several_targets_is_republished_once() {
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    for target in ["omnium", "package", "erp"] {
        strand_at(&world, &receipt(1), target).await;
        strand_at(&world, &receipt(2), target).await;
    }
    an_hour_later(&world).await;
    assert_eq!(world.ok(&["sync", "reconcile"]), "published the events of 2 stranded receipt(s) again\n");
    assert_eq!(world.vhost.ready("bilag.receipt").await, Some(2));
    assert_eq!(world.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
}

#[tokio::test]
async fn the_cycle_republishes_stranded_receipts() {
    let mut world = World::new().await;
    world.set("BILAG_RECONCILE_EVERY", "100ms");
    let _all = world.consume(&["all"]).await;
    strand(&world, &receipt(1)).await;
    an_hour_later(&world).await;
    eventually("it completes", async || (world.records(State::Complete).await == 1).then_some(())).await;
    assert_eq!(world.sandbox.omnium.summary().invoices["rcpt-1"].files.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_at_a_paused_stage_are_not_republished() {
    let mut world = World::new().await;
    world.set("BILAG_RECONCILE_EVERY", "100ms");
    let all = world.consume(&["all"]).await;
    world.ok(&["pause", "upload", "--why", "Omnium moves house"]);
    eventually("its process has confirmed", async || {
        all.log().contains("paused by an operator").then_some(())
    })
    .await;
    let waiting = async |count: u32| {
        eventually(&format!("{count} wait for upload"), async || {
            (world.vhost.ready("bilag.upload").await == Some(count)).then_some(())
        })
        .await;
    };
    world.publish(&receipt(1)).await;
    waiting(1).await;
    an_hour_later(&world).await;
    let store = world.store().await;
    eventually("the cycle has looked at it", async || {
        let stranded = store.stranded(Duration::from_secs(600), 10).await.expect("an answer");
        stranded.is_empty().then_some(())
    })
    .await;
    // A copy of the first would come to the upload's queue before the second does.
    world.publish(&receipt(2)).await;
    waiting(2).await;
    world.ok(&["resume", "upload"]);
    world.complete_within(TIMEOUT, 2).await;
    let heard = (heard_times(&*store, 1).await, heard_times(&*store, 2).await);
    assert_eq!(heard, (1, 1));
}

/// How often a receipt was heard.
async fn heard_times(store: &dyn SyncStore, number: u32) -> u64 {
    let filter = RecordFilter { receipt: Some(format!("rcpt-{number}")), ..Default::default() };
    let records = store.records(&filter, Page::first(1)).await.expect("an answer");
    records[0].record.heard_count.into()
}

#[tokio::test]
async fn one_process_reconciles_at_a_time() {
    let world = World::new().await;
    world.ok(&["topology", "apply"]);
    strand(&world, &receipt(1)).await;
    an_hour_later(&world).await;
    let store = world.store().await;
    assert!(
        store.named_lease("receipt", "another process", Duration::from_secs(60)).await.expect("an answer")
    );
    assert_eq!(world.ok(&["sync", "reconcile"]), "another process is publishing stranded receipts already\n");
    assert_eq!(world.vhost.ready("bilag.receipt").await, Some(0));
    assert!(store.named_lease("receipt", "another process", Duration::ZERO).await.expect("an answer"));
    assert_eq!(world.ok(&["sync", "reconcile"]), "published the events of 1 stranded receipt(s) again\n");
}
