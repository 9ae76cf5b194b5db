//! What waits in the store, for a person or on its way: read from indexes of what waits, so that the rest may be any
//! number.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};
use crate::{State, StoreError};

/// What waits, counted fast whatever the number of complete receipts.
#[async_trait]
pub trait BacklogStore: Send + Sync {
    /// The current backlog.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// Invoices whose file is not known to be attached, by target: of records, dead or on their way, that nobody has
    /// touched for so long. Their receipts wait in a retry queue, for a person, or are lost. Of one tenant, or of all.
    async fn invoices_without_file(
        &self,
        untouched_for: Duration,
        tenant: Option<&str>,
    ) -> Result<Vec<InvoicesWithoutFile>, StoreError>;
}

/// Invoices of one target whose file is not known to be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicesWithoutFile {
    /// Name of the target.
    pub target: String,
    /// Number of them.
    pub count: u64,
    /// Since when the first of them is untouched.
    pub oldest: DateTime<Utc>,
}

/// What waits, counted. Empty groups are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Dead letters that are neither redriven nor discarded, by stage.
    pub letters: Vec<WaitingDeadLetters>,
    /// Records that are neither complete nor skipped, by target and state.
    pub records: Vec<OpenRecords>,
}

/// Waiting dead letters of one stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDeadLetters {
    /// Name of the stage.
    pub stage: String,
    /// Number of them.
    pub count: u64,
    /// Age of the oldest, by the store's clock.
    pub oldest_age: Duration,
}

/// Records of one target in one state that is not final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRecords {
    /// Name of the target.
    pub target: String,
    /// Open or dead.
    pub state: State,
    /// Number of them.
    pub count: u64,
    /// Age of the oldest, by the store's clock.
    pub oldest_age: Duration,
    /// Of the dead ones, those that died after their invoice was created and before its file was known
    /// to be attached.
    pub without_file: u64,
}

#[async_trait]
impl<D: Database> BacklogStore for SqlStore<D> {
    async fn backlog(&self) -> Result<Backlog, StoreError> {
        Ok(Backlog {
            letters: self.list(letters(self.dialect()), read_letters).await?,
            records: self.list(records(self.dialect()), read_records).await?,
        })
    }

    async fn invoices_without_file(
        &self,
        untouched_for: Duration,
        tenant: Option<&str>,
    ) -> Result<Vec<InvoicesWithoutFile>, StoreError> {
        let parts = self.list(without_file(self.dialect(), untouched_for, tenant), read_without_file).await?;
        let mut found: Vec<InvoicesWithoutFile> = Vec::new();
        for part in parts {
            match found.last_mut().filter(|last| last.target == part.target) {
                Some(last) => {
                    last.count += part.count;
                    last.oldest = last.oldest.min(part.oldest);
                }
                None => found.push(part),
            }
        }
        Ok(found)
    }
}

fn letters(dialect: Dialect) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select stage, count(*) as count, {now} - min(noted_at) as age from dead_letter where place = 'dead'
         group by stage order by stage"
    ))
}

/// Two queries, because there is an index for each of the conditions and none for both.
fn records(dialect: Dialect) -> Statement {
    let now = dialect.now();
    let of = |condition: &str| {
        format!(
            "select target, state, count(*) as count, {now} - min(created_at) as age,
                 count(case when state_before_death in ('invoice_created', 'attaching') then 1 end) as begun
             from external_order_receipt_sync where {condition} group by target, state"
        )
    };
    Statement::new(format!(
        "{} union all {} order by target, state",
        // The times are for SQLite's planner: without them it would read the whole table.
        of("state in ('pending', 'invoice_created', 'attaching') and updated_at > 0"),
        of("state = 'dead' and created_at > 0")
    ))
}

/// As [`records`], two queries, each with what SQLite's planner needs to see its index: a target may be in both.
fn without_file(dialect: Dialect, untouched_for: Duration, tenant: Option<&str>) -> Statement {
    let now = dialect.now();
    let of = |condition: &str| {
        format!(
            "select target, count(*) as count, min(updated_at) as oldest
             from external_order_receipt_sync
             where {condition} and updated_at > 0 and updated_at <= {now} - $1
                 and (cast($2 as text) is null or tenant_uid = $2) group by target"
        )
    };
    Statement::new(format!(
        "{} union all {} order by target",
        of("state in ('pending', 'invoice_created', 'attaching') and state <> 'pending'"),
        of("state = 'dead' and created_at > 0 and state_before_death in ('invoice_created', 'attaching')")
    ))
    .duration(untouched_for)
    .optional_text(tenant)
}

fn read_letters(row: &Row) -> Result<WaitingDeadLetters, DecodeError> {
    Ok(WaitingDeadLetters { stage: row.get("stage")?, count: row.get("count")?, oldest_age: row.get("age")? })
}

fn read_without_file(row: &Row) -> Result<InvoicesWithoutFile, DecodeError> {
    Ok(InvoicesWithoutFile {
        target: row.get("target")?,
        count: row.get("count")?,
        oldest: row.get("oldest")?,
    })
}

fn read_records(row: &Row) -> Result<OpenRecords, DecodeError> {
    let state = row.get("state")?;
    Ok(OpenRecords {
        target: row.get("target")?,
        state,
        count: row.get("count")?,
        oldest_age: row.get("age")?,
        without_file: if state == State::Dead { row.get("begun")? } else { 0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;
    use crate::url::IfMissing;

    /// How SQLite goes about a statement, a line for each step.
    async fn plan(sqlite: &Sqlite, statement: Statement) -> Vec<String> {
        let explain = Statement::new(format!("explain query plan {}", statement.sql));
        let rows = sqlite.read(explain).await.expect("explained");
        rows.iter().map(|row| row.get("detail").expect("what is done")).collect()
    }

    #[tokio::test]
    async fn reads_only_indexes_of_what_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::open(&folder.path().join("bilag.db"), IfMissing::Create).await.expect("opened");
        for (statement, indexes) in [
            (letters(Dialect::Sqlite), &["dead_letter_by_cause"][..]),
            (records(Dialect::Sqlite), &["sync_on_its_way", "sync_dead"]),
            (without_file(Dialect::Sqlite, Duration::ZERO, Some("7")), &["sync_on_its_way", "sync_dead"]),
        ] {
            let plan = plan(&sqlite, statement).await;
            for index in indexes {
                assert!(plan.iter().any(|step| step.contains(&format!("INDEX {index}"))), "{plan:#?}");
            }
            let reads = plan.iter().filter(|step| step.starts_with("SCAN") || step.starts_with("SEARCH"));
            assert!(reads.clone().all(|step| step.contains(" INDEX ")), "{plan:#?}");
            assert_eq!(reads.count(), indexes.len(), "{plan:#?}");
        }
    }
}
