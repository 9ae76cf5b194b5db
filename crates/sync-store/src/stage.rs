//! Stages: those that somebody has paused by hand, and what each process says of its own.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};

/// The stages as their processes and operators know them.
#[async_trait]
pub trait StageStore: Send + Sync {
    /// Pauses a stage. One that is paused already stays so with what was said then.
    async fn hold(&self, stage: &str, who: &str, why: &str) -> Result<Holding, StoreError>;

    /// Ends the pause of a stage, and answers which; `None` where there was none.
    async fn release_stage(&self, stage: &str) -> Result<Option<StageHold>, StoreError>;

    /// The stages that are paused by hand, by their names.
    async fn holds(&self) -> Result<Vec<StageHold>, StoreError>;

    /// Writes down what a process says of its stages, in place of what it said before.
    async fn report(&self, process: &ProcessRun, reports: &[StageReport]) -> Result<(), StoreError>;

    /// What processes said of their stages within this time, by stage, host and process.
    async fn reports(&self, within: Duration) -> Result<Vec<SeenReport>, StoreError>;

    /// Forgets what a process said: it has ended in good order.
    async fn forget_process(&self, process: &str) -> Result<(), StoreError>;

    /// Forgets the processes that have said nothing for so long.
    async fn forget_silent(&self, silent_for: Duration) -> Result<(), StoreError>;
}

/// A stage that somebody has paused by hand: no process takes its messages until it is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageHold {
    /// The stage.
    pub stage: String,
    /// Who paused it, as the tool knows them.
    pub who: String,
    /// Why; empty where they did not say.
    pub why: String,
    /// Since when, by the store's clock.
    pub since: DateTime<Utc>,
}

/// The answer to pausing a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Holding {
    /// It is paused from now on.
    Begun(StageHold),
    /// It was paused already, and that pause stands.
    Standing(StageHold),
}

/// One run of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessRun {
    /// Unique to this run.
    pub id: String,
    /// The machine, for people.
    pub host: String,
    /// The process's number there, for people.
    pub pid: u32,
    /// When it started, by its own clock.
    pub started_at: DateTime<Utc>,
}

/// What a process says of one of its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReport {
    /// The stage.
    pub stage: String,
    /// Where it stands with the broker, in a word: `running`, `disconnected`.
    pub broker: String,
    /// Why it stands there, where there is a reason.
    pub broker_why: Option<String>,
    /// Where it is paused by itself: since when, why, and when it probes.
    pub pause: Option<ReportedPause>,
    /// Its bulkheads that are paused by themselves while the others go on, by name.
    pub bulkheads: Vec<ReportedBulkhead>,
    /// Whether it has heard that the stage is paused by hand, and takes nothing any more.
    pub held: bool,
    /// Messages in flight.
    pub in_flight: u64,
    /// Messages handled since the process started.
    pub handled: u64,
}

/// A pause that a process has begun by itself, because what lies downstream is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedPause {
    /// Since when, by the process's clock.
    pub since: DateTime<Utc>,
    /// The error that paused it.
    pub why: String,
    /// When it tries the next message, by the process's clock; a time that has passed is now.
    pub next_probe_at: DateTime<Utc>,
}

/// A bulkhead of a stage that a process has paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedBulkhead {
    /// Its name: the tenant's.
    pub bulkhead: String,
    /// Since when, why, and when it probes.
    pub pause: ReportedPause,
}

/// What a process said, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenReport {
    /// The process.
    pub process: ProcessRun,
    /// What it said.
    pub report: StageReport,
    /// When it said so, by the store's clock.
    pub seen_at: DateTime<Utc>,
    /// How long ago that is, by the store's clock.
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

    async fn forget_process(&self, process: &str) -> Result<(), StoreError> {
        self.write(Statement::new("delete from stage_report where process = $1").text(process)).await
    }

    async fn forget_silent(&self, silent_for: Duration) -> Result<(), StoreError> {
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
            .optional_text(write_bulkheads(&report.bulkheads).as_deref())
    })
}

/// What was said after now was said before the clock was set back: who still runs says it again.
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
            bulkheads: read_bulkheads(row.optional("lanes")?)?,
            held: row.get("held")?,
            in_flight: row.get("in_hand")?,
            handled: row.get("handled")?,
        },
        seen_at: row.get("seen_at")?,
        silent_for: row.get("silent_for")?,
    })
}

/// A paused bulkhead in the column `lanes`; times are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeptBulkhead {
    lane: String,
    since: i64,
    why: String,
    next_probe_at: i64,
}

/// As JSON; `None` where there are none.
fn write_bulkheads(bulkheads: &[ReportedBulkhead]) -> Option<String> {
    let kept = bulkheads.iter().map(|ReportedBulkhead { bulkhead, pause }| KeptBulkhead {
        lane: bulkhead.clone(),
        since: pause.since.timestamp_millis(),
        why: pause.why.clone(),
        next_probe_at: pause.next_probe_at.timestamp_millis(),
    });
    let kept: Vec<_> = kept.collect();
    (!kept.is_empty()).then(|| serde_json::to_string(&kept).expect("texts and numbers are JSON"))
}

fn read_bulkheads(text: Option<String>) -> Result<Vec<ReportedBulkhead>, DecodeError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let error = DecodeError { column: "lanes", expected: "paused bulkheads" };
    let bulkhead = |kept: KeptBulkhead| {
        let since = DateTime::from_timestamp_millis(kept.since)?;
        let next_probe_at = DateTime::from_timestamp_millis(kept.next_probe_at)?;
        let pause = ReportedPause { since, why: kept.why, next_probe_at };
        Some(ReportedBulkhead { bulkhead: kept.lane, pause })
    };
    let kept: Vec<KeptBulkhead> = serde_json::from_str(&text).map_err(|_| error)?;
    kept.into_iter().map(bulkhead).collect::<Option<_>>().ok_or(error)
}
