//! The store over any SQL database: the rules are written once, as statements that both SQLite and
//! PostgreSQL understand.

mod audit;
mod backlog;
mod dead;
mod dead_find;
mod find;
mod lanes;
mod open;
mod package;
mod package_ask;
mod package_find;
mod package_issue;
mod permit;
mod prune;
mod reconcile;
mod rehearsal;
mod report;
mod row;
mod search;
mod session;
mod stage;
mod statement;
mod steps;

pub(crate) use row::{Cell, Row, Surprise};
pub(crate) use statement::{Database, Dialect, Statement, Value};

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::cause::{cause, group_id};
use crate::{
    Attach, DeadCause, DeadCount, DeadLetterFilter, DeadLetterId, DeadLetterInFull, Key, Lease, LeaseHolder,
    Listed, NewDeadLetter, NewReceipt, NotedDeadLetter, Opened, Page, Place, Receipt, Record, RecordFilter,
    StateCount, Step, StoreError, Stranded, SyncStore,
};

/// A store over one database.
pub(crate) struct SqlStore<D>(pub(crate) D);

impl<D: Database> SqlStore<D> {
    fn understood<T>(&self, read: Result<T, Surprise>) -> Result<T, StoreError> {
        read.map_err(|surprise| StoreError::Broken { store: self.0.describe(), source: Box::new(surprise) })
    }

    fn each<T>(
        &self,
        rows: Vec<Row>,
        read: impl Fn(&mut Row) -> Result<T, Surprise>,
    ) -> Result<Vec<T>, StoreError> {
        self.understood(rows.into_iter().map(|mut row| read(&mut row)).collect())
    }

    fn first<T>(
        &self,
        rows: Vec<Row>,
        read: impl Fn(&mut Row) -> Result<T, Surprise>,
    ) -> Result<Option<T>, StoreError> {
        self.understood(rows.into_iter().next().map(|mut row| read(&mut row)).transpose())
    }

    async fn step(&self, statement: Statement) -> Result<Step, StoreError> {
        let moved = !self.0.write(statement).await?.is_empty();
        Ok(if moved { Step::Taken } else { Step::Lost })
    }
}

