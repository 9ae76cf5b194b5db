//! Removing personal data that nobody needs any more.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, Dialect, SqlStore, Statement};
use crate::{Key, Period, StoreError, group_id};

/// Removes personal data, and keeps what recognizes a late duplicate and what reports count.
///
/// A receipt is pruned once it has been complete or skipped at every target for longer than `older_than`
/// and none of its dead letters waits for a person. Its uids, store, voucher number, day, type, amount,
/// currency and fingerprint stay, and so do its records with the invoice's id and the file's hash. A round
/// of a package is pruned once it is issued or superseded, a dead letter once it is redriven or discarded.
#[async_trait]
pub trait PruneStore: Send + Sync {
    /// What [`PruneStore::prune`] would prune.
    async fn prunable(&self, older_than: Duration) -> Result<Pruned, StoreError>;

    /// Prunes at most `limit` of each kind, and answers how many; zero once there is no more. May be interrupted and
    /// repeated at any time, by several at once.
    async fn prune(&self, older_than: Duration, limit: u32) -> Result<Pruned, StoreError>;

    /// When the receipt was pruned; `None` where it was not.
    async fn pruned_at(&self, key: &Key) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Number of pruned receipts that were settled in the period.
    async fn pruned_in(&self, period: Period, tenant: Option<&str>) -> Result<u64, StoreError>;
}

/// How much was pruned, or can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Receipts: the event, the order number and what customers are found by.
    pub receipts: u64,
    /// Rounds of packages: the event.
    pub packages: u64,
    /// Dead letters that were redriven or discarded: headers, payload and error.
    pub letters: u64,
}

impl Pruned {
    /// Their sum.
    pub fn total(self) -> u64 {
        self.receipts + self.packages + self.letters
    }
}

/// The error and the cause of a pruned dead letter, neither of which is ever empty.
const PRUNED: &str = "pruned";

#[async_trait]
impl<D: Database> PruneStore for SqlStore<D> {
    async fn prunable(&self, older_than: Duration) -> Result<Pruned, StoreError> {
        let dialect = self.dialect();
        let (receipts, packages, letters) = (receipts(dialect), packages(dialect), letters(dialect));
        let count = Statement::new(format!(
            "select (select count(*) from receipt where {receipts}) as receipts,
                 (select count(*) from package_round where {packages}) as packages,
                 (select count(*) from dead_letter where {letters}) as letters"
        ));
        let count = self.find_one(count.duration(older_than), |row| {
            Ok(Pruned {
                receipts: row.get("receipts")?,
                packages: row.get("packages")?,
                letters: row.get("letters")?,
            })
        });
        count.await
    }

    async fn prune(&self, older_than: Duration, limit: u32) -> Result<Pruned, StoreError> {
        let dialect = self.dialect();
        let receipts = self.count_written(prune_receipts(dialect, older_than, limit)).await?;
        let packages = self.count_written(prune_packages(dialect, older_than, limit)).await?;
        let letters = self.prune_letters(older_than, limit).await?;
        Ok(Pruned { receipts, packages, letters })
    }

    async fn pruned_at(&self, key: &Key) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = "select pruned_at from receipt where tenant_uid = $1 and receipt_uid = $2";
        let statement = Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid);
        Ok(self.find(statement, |row| row.optional("pruned_at")).await?.flatten())
    }

    async fn pruned_in(&self, period: Period, tenant: Option<&str>) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "select count(*) as count from receipt
             where pruned_at is not null and settled_on between $1 and $2",
        );
        let statement = statement.text(&period.from.to_string()).text(&period.to.to_string());
        self.find_one(statement.matching("tenant_uid = $", tenant), |row| row.get("count")).await
    }
}

