//! Stages: pauses by operators, and the reports of processes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};

/// Pauses of stages, and reports of processes.
#[async_trait]
pub trait StageStore: Send + Sync {
    /// Pauses a stage. An earlier pause stays as it is.
    async fn hold(&self, stage: &str, who: &str, why: &str) -> Result<Holding, StoreError>;

    /// Ends and returns the pause of a stage; `None` where there was none.
    async fn release_stage(&self, stage: &str) -> Result<Option<StageHold>, StoreError>;

    /// All pauses, by stage.
    async fn holds(&self) -> Result<Vec<StageHold>, StoreError>;

    /// Replaces the reports of a process.
    async fn report(&self, process: &ProcessRun, reports: &[StageReport]) -> Result<(), StoreError>;

    /// Reports that are younger than `within`, by stage, host and process.
    async fn reports(&self, within: Duration) -> Result<Vec<SeenReport>, StoreError>;

    /// Removes the reports of a process that has shut down.
    async fn remove_reports_of(&self, process: &str) -> Result<(), StoreError>;

    /// Removes reports that are older than `silent_for`.
    async fn remove_old_reports(&self, silent_for: Duration) -> Result<(), StoreError>;
}

/// An operator's pause of a stage: no process consumes its messages until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageHold {
    /// Name of the stage.
    pub stage: String,
    /// The operator's name in the tool they used.
    pub who: String,
    /// The reason; may be empty.
    pub why: String,
    /// By the store's clock.
    pub since: DateTime<Utc>,
}

/// The answer to pausing a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Holding {
    /// This pause begins now.
    Begun(StageHold),
    /// The earlier pause, which stays.
    Standing(StageHold),
}

/// One run of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRun {
    /// Unique to this run.
    pub id: String,
    /// Host name.
    pub host: String,
    /// Process id on that host.
    pub pid: u32,
    /// By the process's clock.
    pub started_at: DateTime<Utc>,
}

/// What a process reports of one of its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The stage.
    pub stage: String,
    /// State of its broker connection: `running`, `disconnected`.
    pub broker: String,
    /// The reason for that state, where there is one.
    pub broker_why: Option<String>,
    /// The open circuit breaker of the stage, where it is open.
    pub pause: Option<ReportedPause>,
    /// Bulkheads whose circuit breaker is open while the others go on.
    pub bulkheads: Vec<ReportedBulkhead>,
    /// Scopes of which the service downstream forbids everything, while the others go on.
    pub scopes: Vec<ReportedBulkhead>,
    /// Whether it obeys an operator's pause.
    pub held: bool,
    /// Messages in flight.
    pub in_flight: u64,
    /// Messages handled since the process started.
    pub handled: u64,
}

/// An open circuit breaker: the process has paused because a service downstream is unavailable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPause {
    /// By the process's clock.
    pub since: DateTime<Utc>,
    /// The error that opened it.
    pub why: String,
    /// When the next message is tried, by the process's clock.
    pub next_probe_at: DateTime<Utc>,
}

/// A bulkhead or scope whose circuit breaker is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedBulkhead {
    /// Its name: the tenant's uid; of a scope, its name in words.
    pub bulkhead: String,
    /// Its circuit breaker.
    pub pause: ReportedPause,
}

/// A report, and when it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenReport {
    /// Who reports.
    pub process: ProcessRun,
    /// What it reports.
    pub report: StageReport,
    /// By the store's clock.
    pub seen_at: DateTime<Utc>,
    /// Its age, by the store's clock.
    pub silent_for: Duration,
}

#[async_trait]
impl<D: Database> StageStore for SqlStore<D> {
    async fn hold(&self, stage: &str, who: &str, why: &str) -> Result<Holding, StoreError> {
        // A second turn is needed only where the pause that stood has been ended meanwhile.
        loop {
            let begun = self.write_one(hold(self.dialect(), stage, who, why), read_hold).await?;
            if let Some(begun) = begun {
                return Ok(Holding::Begun(begun));
            }
            if let Some(standing) = self.holds().await?.into_iter().find(|hold| hold.stage == stage) {
                return Ok(Holding::Standing(standing));
            }
        }
    }

