//! The audit log: what operators did to dead letters and to stages.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, DecodeError, Row, SqlStore, Statement, containing};
use crate::{Page, StoreError};

/// What operators did.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Writes an act down. Do so before it is done: an act that was not done does less harm in the
    /// log than one that is missing from it.
    async fn note_act(&self, act: &Act<'_>) -> Result<(), StoreError>;

    /// What was done, the latest first.
    async fn acts(&self, page: Page) -> Result<Vec<NotedAct>, StoreError> {
        self.find_acts(&ActFilter::default(), page).await
    }

    /// Acts that meet the filter, the latest first.
    async fn find_acts(&self, filter: &ActFilter, page: Page) -> Result<Vec<NotedAct>, StoreError>;
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Who, as the tool knows them.
    pub who: &'a str,
    /// What: `redrive`, `discard`, `restore`; `pause`, `resume`.
    pub act: &'a str,
    /// The stage that it is done to, or whose dead letters they are.
    pub stage: &'a str,
    /// The dead letters, by their ids.
    pub letters: &'a [String],
    /// What more there is to say, such as why a stage is paused; may be empty.
    pub detail: &'a str,
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedAct {
    /// When.
    pub done_at: DateTime<Utc>,
    /// Who.
    pub who: String,
    /// What.
    pub act: String,
    /// The stage that it is done to, or whose dead letters they are.
    pub stage: String,
    /// The dead letters, by their ids.
    pub letters: Vec<String>,
    /// What more was said; may be empty.
    pub detail: String,
}

/// Which acts to list. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct ActFilter {
    /// Has this text in the name of who did it, in capitals or not.
    pub who: Option<String>,
    /// Is this act.
    pub act: Option<String>,
}

#[async_trait]
impl<D: Database> AuditStore for SqlStore<D> {
    async fn note_act(&self, act: &Act<'_>) -> Result<(), StoreError> {
        let now = self.dialect().now();
        let note = Statement::new(format!(
            "insert into audit (done_at, who, act, stage, letters, detail) values ({now}, $1, $2, $3, $4, $5)"
        ));
        let note = note.text(act.who).text(act.act).text(act.stage);
        self.write(note.text(&act.letters.join(" ")).text(act.detail)).await
    }

    async fn find_acts(&self, filter: &ActFilter, page: Page) -> Result<Vec<NotedAct>, StoreError> {
        let who = filter.who.as_deref().map(containing);
        let list = Statement::new("select done_at, who, act, stage, letters, detail from audit where true")
            .matching(r"lower(who) like $ escape '\'", who.as_deref())
            .matching("act = $", filter.act.as_deref());
        self.list(list.page("number desc", page), read).await
    }
}

fn read(row: &Row) -> Result<NotedAct, DecodeError> {
    Ok(NotedAct {
        done_at: row.get("done_at")?,
        who: row.get("who")?,
        act: row.get("act")?,
        stage: row.get("stage")?,
        letters: row.get::<String>("letters")?.split_whitespace().map(str::to_owned).collect(),
        detail: row.get("detail")?,
    })
}
