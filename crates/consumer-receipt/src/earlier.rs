//! Receipts that an earlier version wrote: they get what reports and the search need, beside the work.

use std::sync::Arc;

use sync_store::SyncStore;
use tenants::Zones;

/// Fills in what is missing. Where the store goes away meanwhile, the next start goes on, or the next
/// report does.
pub(crate) async fn fill(store: Arc<dyn SyncStore>, zones: Zones) {
    match report::fill(store.as_ref(), &zones, |_| ()).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "receipts of an earlier version can be found and reported now"),
        Err(error) => tracing::debug!(%error, "receipts of an earlier version are left for later"),
    }
}
