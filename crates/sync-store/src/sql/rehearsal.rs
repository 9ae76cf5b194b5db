//! What a dry run would have sent.

use async_trait::async_trait;

use crate::sql::steps::{THIS, of};
use crate::sql::{Database, Row, SqlStore};
use crate::{Key, RehearsalStore, Step, StoreError};

#[async_trait]
impl<D: Database> RehearsalStore for SqlStore<D> {
    async fn rehearsed(&self, key: &Key, target: &str, owner: &str, told: &str) -> Result<Step, StoreError> {
        let now = self.0.dialect().now();
        let sql = format!(
            "update external_order_receipt_sync set
                 state = 'skipped', lease_owner = null, lease_until = null, updated_at = {now}, rehearsed = $5
             where {THIS} and state = 'pending' and lease_owner = $4 and lease_until > {now}
             returning target"
        );
        self.step(of(key, target, sql).text(owner).text(told)).await
    }

    async fn rehearsal(&self, key: &Key, target: &str) -> Result<Option<String>, StoreError> {
        // Once it is wanted after all, what a dry run said is no more.
        let sql =
            format!("select rehearsed from external_order_receipt_sync where {THIS} and state = 'skipped'");
        let rows = self.0.read(of(key, target, sql)).await?;
        Ok(self.first(rows, Row::optional_text)?.flatten())
    }
}