#[async_trait]
impl<D: Database> SyncStore for SqlStore<D> {
    async fn open(&self, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Result<Opened, StoreError> {
        // A second turn is needed only where another process has put the same receipt there
        // between the start of our statement and its end.
        loop {
            let rows = self.0.write(open::open(self.0.dialect(), receipt, target, wanted)).await?;
            if let Some(opened) = self.first(rows, open::read)? {
                return Ok(opened);
            }
            match self.receipt(receipt.key).await? {
                Some(kept) if kept.fingerprint != receipt.fingerprint => {
                    return Ok(Opened::Differs { body: kept.body, fingerprint: kept.fingerprint });
                }
                _ => {}
            }
        }
    }

    async fn lease(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<Lease, StoreError> {
        let rows = self.0.write(steps::lease(self.0.dialect(), key, target, owner, ttl)).await?;
        match self.first(rows, find::read_record)? {
            Some(record) => Ok(Lease::Granted(record)),
            None => {
                let refusal = steps::refusal(self.record(key, target).await?, self.now().await?);
                let Lease::Held { left } = refusal else { return Ok(refusal) };
                let rows = self.0.write(steps::count_lease_anew(self.0.dialect(), key, target)).await?;
                Ok(Lease::Held { left: self.first(rows, Row::duration)?.unwrap_or(left) })
            }
        }
    }

    async fn invoice_created(
        &self,
        key: &Key,
        target: &str,
        owner: &str,
        invoice_id: &str,
    ) -> Result<Step, StoreError> {
        self.step(steps::invoice_created(self.0.dialect(), key, target, owner, invoice_id)).await
    }

    async fn attaching(&self, key: &Key, target: &str, attach: &Attach<'_>) -> Result<Step, StoreError> {
        self.step(steps::attaching(self.0.dialect(), key, target, attach)).await
    }

    async fn not_attached(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError> {
        self.step(steps::not_attached(self.0.dialect(), key, target, owner)).await
    }

    async fn complete(&self, key: &Key, target: &str, invoice_id: &str) -> Result<Step, StoreError> {
        self.step(steps::complete(self.0.dialect(), key, target, invoice_id)).await
    }

    async fn release(&self, key: &Key, target: &str, owner: &str) -> Result<(), StoreError> {
        self.0.write(steps::release(self.0.dialect(), key, target, owner)).await.map(drop)
    }

    async fn shorten(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<(), StoreError> {
        self.0.write(steps::shorten(self.0.dialect(), key, target, owner, ttl)).await.map(drop)
    }

    async fn skip(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError> {
        self.step(steps::skip(self.0.dialect(), key, target, owner)).await
    }

    async fn note_dead(&self, letter: &NewDeadLetter<'_>) -> Result<(), StoreError> {
        self.0.write(dead::note(self.0.dialect(), letter)).await.map(drop)
    }

    async fn move_letters(&self, ids: &[String], to: Place) -> Result<u64, StoreError> {
        let moved = self.0.write(dead::move_to(self.0.dialect(), ids, to)).await?;
        Ok(u64::try_from(moved.len()).unwrap_or(u64::MAX))
    }

    async fn record(&self, key: &Key, target: &str) -> Result<Option<Record>, StoreError> {
        let rows = self.0.read(find::record(key, target)).await?;
        self.first(rows, find::read_record)
    }

    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<Listed>, StoreError> {
        let rows = self.0.read(find::records(filter, page)).await?;
        self.each(rows, find::read_listed)
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        let rows = self.0.read(find::counts()).await?;
        self.each(rows, find::read_count)
    }

    async fn receipt(&self, key: &Key) -> Result<Option<Receipt>, StoreError> {
        let rows = self.0.read(find::receipt(key)).await?;
        self.first(rows, find::read_receipt)
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page,
    ) -> Result<Vec<NotedDeadLetter>, StoreError> {
        let rows = self.0.read(dead_find::list(self.0.dialect(), filter, page)).await?;
        self.each(rows, dead_find::read_noted)
    }

    async fn letter_ids(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterId>, StoreError> {
        let rows = self.0.read(dead_find::ids(self.0.dialect(), filter)).await?;
        self.each(rows, dead_find::read_id)
    }

    async fn letters_by_stage(&self, filter: &DeadLetterFilter) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = self.0.read(dead_find::count_by_stage(self.0.dialect(), filter)).await?;
        Ok(self.each(rows, dead_find::read_stage_count)?.into_iter().collect())
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetterInFull>, StoreError> {
        let rows = self.0.read(dead_find::one(id)).await?;
        self.first(rows, dead_find::read_in_full)
    }

    async fn dead_counts(&self) -> Result<Vec<DeadCount>, StoreError> {
        let rows = self.0.read(dead_find::counts()).await?;
        self.each(rows, dead_find::read_count)
    }

    async fn dead_causes(&self, filter: &DeadLetterFilter, page: Page) -> Result<Vec<DeadCause>, StoreError> {
        let rows = self.0.read(dead_find::causes(self.0.dialect(), filter, page)).await?;
        self.each(rows, dead_find::read_cause)
    }

    async fn fill_causes(&self, limit: u32) -> Result<u64, StoreError> {
        let rows = self.0.read(dead::without_cause(limit)).await?;
        let letters = self.each(rows, |row| Ok([row.text()?, row.text()?, row.text()?, row.text()?]))?;
        let mut groups = BTreeMap::<(String, String), Vec<String>>::new();
        for [id, stage, reason, error] in &letters {
            let cause = cause(error);
            let group = group_id(stage, reason, &cause);
            groups.entry((cause, group)).or_default().push(id.clone());
        }
        for ((cause, group), ids) in &groups {
            self.0.write(dead::fill_cause(self.0.dialect(), cause, group, ids)).await?;
        }
        Ok(u64::try_from(letters.len()).unwrap_or(u64::MAX))
    }

    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Stranded>, StoreError> {
        let rows = self.0.read(reconcile::stranded(self.0.dialect(), untouched_for, limit)).await?;
        self.each(rows, reconcile::read_stranded)
    }

    async fn touch(&self, key: &Key, target: &str) -> Result<(), StoreError> {
        self.0.write(reconcile::touch(self.0.dialect(), key, target)).await.map(drop)
    }

    async fn named_lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool, StoreError> {
        Ok(!self.0.write(reconcile::lease(self.0.dialect(), name, owner, ttl)).await?.is_empty())
    }

    async fn named_lease_holder(&self, name: &str) -> Result<Option<LeaseHolder>, StoreError> {
        let rows = self.0.read(reconcile::holder(self.0.dialect(), name)).await?;
        Ok(self.first(rows, Row::optional_lease)?.flatten())
    }

    async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = self.0.dialect().now();
        let rows = self.0.read(Statement::new(format!("select {now}"))).await?;
        Ok(self.first(rows, Row::time)?.expect("a query without a table has a row"))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.read(Statement::new("select 'here'")).await.map(drop)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}