    async fn release_stage(&self, stage: &str) -> Result<Option<StageHold>, StoreError> {
        let sql = format!("delete from stage_hold where stage = $1 returning {HOLD}");
        self.write_one(Statement::new(sql).text(stage), read_hold).await
    }

    async fn holds(&self) -> Result<Vec<StageHold>, StoreError> {
        self.list(Statement::new(format!("select {HOLD} from stage_hold order by stage")), read_hold).await
    }

    async fn report(&self, process: &ProcessRun, reports: &[StageReport]) -> Result<(), StoreError> {
        if reports.is_empty() {
            return Ok(());
        }
        self.write(report(self.dialect(), process, reports)).await
    }

    async fn reports(&self, within: Duration) -> Result<Vec<SeenReport>, StoreError> {
        self.list(seen(self.dialect(), within), read_seen).await
    }

    async fn remove_reports_of(&self, process: &str) -> Result<(), StoreError> {
        self.write(Statement::new("delete from stage_report where process = $1").text(process)).await
    }

    async fn remove_old_reports(&self, silent_for: Duration) -> Result<(), StoreError> {
        let now = self.dialect().now();
        let forget = format!("delete from stage_report where abs({now} - seen_at) >= $1");
        self.write(Statement::new(forget).duration(silent_for)).await
    }
}

/// The columns that [`read_hold`] reads.
const HOLD: &str = "stage, who, why, since";

fn hold(dialect: Dialect, stage: &str, who: &str, why: &str) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "insert into stage_hold ({HOLD}) values ($1, $2, $3, {now})
         on conflict (stage) do nothing
         returning {HOLD}"
    ))
    .text(stage)
    .text(who)
    .text(why)
}

fn read_hold(row: &Row) -> Result<StageHold, DecodeError> {
    Ok(StageHold {
        stage: row.get("stage")?,
        who: row.get("who")?,
        why: row.get("why")?,
        since: row.get("since")?,
    })
}

/// The columns that a report is kept in, but for when it was seen.
const REPORT: &str = "process, host, pid, started_at, stage, broker, broker_why,
    paused_since, paused_why, next_probe_at, held, in_hand, handled, lanes";

/// All stages in one statement: one turn at the file's writer, one round trip to a server.
fn report(dialect: Dialect, process: &ProcessRun, reports: &[StageReport]) -> Statement {
    let now = dialect.now();
    const OF_PROCESS: usize = 4;
    const OF_STAGE: usize = 10;
    let rows: Vec<_> = (0..reports.len())
        .map(|i| {
            let own: Vec<_> = (1..=OF_STAGE).map(|n| format!("${}", OF_PROCESS + i * OF_STAGE + n)).collect();
            format!("($1, $2, $3, $4, {}, {now})", own.join(", "))
        })
        .collect();
    let statement = Statement::new(format!(
        "insert into stage_report ({REPORT}, seen_at) values {}
         on conflict (process, stage) do update set
             seen_at = excluded.seen_at, broker = excluded.broker, broker_why = excluded.broker_why,
             paused_since = excluded.paused_since, paused_why = excluded.paused_why,
             next_probe_at = excluded.next_probe_at, held = excluded.held,
             in_hand = excluded.in_hand, handled = excluded.handled, lanes = excluded.lanes",
        rows.join(", ")
    ))
    .text(&process.id)
    .text(&process.host)
    .int(process.pid)
    .time(Some(process.started_at));
    reports.iter().fold(statement, |statement, report| {
        let pause = report.pause.as_ref();
        statement
            .text(&report.stage)
            .text(&report.broker)
            .optional_text(report.broker_why.as_deref())
            .time(pause.map(|pause| pause.since))
            .optional_text(pause.map(|pause| pause.why.as_str()))
            .time(pause.map(|pause| pause.next_probe_at))
            .int(report.held)
            .int(i64::try_from(report.in_flight).unwrap_or(i64::MAX))
            .int(i64::try_from(report.handled).unwrap_or(i64::MAX))
            .optional_text(write_bulkheads(&report.bulkheads, &report.scopes).as_deref())
    })
}

