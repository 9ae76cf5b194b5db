//! The audit log of what concerns no stage and no dead letter.

use sync_store::{NewAuditEntry, StoreError, SyncStore};

/// Takes the place of a stage.
const CONSOLE: &str = "console";

pub(crate) async fn note(
    store: &dyn SyncStore,
    who: &str,
    act: &str,
    detail: &str,
) -> Result<(), StoreError> {
    store.write_audit(&NewAuditEntry { who, act, stage: CONSOLE, letters: &[], detail }).await
}
