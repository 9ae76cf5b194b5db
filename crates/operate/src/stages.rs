//! Status of the stages over all processes, and pausing them by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use sync_store::{
    Holding, NewAuditEntry, ReportedBulkhead, ReportedPause, SeenReport, StageHold, StoreError, SyncStore,
};

use crate::Stage;

/// How often a process reports its stages; it also reports every change at once.
pub const REPORT_EVERY: Duration = Duration::from_secs(3);

/// A process that has not reported for so long is down, or cannot reach the store.
pub const RUNS_WITHIN: Duration = Duration::from_secs(10);

/// A process that has not reported for so long is no longer listed as missing.
pub const MISSING_WITHIN: Duration = Duration::from_secs(3_600);

/// Status of a stage over all its processes.
#[derive(Clone, Debug)]
pub struct StageStatus {
    /// Its definition.
    pub stage: Stage,
    /// Pause by hand.
    pub hold: Option<StageHold>,
    /// Processes that reported within [`RUNS_WITHIN`].
    pub running: Vec<SeenReport>,
    /// Processes that reported within [`MISSING_WITHIN`], and not since: killed, or without access to the store,
    /// in which case they continue as they were.
    pub missing: Vec<SeenReport>,
}

impl StageStatus {
    /// Over all running processes.
    pub fn in_flight(&self) -> u64 {
        self.running.iter().map(|seen| seen.report.in_flight).sum()
    }

    /// Messages handled by the running processes since each of them started.
    pub fn handled(&self) -> u64 {
        self.running.iter().map(|seen| seen.report.handled).sum()
    }

    /// Processes that have paused by themselves, each with its pause.
    pub fn paused_by_themselves(&self) -> impl Iterator<Item = (&SeenReport, &ReportedPause)> {
        self.running.iter().filter_map(|seen| Some((seen, seen.report.pause.as_ref()?)))
    }

    /// Paused tenants of a process that handles other tenants' messages, each with its pause.
    pub fn paused_tenants(&self) -> impl Iterator<Item = (&SeenReport, &ReportedBulkhead)> {
        self.running
            .iter()
            .flat_map(|seen| seen.report.bulkheads.iter().map(move |bulkhead| (seen, bulkhead)))
    }

    /// Why messages of some tenants wait while the stage runs, one reason a tenant.
    pub fn why_tenants_wait(&self) -> Vec<WhyPaused> {
        let mut by_tenant: BTreeMap<&str, Vec<&ReportedPause>> = BTreeMap::new();
        for (_, bulkhead) in self.paused_tenants() {
            by_tenant.entry(&bulkhead.bulkhead).or_default().push(&bulkhead.pause);
        }
        let whys = by_tenant.into_iter().filter_map(|(tenant, pauses)| {
            let whose = format!("tenant {tenant} ");
            why_paused_by_itself(&whose, &pauses, self.running.len())
        });
        whys.collect()
    }

    /// Processes that do not follow the current pause or resumption yet. One that is stopping consumes nothing
    /// in either case.
    pub fn behind(&self) -> impl Iterator<Item = &SeenReport> {
        let held = self.hold.is_some();
        self.running.iter().filter(move |seen| seen.report.held != held && seen.report.broker != "stopping")
    }

    /// Why its messages wait, in all or some processes; `None` if they do not.
    pub fn why_paused(&self) -> Option<WhyPaused> {
        why_paused(self.hold.as_ref(), &self.running)
    }
}

/// Why a stage consumes nothing. `Display` includes the error: for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyPaused {
    /// Since when; of a pause by hand also by whom and why.
    pub text: String,
    /// What failed, if the stage has paused automatically. May quote a service's answer, and so personal data.
    pub error: Option<String>,
}

impl fmt::Display for WhyPaused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.error.as_ref().map_or(Ok(()), |error| write!(f, ": {error}"))
    }
}

fn why_paused(hold: Option<&StageHold>, running: &[SeenReport]) -> Option<WhyPaused> {
    if let Some(hold) = hold {
        let why = if hold.why.is_empty() { String::new() } else { format!(": {}", hold.why) };
        let text = format!("paused by {} since {}{why}", hold.who, time(hold.since));
        return Some(WhyPaused { text, error: None });
    }
    let paused: Vec<_> = running.iter().filter_map(|seen| seen.report.pause.as_ref()).collect();
    why_paused_by_itself("", &paused, running.len())
}