/// A report from the future was stored before the clock was set back; who still runs reports again.
fn seen(dialect: Dialect, within: Duration) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select {REPORT}, seen_at, {now} - seen_at as silent_for from stage_report
         where abs({now} - seen_at) < $1
         order by stage, host, started_at, process"
    ))
    .duration(within)
}

fn read_seen(row: &Row) -> Result<SeenReport, DecodeError> {
    let (since, next_probe_at) = (row.optional("paused_since")?, row.optional("next_probe_at")?);
    let (bulkheads, scopes) = read_bulkheads(row.optional("lanes")?)?;
    let pause = since.zip(row.optional("paused_why")?).zip(next_probe_at);
    Ok(SeenReport {
        process: ProcessRun {
            id: row.get("process")?,
            host: row.get("host")?,
            pid: row.get("pid")?,
            started_at: row.get("started_at")?,
        },
        report: StageReport {
            stage: row.get("stage")?,
            broker: row.get("broker")?,
            broker_why: row.optional("broker_why")?,
            pause: pause.map(|((since, why), next_probe_at)| ReportedPause { since, why, next_probe_at }),
            bulkheads,
            scopes,
            held: row.get("held")?,
            in_flight: row.get("in_hand")?,
            handled: row.get("handled")?,
        },
        seen_at: row.get("seen_at")?,
        silent_for: row.get("silent_for")?,
    })
}

/// A paused bulkhead or scope in the column `lanes`; times are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptBulkhead {
    lane: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_scope: bool,
    since: i64,
    why: String,
    next_probe_at: i64,
}

/// As JSON; `None` where there are none.
fn write_bulkheads(bulkheads: &[ReportedBulkhead], scopes: &[ReportedBulkhead]) -> Option<String> {
    let all =
        bulkheads.iter().map(|paused| (false, paused)).chain(scopes.iter().map(|paused| (true, paused)));
    let kept = all.map(|(is_scope, ReportedBulkhead { bulkhead, pause })| KeptBulkhead {
        lane: bulkhead.clone(),
        is_scope,
        since: pause.since.timestamp_millis(),
        why: pause.why.clone(),
        next_probe_at: pause.next_probe_at.timestamp_millis(),
    });
    let kept: Vec<_> = kept.collect();
    (!kept.is_empty()).then(|| serde_json::to_string(&kept).expect("texts and numbers are JSON"))
}

/// Bulkheads, then scopes.
fn read_bulkheads(
    text: Option<String>,
) -> Result<(Vec<ReportedBulkhead>, Vec<ReportedBulkhead>), DecodeError> {
    let Some(text) = text else { return Ok(Default::default()) };
    let error = DecodeError { column: "lanes", expected: "paused bulkheads" };
    let bulkhead = |kept: KeptBulkhead| {
        let since = DateTime::from_timestamp_millis(kept.since)?;
        let next_probe_at = DateTime::from_timestamp_millis(kept.next_probe_at)?;
        let pause = ReportedPause { since, why: kept.why, next_probe_at };
        Some(ReportedBulkhead { bulkhead: kept.lane, pause })
    };
    let kept: Vec<KeptBulkhead> = serde_json::from_str(&text).map_err(|_| error)?;
    let (scopes, bulkheads): (Vec<_>, Vec<_>) = kept.into_iter().partition(|kept| kept.is_scope);
    let read = |kept: Vec<KeptBulkhead>| kept.into_iter().map(bulkhead).collect::<Option<_>>();
    Ok((read(bulkheads).ok_or(error)?, read(scopes).ok_or(error)?))
}
