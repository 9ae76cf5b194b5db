//! Stages: pauses by hand, and what processes say.

use std::time::Duration;

use async_trait::async_trait;

use crate::sql::lanes;
use crate::sql::{Database, Dialect, Row, SqlStore, Statement, Surprise};
use crate::{Holding, ProcessRun, ReportedPause, SeenReport, StageHold, StageReport, StageStore, StoreError};

#[async_trait]
impl<D: Database> StageStore for SqlStore<D> {
    async fn hold(&self, stage: &str, who: &str, why: &str) -> Result<Holding, StoreError> {
        // A second turn is needed only where the pause that stood has been ended meanwhile.
        loop {
            let rows = self.0.write(hold(self.0.dialect(), stage, who, why)).await?;
            if let Some(begun) = self.first(rows, read_hold)? {
                return Ok(Holding::Begun(begun));
            }
            if let Some(standing) = self.holds().await?.into_iter().find(|hold| hold.stage == stage) {
                return Ok(Holding::Standing(standing));
            }
        }
    }

    async fn release_stage(&self, stage: &str) -> Result<Option<StageHold>, StoreError> {
        let rows = self.0.write(release(stage)).await?;
        self.first(rows, read_hold)
    }

    async fn holds(&self) -> Result<Vec<StageHold>, StoreError> {
        let rows =
            self.0.read(Statement::new(format!("select {HOLD} from stage_hold order by stage"))).await?;
        self.each(rows, read_hold)
    }

    async fn report(&self, process: &ProcessRun, reports: &[StageReport]) -> Result<(), StoreError> {
        if reports.is_empty() {
            return Ok(());
        }
        self.0.write(report(self.0.dialect(), process, reports)).await.map(drop)
    }

    async fn reports(&self, within: Duration) -> Result<Vec<SeenReport>, StoreError> {
        let rows = self.0.read(seen(self.0.dialect(), within)).await?;
        self.each(rows, read_seen)
    }

    async fn forget_process(&self, process: &str) -> Result<(), StoreError> {
        let forget = Statement::new("delete from stage_report where process = $1").text(process);
        self.0.write(forget).await.map(drop)
    }

    async fn forget_silent(&self, silent_for: Duration) -> Result<(), StoreError> {
        let now = self.0.dialect().now();
        let forget = format!("delete from stage_report where abs({now} - seen_at) >= $1");
        self.0.write(Statement::new(forget).duration(silent_for)).await.map(drop)
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

fn release(stage: &str) -> Statement {
    Statement::new(format!("delete from stage_hold where stage = $1 returning {HOLD}")).text(stage)
}

fn read_hold(row: &mut Row) -> Result<StageHold, Surprise> {
    Ok(StageHold { stage: row.text()?, who: row.text()?, why: row.text()?, since: row.time()? })
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
            .optional_text(lanes::write(&report.bulkheads).as_deref())
    })
}

/// What was said after now was said before the clock was set back: who still runs says it again.
fn seen(dialect: Dialect, within: Duration) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select {REPORT}, seen_at, {now} - seen_at from stage_report
         where abs({now} - seen_at) < $1
         order by stage, host, started_at, process"
    ))
    .duration(within)
}

fn read_seen(row: &mut Row) -> Result<SeenReport, Surprise> {
    let process =
        ProcessRun { id: row.text()?, host: row.text()?, pid: row.count()?, started_at: row.time()? };
    let (stage, broker, broker_why) = (row.text()?, row.text()?, row.optional_text()?);
    let pause = match (row.optional_time()?, row.optional_text()?, row.optional_time()?) {
        (Some(since), Some(why), Some(next_probe_at)) => Some(ReportedPause { since, why, next_probe_at }),
        _ => None,
    };
    let held = row.int()? != 0;
    let (in_flight, handled, bulkheads) = (row.count()?, row.count()?, lanes::read(row.optional_text()?)?);
    let report = StageReport { stage, broker, broker_why, pause, bulkheads, held, in_flight, handled };
    // A clock that was set back makes no silence.
    let (seen_at, silent_for) = (row.time()?, row.int()?.max(0).unsigned_abs());
    Ok(SeenReport { process, report, seen_at, silent_for: Duration::from_millis(silent_for) })
}
