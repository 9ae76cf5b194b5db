//! Opening the store itself.

use std::error::Error;

use futures_util::future::join_all;
use sync_store::{StoreError, connect};

use crate::fresh::Fresh;

pub async fn processes_that_start_together_share_one_schema(fresh: &Fresh) {
    let stores = join_all((0..8).map(|_| tokio::spawn(connect_to(fresh.url.clone())))).await;
    for store in stores {
        store.expect("no panic").expect("it opens").ping().await.expect("it answers");
    }
}

async fn connect_to(url: String) -> Result<std::sync::Arc<dyn sync_store::SyncStore>, StoreError> {
    connect(&url).await
}

pub async fn a_newer_schema_is_refused(fresh: &Fresh) {
    fresh.connect().await;
    fresh.run("update _sqlx_migrations set version = 9999").await;
    let Err(error) = connect(&fresh.url).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
    assert!(error.source().is_some());
}
