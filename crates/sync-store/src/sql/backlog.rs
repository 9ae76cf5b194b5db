//! What waits: read from the indexes of what waits, so that the rest may be any number.

use std::time::Duration;

use async_trait::async_trait;

use crate::sql::{Database, Dialect, Row, SqlStore, Statement, Surprise};
use crate::{Backlog, BacklogStore, OpenRecords, StoreError, WaitingDeadLetters};

#[async_trait]
impl<D: Database> BacklogStore for SqlStore<D> {
    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let rows = self.0.read(letters(self.0.dialect())).await?;
        let letters = self.each(rows, read_letters)?;
        let rows = self.0.read(records(self.0.dialect())).await?;
        Ok(Backlog { letters, records: self.each(rows, read_records)? })
    }
}

fn letters(dialect: Dialect) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select stage, count(*), {now} - min(noted_at) from dead_letter where place = 'dead'
         group by stage order by stage"
    ))
}

/// Two queries, because there is an index for each of the conditions and none for both.
fn records(dialect: Dialect) -> Statement {
    let now = dialect.now();
    let of = |condition: &str| {
        format!(
            "select target, state, count(*) as records, {now} - min(created_at) as age,
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

fn read_letters(row: &mut Row) -> Result<WaitingDeadLetters, Surprise> {
    Ok(WaitingDeadLetters { stage: row.text()?, count: row.count()?, oldest_age: read_age(row)? })
}

fn read_records(row: &mut Row) -> Result<OpenRecords, Surprise> {
    let (target, state, count) = (row.text()?, row.word::<crate::State>("state")?, row.count()?);
    let oldest_age = read_age(row)?;
    let begun = row.count()?;
    let without_file = if state == crate::State::Dead { begun } else { 0 };
    Ok(OpenRecords { target, state, count, oldest_age, without_file })
}

/// Milliseconds; a clock that was set back makes nothing younger than new.
fn read_age(row: &mut Row) -> Result<Duration, Surprise> {
    Ok(Duration::from_millis(row.int()?.max(0).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::IfMissing;
    use crate::sqlite::Sqlite;

    /// How SQLite goes about a statement, a line for each step.
    async fn plan(sqlite: &Sqlite, statement: Statement) -> Vec<String> {
        let explain = Statement::new(format!("explain query plan {}", statement.sql));
        let rows = sqlite.read(explain).await.expect("explained");
        let step = |mut row: Row| {
            let columns: [Result<i64, _>; 3] = [row.int(), row.int(), row.int()];
            assert!(columns.iter().all(Result::is_ok));
            row.text().expect("what is done")
        };
        rows.into_iter().map(step).collect()
    }

    #[tokio::test]
    async fn only_what_waits_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = Sqlite::open(&folder.path().join("bilag.db"), IfMissing::Create).await.expect("opened");
        for (statement, indexes) in [
            (letters(Dialect::Sqlite), &["dead_letter_by_cause"][..]),
            (records(Dialect::Sqlite), &["sync_on_its_way", "sync_dead"]),
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