impl<D: Database> SqlStore<D> {
    /// A dead letter's cause and group are made from its error, so they go with it.
    async fn prune_letters(&self, older_than: Duration, limit: u32) -> Result<u64, StoreError> {
        let dialect = self.dialect();
        let conditions = letters(dialect);
        let sql = format!(
            "select id, stage, reason from dead_letter where {conditions} order by noted_at limit $2"
        );
        let found = self.list(Statement::new(sql).duration(older_than).int(limit), |row| {
            let group = group_id(&row.get::<String>("stage")?, &row.get::<String>("reason")?, PRUNED);
            Ok((group, row.get::<String>("id")?))
        });
        let mut groups = BTreeMap::<String, Vec<String>>::new();
        for (group, id) in found.await? {
            groups.entry(group).or_default().push(id);
        }
        let mut count = 0;
        for (group, ids) in &groups {
            count += self.count_written(prune_group(dialect, older_than, group, ids)).await?;
        }
        Ok(count)
    }
}

/// The time before which everything may go: `$1` ago, by the store's clock.
fn before(dialect: Dialect) -> String {
    format!("{} - $1", dialect.now())
}

/// Complete or skipped for so long at every target it was recorded for, and nobody has a dead letter of it to
/// look at.
fn receipts(dialect: Dialect) -> String {
    let before = before(dialect);
    let is_its = |table: &str| {
        format!("{table}.tenant_uid = receipt.tenant_uid and {table}.receipt_uid = receipt.receipt_uid")
    };
    let (of_record, of_letter) = (is_its("sync"), is_its("letter"));
    format!(
        "pruned_at is null and heard_at < {before}
         and exists (select 1 from external_order_receipt_sync as sync where {of_record})
         and not exists (select 1 from external_order_receipt_sync as sync where {of_record} and not (
             (state = 'complete' and completed_at < {before}) or (state = 'skipped' and updated_at < {before})))
         and not exists (select 1 from dead_letter as letter where {of_letter} and place = 'dead')"
    )
}

fn packages(dialect: Dialect) -> String {
    let before = before(dialect);
    format!("pruned_at is null and state in ('issued', 'superseded') and updated_at < {before}")
}

fn letters(dialect: Dialect) -> String {
    let before = before(dialect);
    format!("pruned_at is null and place in ('redriven', 'discarded') and noted_at < {before}")
}

/// The body is empty, as the column takes no null; what is shown and searched for goes with it.
fn prune_receipts(dialect: Dialect, older_than: Duration, limit: u32) -> Statement {
    let (now, conditions) = (dialect.now(), receipts(dialect));
    Statement::new(format!(
        "update receipt set body = {}, order_number = '', customer = '', traceparent = null, pruned_at = {now}
         where (tenant_uid, receipt_uid) in (
             select tenant_uid, receipt_uid from receipt where {conditions} order by heard_at limit $2)
         returning receipt_uid",
        nothing(dialect)
    ))
    .duration(older_than)
    .int(limit)
}

/// The number stays, as the idempotency key does: both say which invoice it is.
fn prune_packages(dialect: Dialect, older_than: Duration, limit: u32) -> Statement {
    let (now, conditions) = (dialect.now(), packages(dialect));
    Statement::new(format!(
        "update package_round set body = null, traceparent = null, pruned_at = {now}
         where (oms, package_id, round) in (
             select oms, package_id, round from package_round where {conditions} order by updated_at limit $2)
         returning package_id"
    ))
    .duration(older_than)
    .int(limit)
}

fn prune_group(dialect: Dialect, older_than: Duration, group: &str, ids: &[String]) -> Statement {
    let (now, conditions) = (dialect.now(), letters(dialect));
    let (nothing, given) = (nothing(dialect), dialect.texts(3));
    Statement::new(format!(
        "update dead_letter set body = {nothing}, headers = '{{}}', error = '{PRUNED}', cause = '{PRUNED}',
             group_id = $2, pruned_at = {now}
         where id in ({given}) and {conditions}
         returning id"
    ))
    .duration(older_than)
    .text(group)
    .texts(ids)
}

/// No bytes, as each database writes them.
fn nothing(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "x''",
        Dialect::Postgres => "''::bytea",
    }
}
