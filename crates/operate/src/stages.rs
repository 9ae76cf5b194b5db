//! Status of the stages over all processes, and pausing them by hand.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use consumer::store_scope;
use sync_store::{Holding, Key, NewAuditEntry, ReportedPause, SeenReport, StageHold, StoreError, SyncStore};

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

    /// Paused tenants and stores of a process that handles other messages, each in words, with its pause.
    pub fn paused_parts(&self) -> impl Iterator<Item = (&SeenReport, String, &ReportedPause)> {
        self.paused_tenants().chain(self.paused_stores())
    }

    fn paused_tenants(&self) -> impl Iterator<Item = (&SeenReport, String, &ReportedPause)> {
        let all = self
            .running
            .iter()
            .flat_map(|seen| seen.report.bulkheads.iter().map(move |paused| (seen, paused)));
        all.map(|(seen, paused)| (seen, format!("tenant {}", paused.bulkhead), &paused.pause))
    }

    fn paused_stores(&self) -> impl Iterator<Item = (&SeenReport, String, &ReportedPause)> {
        let all =
            self.running.iter().flat_map(|seen| seen.report.scopes.iter().map(move |paused| (seen, paused)));
        all.map(|(seen, paused)| (seen, paused.bulkhead.clone(), &paused.pause))
    }

    /// Why messages of some tenants wait while the stage runs, one reason a tenant.
    pub fn why_tenants_wait(&self) -> Vec<WhyPaused> {
        self.why_parts_wait(self.paused_tenants())
    }

    /// Why messages of some stores wait while the stage runs, one reason a store.
    pub fn why_stores_wait(&self) -> Vec<WhyPaused> {
        self.why_parts_wait(self.paused_stores())
    }

    fn why_parts_wait<'a>(
        &'a self,
        paused: impl Iterator<Item = (&'a SeenReport, String, &'a ReportedPause)>,
    ) -> Vec<WhyPaused> {
        let mut by_part: BTreeMap<String, Vec<&ReportedPause>> = BTreeMap::new();
        for (_, part, pause) in paused {
            by_part.entry(part).or_default().push(pause);
        }
        let whys = by_part.into_iter().filter_map(|(part, pauses)| {
            why_paused_by_itself(&format!("{part} "), &pauses, self.running.len())
        });
        whys.collect()
    }

    /// The broker's alarm, if it blocks one of the processes.
    pub fn alarm(&self) -> Option<&str> {
        let mut blocked = self.running.iter().filter(|seen| seen.report.broker == "blocked");
        blocked.next().map(|seen| seen.report.broker_why.as_deref().unwrap_or("unknown"))
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

/// What holds up a receipt that is on its way to a target: pauses of the stages before it, of its tenant and of its
/// store (its uid, where it is known), and the broker's alarms.
pub fn holding_up(stages: &[StageStatus], target: &str, key: &Key, store: Option<&str>) -> Vec<WhyPaused> {
    let is_ahead = |now: &&StageStatus| {
        now.stage.name == "render" || now.stage.target.as_ref().is_some_and(|is| is.as_str() == target)
    };
    let tenant = format!("tenant {} ", key.tenant_uid);
    let store = store.map(|store| format!("{} ", store_scope(&key.tenant_uid, store)));
    let mut held = Vec::new();
    for now in stages.iter().filter(is_ahead) {
        let name = now.stage.name;
        let of = |link: &str, why: WhyPaused| WhyPaused { text: format!("{name}{link} {}", why.text), ..why };
        held.extend(now.why_paused().map(|why| of(" is", why)));
        let tenants = now.why_tenants_wait().into_iter().filter(|why| why.text.starts_with(&tenant));
        let stores = now.why_stores_wait().into_iter();
        let stores = stores.filter(|why| store.as_ref().is_some_and(|store| why.text.starts_with(store)));
        held.extend(tenants.chain(stores).map(|why| of(":", why)));
        held.extend(now.alarm().map(|alarm| WhyPaused {
            text: format!("{name} is blocked by the broker's alarm: {alarm}"),
            error: None,
        }));
    }
    held
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
    use events::Target;
    use sync_store::{ProcessRun, ReportedBulkhead, StageReport};

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
            scopes: Vec::new(),
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

        let mut of_store = with(&[("7", 0)]);
        let pause = of_store.report.bulkheads[0].pause.clone();
        of_store.report.scopes =
            vec![ReportedBulkhead { bulkhead: "store 70 of tenant 31".to_owned(), pause }];
        let now = self::now(None, vec![of_store]);
        let told: Vec<_> = now.why_stores_wait().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["store 70 of tenant 31 paused automatically since 2027-01-15T08:00:00Z: Omnium answered 503"]
        );
        assert_eq!(now.paused_parts().count(), 2);

        let mut upload = now;
        upload.stage.target = Some(Target::new("omnium"));
        let held = |target: &str, tenant: &str, store| {
            let key = Key::new(tenant, "rcpt-1");
            let held = holding_up(std::slice::from_ref(&upload), target, &key, store);
            held.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let since = "paused automatically since 2027-01-15T08:00:00Z: Omnium answered 503";
        assert_eq!(held("omnium", "31", Some("70")), [format!("upload: store 70 of tenant 31 {since}")]);
        assert_eq!(held("omnium", "7", None), [format!("upload: tenant 7 {since}")]);
        assert!(held("omnium", "31", Some("7")).is_empty());
        assert!(held("erp", "7", None).is_empty());
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