fn why_paused_by_itself(whose: &str, paused: &[&ReportedPause], running: usize) -> Option<WhyPaused> {
    let first = paused.iter().min_by_key(|pause| pause.since)?;
    let whole = match (paused.len(), running) {
        (1, 1) => String::new(),
        (some, all) => format!(" in {some} of {all} processes"),
    };
    let text = format!("{whose}paused automatically{whole} since {}", time(first.since));
    Some(WhyPaused { text, error: Some(first.why.clone()) })
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Status of these stages, in their order; processes in the order of their hosts.
///
/// # Errors
/// The store cannot be read.
pub async fn status(store: &dyn SyncStore, stages: &[Stage]) -> Result<Vec<StageStatus>, StoreError> {
    let mut holds = store.holds().await?;
    let mut seen = store.reports(MISSING_WITHIN).await?;
    let now = stages.iter().map(|stage| {
        let hold = holds.extract_if(.., |hold| hold.stage == stage.name).next();
        let of_stage = seen.extract_if(.., |seen| seen.report.stage == stage.name);
        let (running, missing) = of_stage.partition(|seen| seen.silent_for < RUNS_WITHIN);
        StageStatus { stage: stage.clone(), hold, running, missing }
    });
    Ok(now.collect())
}

/// [`StageStatus::why_paused`] of one stage by its name.
///
/// # Errors
/// The store cannot be read.
pub async fn is_paused(store: &dyn SyncStore, stage: &str) -> Result<Option<String>, StoreError> {
    let hold = hold(store, stage).await?;
    let mut running = store.reports(RUNS_WITHIN).await?;
    running.retain(|seen| seen.report.stage == stage);
    Ok(why_paused(hold.as_ref(), &running).map(|why| why.to_string()))
}

/// Pauses a stage by hand and writes that to the audit log. An existing pause by hand stands, and nothing is
/// written.
///
/// # Errors
/// The store cannot be used.
pub async fn pause(store: &dyn SyncStore, stage: &str, who: &str, why: &str) -> Result<Holding, StoreError> {
    if let Some(standing) = hold(store, stage).await? {
        return Ok(Holding::Standing(standing));
    }
    store.write_audit(&NewAuditEntry { who, act: "pause", stage, letters: &[], detail: why }).await?;
    store.hold(stage, who, why).await
}

/// Ends a pause by hand, writes that to the audit log, and returns it; `None` if the stage was not paused by
/// hand, and nothing is written. A pause that a process began by itself continues.
///
/// # Errors
/// The store cannot be used.
pub async fn resume(store: &dyn SyncStore, stage: &str, who: &str) -> Result<Option<StageHold>, StoreError> {
    if hold(store, stage).await?.is_none() {
        return Ok(None);
    }
    store.write_audit(&NewAuditEntry { who, act: "resume", stage, letters: &[], detail: "" }).await?;
    store.release_stage(stage).await
}

async fn hold(store: &dyn SyncStore, stage: &str) -> Result<Option<StageHold>, StoreError> {
    Ok(store.holds().await?.into_iter().find(|hold| hold.stage == stage))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use sync_store::{ProcessRun, StageReport};

    use super::*;

    fn seen(held: bool, paused: Option<(i64, &str)>) -> SeenReport {
        let at = |second| DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time");
        let pause = paused.map(|(second, why)| ReportedPause {
            since: at(second),
            why: why.to_owned(),
            next_probe_at: at(second) + TimeDelta::seconds(1),
        });
        let process = ProcessRun { id: "a".into(), host: "till-7".into(), pid: 1, started_at: at(0) };
        let (stage, broker) = ("upload".to_owned(), "running".to_owned());
        let report = StageReport {
            stage,
            broker,
            broker_why: None,
            pause,
            bulkheads: Vec::new(),
            held,
            in_flight: 2,
            handled: 40,
        };
        SeenReport { process, report, seen_at: at(0), silent_for: Duration::ZERO }
    }

    fn now(hold: Option<&str>, running: Vec<SeenReport>) -> StageStatus {
        let since = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        let hold = hold.map(|why| StageHold {
            stage: "upload".to_owned(),
            who: "kari".to_owned(),
            why: why.to_owned(),
            since,
        });
        let stage = Stage::new("upload", "uploads");
        StageStatus { stage, hold, running, missing: Vec::new() }
    }

    #[test]
    fn describes_why_a_stage_is_paused() {
        let why =
            |hold, running| now(hold, running).why_paused().map(|why| why.to_string()).unwrap_or_default();
        let (away, refused) = (Some((7, "Omnium answered 503")), Some((5, "Omnium cannot be reached")));
        assert_eq!(why(None, vec![seen(false, None)]), "");
        assert_eq!(why(Some(""), vec![]), "paused by kari since 2027-01-15T08:00:00Z");
        assert_eq!(
            why(Some("Omnium moves"), vec![seen(true, away)]),
            "paused by kari since 2027-01-15T08:00:00Z: Omnium moves"
        );
        assert_eq!(
            why(None, vec![seen(false, away)]),
            "paused automatically since 2027-01-15T08:00:07Z: Omnium answered 503"
        );
        assert_eq!(
            why(None, vec![seen(false, away), seen(false, None), seen(false, refused)]),
            "paused automatically in 2 of 3 processes since 2027-01-15T08:00:05Z: Omnium cannot be reached"
        );
    }

    #[test]
    fn describes_each_paused_tenant() {
        let with = |bulkheads: &[(&str, i64)]| {
            let mut seen = seen(false, Some((0, "Omnium answered 503")));
            let pause = seen.report.pause.take().expect("it was given");
            let bulkhead = |(bulkhead, second): &(&str, i64)| ReportedBulkhead {
                bulkhead: (*bulkhead).to_owned(),
                pause: ReportedPause { since: pause.since + TimeDelta::seconds(*second), ..pause.clone() },
            };
            seen.report.bulkheads = bulkheads.iter().map(bulkhead).collect();
            seen
        };
        let now = now(None, vec![with(&[("7", 9)]), with(&[("7", 5), ("8", 6)])]);
        let told: Vec<_> = now.why_tenants_wait().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "tenant 7 paused automatically in 2 of 2 processes since 2027-01-15T08:00:05Z: Omnium answered 503",
                "tenant 8 paused automatically in 1 of 2 processes since 2027-01-15T08:00:06Z: Omnium answered 503",
            ]
        );
        assert_eq!(now.why_paused(), None, "the stage goes on");
    }

    #[test]
    fn sums_processes_and_finds_those_behind() {
        let paused = now(Some(""), vec![seen(true, None), seen(false, None)]);
        assert_eq!((paused.in_flight(), paused.handled(), paused.behind().count()), (4, 80, 1));
        let resumed = now(None, vec![seen(true, None), seen(false, None), seen(true, None)]);
        assert_eq!(resumed.behind().count(), 2);

        let mut stopping = seen(false, None);
        stopping.report.broker = "stopping".to_owned();
        assert_eq!(now(Some(""), vec![stopping]).behind().count(), 0, "it takes nothing as it is");
    }
}
