//! Leases on what only one process may do at a time, by a name such as that of the sync cycle.

use std::time::Duration;

use async_trait::async_trait;

use crate::sql::{Database, SqlStore, Statement};
use crate::{LeaseHolder, StoreError};

/// Who does what only one may do at a time.
#[async_trait]
pub trait NamedLeaseStore: Send + Sync {
    /// Asks for the lease of this name, for `ttl` from now, and answers whether it was granted. Its owner may ask
    /// again, which extends it; a `ttl` of zero gives it back.
    async fn named_lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool, StoreError>;

    /// Who holds the lease of this name; `None` where it has expired.
    async fn named_lease_holder(&self, name: &str) -> Result<Option<LeaseHolder>, StoreError>;
}

#[async_trait]
impl<D: Database> NamedLeaseStore for SqlStore<D> {
    /// One that runs for more than twice as long as a new one would was taken before the clock was set back. A
    /// `ttl` of zero gives it back, which its owner alone can do. The table has the name of its first use, which
    /// versions that still run know it by.
    async fn named_lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool, StoreError> {
        let now = self.dialect().now();
        let lease = Statement::new(format!(
            "insert into reconcile_lease as held (name, owner, until) values ($1, $2, {now} + $3)
             on conflict (name) do update set owner = excluded.owner, until = excluded.until
                 where held.owner = excluded.owner or held.until <= {now}
                     or $3 > 0 and held.until > excluded.until + $3
             returning name"
        ));
        Ok(self.count_written(lease.text(name).text(owner).duration(ttl)).await? > 0)
    }

    async fn named_lease_holder(&self, name: &str) -> Result<Option<LeaseHolder>, StoreError> {
        let now = self.dialect().now();
        let sql = format!("select owner, until from reconcile_lease where name = $1 and until > {now}");
        let holder = self.find(Statement::new(sql).text(name), |row| {
            Ok(LeaseHolder { owner: row.get("owner")?, until: row.get("until")? })
        });
        holder.await
    }
}
