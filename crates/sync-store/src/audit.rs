//! The audit log: what operators did to dead letters, stages, sessions and the store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, DecodeError, Row, SqlStore, Statement, containing};
use crate::{Page, StoreError};

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Writes an entry, before the action: an action in the log that was not done does less harm than one that is
    /// missing from it.
    async fn write_audit(&self, act: &NewAuditEntry<'_>) -> Result<(), StoreError>;

    /// All entries, latest first.
    async fn audit_entries(&self, page: Page) -> Result<Vec<AuditEntry>, StoreError> {
        self.find_audit_entries(&AuditFilter::default(), page).await
    }

    /// Entries that match the filter, latest first.
    async fn find_audit_entries(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>, StoreError>;
}

/// An entry to write.
#[derive(Clone, Copy, Debug)]
pub struct NewAuditEntry<'a> {
    /// The operator's name in the tool they used.
    pub who: &'a str,
    /// The action: `redrive`, `discard`, `restore`, `pause`, `resume` …
    pub act: &'a str,
    /// The stage that is paused, or that the dead letters are of.
    pub stage: &'a str,
    /// Ids of dead letters.
    pub letters: &'a [String],
    /// More, such as the reason of a pause; may be empty.
    pub detail: &'a str,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// By the store's clock.
    pub done_at: DateTime<Utc>,
    /// The operator.
    pub who: String,
    /// The action.
    pub act: String,
    /// The stage that is paused, or that the dead letters are of.
    pub stage: String,
    /// Ids of dead letters.
    pub letters: Vec<String>,
    /// May be empty.
    pub detail: String,
}

/// Which entries to list; `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Part of the operator's name, in any case.
    pub who: Option<String>,
    /// The action, exactly.
    pub act: Option<String>,
}

#[async_trait]
impl<D: Database> AuditStore for SqlStore<D> {
    async fn write_audit(&self, act: &NewAuditEntry<'_>) -> Result<(), StoreError> {
        let now = self.dialect().now();
        let note = Statement::new(format!(
            "insert into audit (done_at, who, act, stage, letters, detail) values ({now}, $1, $2, $3, $4, $5)"
        ));
        let note = note.text(act.who).text(act.act).text(act.stage);
        self.write(note.text(&act.letters.join(" ")).text(act.detail)).await
    }

    async fn find_audit_entries(
        &self,
        filter: &AuditFilter,
        page: Page,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let who = filter.who.as_deref().map(containing);
        let list = Statement::new("select done_at, who, act, stage, letters, detail from audit where true")
            .matching(r"lower(who) like $ escape '\'", who.as_deref())
            .matching("act = $", filter.act.as_deref());
        self.list(list.page("number desc", page), read).await
    }
}

fn read(row: &Row) -> Result<AuditEntry, DecodeError> {
    Ok(AuditEntry {
        done_at: row.get("done_at")?,
        who: row.get("who")?,
        act: row.get("act")?,
        stage: row.get("stage")?,
        letters: row.get::<String>("letters")?.split_whitespace().map(str::to_owned).collect(),
        detail: row.get("detail")?,
    })
}
