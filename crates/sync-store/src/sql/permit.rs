//! Permits: read, reckoned, and written where nobody else has written meanwhile.

use async_trait::async_trait;

use crate::permit_pool::Pool;
use crate::sql::{Database, Row, SqlStore, Statement, Surprise};
use crate::{PermitAnswer, PermitAsk, PermitLimits, PermitStore, StoreError};

#[async_trait]
impl<D: Database> PermitStore for SqlStore<D> {
    async fn ask_permits(
        &self,
        api_user: &str,
        limits: &PermitLimits,
        ask: &PermitAsk<'_>,
    ) -> Result<PermitAnswer, StoreError> {
        // Each further turn means that somebody else was answered meanwhile.
        loop {
            let rows = self.0.read(find(self.0.dialect().now(), api_user)).await?;
            let kept = self.first(rows, read)?.expect("a query without a table has a row");
            let mut pool = kept.pool.unwrap_or_else(|| Pool::new(limits, kept.now));
            let answer = pool.ask(limits, ask, kept.now);
            if !self.0.write(replace(api_user, kept.version, &pool)).await?.is_empty() {
                return Ok(answer);
            }
        }
    }
}

/// What is kept of an API user, and the database's time.
struct Kept {
    now: i64,
    version: i64,
    pool: Option<Pool>,
}

/// A row in any case. What nobody has written yet has version 0.
fn find(now: &str, api_user: &str) -> Statement {
    Statement::new(format!(
        "select {now}, coalesce((select version from permit_pool where api_user = $1), 0),
             (select state from permit_pool where api_user = $1)"
    ))
    .text(api_user)
}

fn read(row: &mut Row) -> Result<Kept, Surprise> {
    let (now, version, state) = (row.int()?, row.int()?, row.optional_text()?);
    let pool = state.map(|state| Row::json(&state)).transpose()?;
    Ok(Kept { now, version, pool })
}

fn replace(api_user: &str, version: i64, pool: &Pool) -> Statement {
    let state = serde_json::to_string(pool).expect("texts and integers");
    let insert = "insert into permit_pool (api_user, version, state) values ($1, $2 + 1, $3)
         on conflict (api_user) do nothing returning version";
    let update = "update permit_pool set version = version + 1, state = $3
         where api_user = $1 and version = $2 returning version";
    Statement::new(if version == 0 { insert } else { update }).text(api_user).int(version).text(&state)
}
