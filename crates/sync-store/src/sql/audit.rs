//! The audit log.

use async_trait::async_trait;

use crate::sql::dead_find::containing;
use crate::sql::{Database, Dialect, Row, SqlStore, Statement, Surprise};
use crate::{Act, ActFilter, AuditStore, NotedAct, Page, StoreError};

#[async_trait]
impl<D: Database> AuditStore for SqlStore<D> {
    async fn note_act(&self, act: &Act<'_>) -> Result<(), StoreError> {
        self.0.write(note(self.0.dialect(), act)).await.map(drop)
    }

    async fn find_acts(&self, filter: &ActFilter, page: Page) -> Result<Vec<NotedAct>, StoreError> {
        let rows = self.0.read(list(filter, page)).await?;
        self.each(rows, read)
    }
}

fn note(dialect: Dialect, act: &Act<'_>) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "insert into audit (done_at, who, act, stage, letters, detail) values ({now}, $1, $2, $3, $4, $5)"
    ))
    .text(act.who)
    .text(act.act)
    .text(act.stage)
    .text(&act.letters.join(" "))
    .text(act.detail)
}

fn list(filter: &ActFilter, page: Page) -> Statement {
    let who = filter.who.as_deref().map(containing);
    Statement::new("select done_at, who, act, stage, letters, detail from audit where true")
        .matching(r"lower(who) like $ escape '\'", who.as_deref())
        .matching("act = $", filter.act.as_deref())
        .page("number desc", page)
}

fn read(row: &mut Row) -> Result<NotedAct, Surprise> {
    Ok(NotedAct {
        done_at: row.time()?,
        who: row.text()?,
        act: row.text()?,
        stage: row.text()?,
        letters: row.text()?.split_whitespace().map(str::to_owned).collect(),
        detail: row.text()?,
    })
}
