//! Pruning: what may go, and what takes its place.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::cause::group_id;
use crate::sql::{Database, Dialect, Row, SqlStore, Statement};
use crate::{Key, Period, PruneStore, Pruned, StoreError};

/// What stands in a pruned dead letter for its error and its cause, neither of which is ever empty.
const PRUNED: &str = "pruned";

#[async_trait]
impl<D: Database> PruneStore for SqlStore<D> {
    async fn prunable(&self, older_than: Duration) -> Result<Pruned, StoreError> {
        let dialect = self.0.dialect();
        let (receipts, packages, letters) = (receipts(dialect), packages(dialect), letters(dialect));
        let rows = self.0.read(
            Statement::new(format!(
                "select (select count(*) from receipt where {receipts}),
                     (select count(*) from package_round where {packages}),
                     (select count(*) from dead_letter where {letters})"
            ))
            .duration(older_than),
        );
        let counted = self.first(rows.await?, |row| {
            Ok(Pruned { receipts: row.count()?, packages: row.count()?, letters: row.count()? })
        })?;
        Ok(counted.unwrap_or_default())
    }

    async fn prune(&self, older_than: Duration, limit: u32) -> Result<Pruned, StoreError> {
        let dialect = self.0.dialect();
        let count = |rows: Vec<Row>| u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let receipts = count(self.0.write(prune_receipts(dialect, older_than, limit)).await?);
        let packages = count(self.0.write(prune_packages(dialect, older_than, limit)).await?);
        let letters = self.prune_letters(older_than, limit).await?;
        Ok(Pruned { receipts, packages, letters })
    }

    async fn pruned_at(&self, key: &Key) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = "select pruned_at from receipt where tenant_uid = $1 and receipt_uid = $2";
        let rows = self.0.read(Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid)).await?;
        Ok(self.first(rows, Row::optional_time)?.flatten())
    }

    async fn pruned_in(&self, period: Period, tenant: Option<&str>) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "select count(*) from receipt
             where pruned_at is not null and settled_on between $1 and $2",
        );
        let statement = statement.text(&period.from.to_string()).text(&period.to.to_string());
        let rows = self.0.read(statement.matching("tenant_uid = $", tenant)).await?;
        Ok(self.first(rows, Row::count)?.unwrap_or_default())
    }
}

impl<D: Database> SqlStore<D> {
    /// A dead letter's cause and group are made from its error, so they go with it.
    async fn prune_letters(&self, older_than: Duration, limit: u32) -> Result<u64, StoreError> {
        let dialect = self.0.dialect();
        let conditions = letters(dialect);
        let sql = format!(
            "select id, stage, reason from dead_letter where {conditions} order by noted_at limit $2"
        );
        let rows = self.0.read(Statement::new(sql).duration(older_than).int(limit)).await?;
        let found = self.each(rows, |row| Ok([row.text()?, row.text()?, row.text()?]))?;
        let mut groups = BTreeMap::<String, Vec<String>>::new();
        for [id, stage, reason] in found {
            groups.entry(group_id(&stage, &reason, PRUNED)).or_default().push(id);
        }
        let mut count = 0;
        for (group, ids) in &groups {
            count += self.0.write(prune_group(dialect, older_than, group, ids)).await?.len();
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

/// The time before which everything may go: `$1` ago, by the store's clock.
fn before(dialect: Dialect) -> String {
    format!("{} - $1", dialect.now())
}

/// Complete or skipped for so long at every target it was heard for, and nobody has a dead letter of it to
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
