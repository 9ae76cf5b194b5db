//! A receipt whose consumer died between opening the record and publishing the event is published
//! again: by an operator or by the sync cycle, and by one process at a time.

use std::time::Duration;

use bilag_tests::{TestEnv, eventually, receipt};
use events::ReceiptSettled;
use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use sync_store::{Key, NewReceipt, Opened, Page, RecordFilter, State, SyncStore};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Opens a record like a receipt consumer that is killed right after.
async fn strand(env: &TestEnv, event: &Value) {
    strand_at(env, event, "omnium").await;
}

async fn strand_at(env: &TestEnv, event: &Value, target: &str) {
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
    let opened = env.store().await.open(&new, target, true).await.expect("the store answers");
    assert_eq!(opened, Opened::New);
}

/// Makes every record one hour older.
async fn age_by_one_hour(env: &TestEnv) {
    let url = env.settings.iter().rev().find(|(name, _)| name == "BILAG_DATABASE_URL");
    let url = &url.expect("every environment has a store").1;
    let mut store = SqliteConnection::connect(url).await.expect("the file opens");
    let sql = "update external_order_receipt_sync set updated_at = updated_at - 3600000";
    sqlx::query(sql).execute(&mut store).await.expect("an hour passes");
}

#[tokio::test]
async fn reconcile_republishes_a_stranded_receipt_once_in_its_trace() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    strand(&env, &receipt(1)).await;
    assert_eq!(env.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
    age_by_one_hour(&env).await;
    assert_eq!(env.ok(&["sync", "reconcile"]), "published the events of 1 stranded receipt(s) again\n");
    assert_eq!(env.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
    let sent = env.vhost.peek("bilag.receipt", 2).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].header_text("traceparent").as_deref(), Some(TRACE));

    let _all = env.consume(&["all"]).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    assert_eq!(env.ok(&["sync", "reconcile", "--untouched-for", "1ms"]), "no receipt is stranded\n");
}

#[tokio::test]
async fn every_kind_of_stranded_record_is_republished_once() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    for number in 0..450 {
        strand(&env, &receipt(number)).await;
    }
    let output = env.ok(&["sync", "reconcile", "--untouched-for", "1ms"]);
    assert_eq!(output, "published the events of 450 stranded receipt(s) again\n");
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(450));
}

#[tokio::test]
async fn receipt_stranded_at_several_targets_is_republished_once() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    for target in ["omnium", "package", "erp"] {
        strand_at(&env, &receipt(1), target).await;
        strand_at(&env, &receipt(2), target).await;
    }
    age_by_one_hour(&env).await;
    assert_eq!(env.ok(&["sync", "reconcile"]), "published the events of 2 stranded receipt(s) again\n");
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(2));
    assert_eq!(env.ok(&["sync", "reconcile"]), "no receipt is stranded\n");
}

#[tokio::test]
async fn the_cycle_republishes_stranded_receipts() {
    let mut env = TestEnv::new().await;
    env.set("BILAG_RECONCILE_EVERY", "100ms");
    let _all = env.consume(&["all"]).await;
    strand(&env, &receipt(1)).await;
    age_by_one_hour(&env).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    assert_eq!(env.sandbox.omnium.summary().invoices["rcpt-1"].files.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_at_a_paused_stage_are_not_republished() {
    let mut env = TestEnv::new().await;
    env.set("BILAG_RECONCILE_EVERY", "100ms");
    let all = env.consume(&["all"]).await;
    env.ok(&["pause", "upload", "--why", "Omnium moves house"]);
    eventually("the process has confirmed", async || {
        all.log().contains("paused by an operator").then_some(())
    })
    .await;
    let waiting = async |count: u32| {
        eventually(&format!("{count} wait for upload"), async || {
            (env.vhost.ready("bilag.upload").await == Some(count)).then_some(())
        })
        .await;
    };
    env.publish(&receipt(1)).await;
    waiting(1).await;
    age_by_one_hour(&env).await;
    let store = env.store().await;
    eventually("the cycle has looked at it", async || {
        let stranded = store.stranded(Duration::from_secs(600), 10).await.expect("an answer");
        stranded.is_empty().then_some(())
    })
    .await;
    // A copy of the first would reach the upload queue before the second.
    env.publish(&receipt(2)).await;
    waiting(2).await;
    env.ok(&["resume", "upload"]);
    env.complete(2).await;
    let received = (times_received(&*store, 1).await, times_received(&*store, 2).await);
    assert_eq!(received, (1, 1));
}

/// How often a receipt was received.
async fn times_received(store: &dyn SyncStore, number: u32) -> u64 {
    let filter = RecordFilter { receipt: Some(format!("rcpt-{number}")), ..Default::default() };
    let records = store.records(&filter, Page::first(1)).await.expect("an answer");
    records[0].record.heard_count.into()
}

#[tokio::test]
async fn one_process_reconciles_at_a_time() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    strand(&env, &receipt(1)).await;
    age_by_one_hour(&env).await;
    let store = env.store().await;
    assert!(
        store.named_lease("receipt", "another process", Duration::from_secs(60)).await.expect("an answer")
    );
    assert_eq!(env.ok(&["sync", "reconcile"]), "another process is publishing stranded receipts already\n");
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(0));
    assert!(store.named_lease("receipt", "another process", Duration::ZERO).await.expect("an answer"));
    assert_eq!(env.ok(&["sync", "reconcile"]), "published the events of 1 stranded receipt(s) again\n");
}
