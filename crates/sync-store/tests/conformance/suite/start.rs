//! Opening the store itself.

use std::error::Error;

use futures_util::future::join_all;
use sync_store::{DeadLetterFilter, Page, State, StoreError, connect, migrate, schema};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, key, letter, note, record};

pub(crate) async fn concurrent_starts_migrate_once(fresh: &Fresh) {
    let stores = join_all((0..8).map(|_| tokio::spawn(connect_to(fresh.url.clone())))).await;
    for store in stores {
        store.expect("no panic").expect("it opens").ping().await.expect("it answers");
    }
}

async fn connect_to(url: String) -> Result<std::sync::Arc<dyn sync_store::SyncStore>, StoreError> {
    connect(&url).await
}

pub(crate) async fn works_with_a_newer_additive_schema(fresh: &Fresh) {
    fresh.bring_further().await;
    let store = fresh.connect().await;
    in_state(&*store, "r", State::Complete).await;
    let found = schema(&fresh.url).await.expect("looked");
    assert_eq!((found.version, found.pending), (Some(9999), Vec::new()));
    assert!(found.known < 9999);
}

pub(crate) async fn refuses_a_store_that_requires_a_newer_version(fresh: &Fresh) {
    fresh.connect().await;
    fresh.run("insert into bilag_schema values (9999, 9998)").await;
    let Err(error) = connect(&fresh.url).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::TooNew { needs: 9998, .. }), "{error:?}");
    assert!(error.to_string().contains("upgrade this process"), "{error}");
    assert!(matches!(migrate(&fresh.url).await, Err(StoreError::TooNew { .. })));
    assert!(matches!(schema(&fresh.url).await, Err(StoreError::TooNew { .. })));
    // From the version on that it takes, each is let in.
    fresh.run("update bilag_schema set oldest_reader = 10").await;
    fresh.connect().await;
}

pub(crate) async fn refuses_a_changed_migration(fresh: &Fresh) {
    fresh.connect().await;
    let other = if fresh.url.starts_with("sqlite") { "x'00'" } else { "'x'" };
    fresh.run(&format!("update _sqlx_migrations set checksum = {other} where version = 2")).await;
    let Err(error) = connect(&fresh.url).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
    assert!(error.source().is_some_and(|source| source.to_string().contains("migration 2 ")));
}

pub(crate) async fn lists_and_applies_pending_migrations(fresh: &Fresh) {
    let before = schema(&fresh.url).await.expect("looked");
    assert_eq!((before.version, before.pending[0].version), (None, 1));
    fresh.at_version(3).await;
    let behind = schema(&fresh.url).await.expect("looked");
    assert_eq!((behind.version, behind.pending[0].version), (Some(3), 4));
    assert_eq!(behind.pending[0].description, "stages");
    assert_eq!(migrate(&fresh.url).await.expect("migrated"), behind.pending);
    assert_eq!(migrate(&fresh.url).await.expect("nothing to do"), []);
    let after = schema(&fresh.url).await.expect("looked");
    assert_eq!((after.version, after.pending), (Some(after.known), Vec::new()));
}

/// Rows as the first version left them.
const FIRST_ROWS: &str = "
    insert into receipt values ('tenant-1', 'r', '1001', '5001', 'store-1', 'NOK', 24900, 'f', '', null, 1);
    insert into external_order_receipt_sync (tenant_uid, receipt_uid, target, state, heard_count,
        created_at, updated_at) values ('tenant-1', 'r', 'omnium', 'pending', 1, 1, 1);
    insert into dead_letter (id, stage, reason, error, tenant_uid, receipt_uid, attempts, redriven,
        body_size, noted_at, place, headers, body)
        values ('l', 'upload', 'omnium_rejected', '400', 'tenant-1', 'r', 1, 0, 0, 1, 'dead', '{}', '');
    insert into reconcile_lease values ('reconcile', 'a', 99999999999999)";

pub(crate) async fn keeps_data_of_the_first_version(fresh: &Fresh) {
    fresh.at_version(1).await;
    let rows =
        if fresh.url.starts_with("sqlite") { FIRST_ROWS.replace("''", "x''") } else { FIRST_ROWS.into() };
    fresh.run(&rows).await;

    let store = fresh.connect().await;
    assert_eq!(record(&*store, &key("r")).await.state, State::Pending);
    let letters = store.dead_letters(&DeadLetterFilter::default(), Page::first(10)).await.expect("listed");
    assert_eq!((&*letters[0].letter.id, &letters[0].letter.package), ("l", &None));
    let holder =
        store.named_lease_holder("reconcile").await.expect("asked").expect("a lease that runs was lost");
    assert_eq!(holder.owner, "a");
    assert_eq!(store.package_counts().await.expect("counted"), []);

    note(&*store, &letter("m", "omnium_rejected", Some(&key("r"))), ONE).await;
    assert_eq!(store.record(&key("r"), TARGET).await.expect("asked").expect("kept").state, State::Dead);
}

pub(crate) async fn keeps_an_audit_log_without_details(fresh: &Fresh) {
    fresh.at_version(3).await;
    fresh
        .run("insert into audit (done_at, who, act, stage, letters) values (1, 'kari', 'redrive', 'upload', 'a b')")
        .await;
    let store = fresh.connect().await;
    let acts = store.audit_entries(Page::first(10)).await.expect("listed");
    assert_eq!((&*acts[0].who, &*acts[0].detail, acts[0].letters.len()), ("kari", "", 2));
}
