//! Permits: the rate limits of a service, shared by all processes.

mod pool;

use std::time::Duration;

use async_trait::async_trait;

use crate::StoreError;
use crate::permit::pool::Pool;
use crate::sql::{Database, DecodeError, Row, SqlStore, Statement};

/// Limits of a service for one API user, over all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitLimits {
    /// Maximum requests in flight.
    pub concurrent: u32,
    /// Tokens in a full bucket; a request takes one.
    pub capacity: u32,
    /// Tokens refilled per second.
    pub refill_per_second: u32,
}

/// What a process asks for.
#[derive(Clone, Copy, Debug)]
pub struct PermitRequest<'a> {
    /// One run of a process.
    pub owner: &'a str,
    /// Requests that it wants to have in flight.
    pub wants: u32,
    /// Permits of its grant that it cannot give back now.
    pub keeps: u32,
    /// Tokens to take from the bucket.
    pub draws: u32,
    /// How long the grant runs from now: longer than any request that is made under it.
    pub ttl: Duration,
    /// How long the service has asked to wait (429).
    pub hold: Option<Duration>,
}

/// A grant, which replaces the process's earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct PermitAnswer {
    /// Requests that it may have in flight.
    pub permits: u32,
    /// Where others lack permits: how many it should come down to, by giving back what it gets back.
    pub share: Option<u32>,
    /// Tokens taken from the bucket for it.
    pub drawn: u32,
    /// Time until the bucket has a token; zero where it has one.
    pub next_draw: Duration,
    /// How long nothing may be sent.
    pub held: Duration,
}

/// Permits of API users, by a key that names nobody. At any moment, the sum of the running grants is within the limit,
/// whoever asks at the same time.
#[async_trait]
pub trait PermitStore: Send + Sync {
    /// Asks for permits and for tokens of the bucket. Asking again replaces the owner's grant; wanting and keeping
    /// nothing gives it back. After [`StoreError::Unavailable`] the grant may be
    /// either of the two, never below what was kept.
    async fn request_permits(
        &self,
        api_user: &str,
        limits: &PermitLimits,
        ask: &PermitRequest<'_>,
    ) -> Result<PermitAnswer, StoreError>;
}

#[async_trait]
impl<D: Database> PermitStore for SqlStore<D> {
    async fn request_permits(
        &self,
        api_user: &str,
        limits: &PermitLimits,
        ask: &PermitRequest<'_>,
    ) -> Result<PermitAnswer, StoreError> {
        // Each further turn means that somebody else was answered meanwhile.
        loop {
            let kept = self.find_one(find(self.dialect().now(), api_user), read).await?;
            let mut pool = kept.pool.unwrap_or_else(|| Pool::new(limits, kept.now));
            let answer = pool.ask(limits, ask, kept.now);
            if self.count_written(replace(api_user, kept.version, &pool)).await? > 0 {
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
        "select {now} as now, coalesce((select version from permit_pool where api_user = $1), 0) as version,
             (select state from permit_pool where api_user = $1) as state"
    ))
    .text(api_user)
}

fn read(row: &Row) -> Result<Kept, DecodeError> {
    let state = row.optional::<String>("state")?;
    let unknown = DecodeError { column: "state", expected: "pool of this version" };
    let pool = state.map(|state| serde_json::from_str(&state).map_err(|_| unknown)).transpose()?;
    Ok(Kept { now: row.get("now")?, version: row.get("version")?, pool })
}

fn replace(api_user: &str, version: i64, pool: &Pool) -> Statement {
    let state = serde_json::to_string(pool).expect("texts and integers");
    let insert = "insert into permit_pool (api_user, version, state) values ($1, $2 + 1, $3)
         on conflict (api_user) do nothing returning version";
    let update = "update permit_pool set version = version + 1, state = $3
         where api_user = $1 and version = $2 returning version";
    Statement::new(if version == 0 { insert } else { update }).text(api_user).int(version).text(&state)
}
