//! What a process reports of its stages to the store, and the holds that it reads there: one task for all of
//! its stages.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::{Hold, Pause, StageState, StageStatus, chain};
use chrono::Utc;
use config::Secret;
use operate::stages::{MISSING_WITHIN, REPORT_EVERY};
use sync_store::{
    ProcessRun, ReportedBulkhead, ReportedPause, StageReport, StoreError, SyncStore, connect_to_existing,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::settings::StoreSettings;
use crate::who::host;

/// How often the holds are read: whoever pauses a stage waits for this.
const READ_EVERY: Duration = Duration::from_secs(1);

/// How often the stages are looked at, without the store, for something new to say.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long after it could not be opened the store is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// How often the processes are forgotten that have said nothing for long.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How long to wait for an answer of the store, at the start of a process too.
const TIMEOUT: Duration = Duration::from_secs(4);

/// How long the end of a process waits for the store.
const GOODBYE: Duration = Duration::from_secs(2);

/// Reports the stages of this process, and reads the holds of operators.
pub struct Reporter {
    process: ProcessRun,
    holds: Vec<(&'static str, watch::Sender<Option<Hold>>)>,
    url: Option<Secret>,
    store: Option<Arc<dyn SyncStore>>,
    /// Whether it was logged that holds cannot be read.
    unread: bool,
}

impl Reporter {
    /// Reads which of these stages are held, before any of them takes a message. A process
    /// that has no store for its own work opens it for this alone, and goes without where it cannot.
    pub async fn begin(
        settings: &StoreSettings,
        store: Option<Arc<dyn SyncStore>>,
        stages: impl Iterator<Item = &'static str>,
    ) -> Self {
        let (id, pid, started_at) = (Uuid::new_v4().to_string(), std::process::id(), Utc::now());
        let process = ProcessRun { id, host: host(), pid, started_at };
        let holds = stages.map(|stage| (stage, watch::Sender::new(None))).collect();
        let mut reporter = Self { process, holds, url: settings.url().ok(), store, unread: false };
        reporter.read_holds().await;
        reporter
    }

    /// Who has paused a stage by hand, now and from now on.
    pub fn hold(&self, stage: &str) -> watch::Receiver<Option<Hold>> {
        let (_, hold) =
            self.holds.iter().find(|(name, _)| *name == stage).expect("it was named at the start");
        hold.subscribe()
    }

    /// Reports on these stages, and reads holds, until [`Reporting::end`].
    pub fn report_on(mut self, statuses: Vec<Arc<StageStatus>>) -> Reporting {
        let end = CancellationToken::new();
        let ended = end.clone();
        let task = tokio::spawn(async move {
            ended.run_until_cancelled(self.go_on(&statuses)).await;
            self.say_goodbye().await;
        });
        Reporting { end, task }
    }

    async fn go_on(&mut self, statuses: &[Arc<StageStatus>]) -> std::convert::Infallible {
        let mut look = interval(LOOK_EVERY);
        let mut read = Instant::now();
        let (mut said, mut forgot) = (None::<(Instant, Vec<StageReport>)>, None::<Instant>);
        loop {
            look.tick().await;
            let read_every = if self.store.is_some() { READ_EVERY } else { OPEN_AGAIN };
            if read.elapsed() >= read_every {
                self.read_holds().await;
                read = Instant::now();
            }
            let Some(store) = &self.store else { continue };
            let reports: Vec<_> = statuses.iter().map(|status| report(status)).collect();
            let is_due = said.as_ref().is_none_or(|(at, said)| {
                at.elapsed() >= REPORT_EVERY || said.iter().map(state).ne(reports.iter().map(state))
            });
            if is_due {
                if let Err(error) = store.report(&self.process, &reports).await {
                    tracing::debug!(error = chain(&error), "could not report the status of the stages");
                }
                said = Some((Instant::now(), reports));
            }
            if forgot.is_none_or(|forgot| forgot.elapsed() >= FORGET_EVERY) {
                if let Err(error) = store.remove_old_reports(MISSING_WITHIN).await {
                    tracing::debug!(error = chain(&error), "could not remove silent processes");
                }
                forgot = Some(Instant::now());
            }
        }
    }

    /// Reads the holds. Where they cannot be read, all goes on as it was.
    async fn read_holds(&mut self) {
        let holds = match timeout(TIMEOUT, self.holds_of_store()).await {
            Ok(Ok(holds)) => holds,
            Ok(Err(error)) => return self.log_unread(&chain(&error)),
            Err(_) => return self.log_unread("the store did not answer in time"),
        };
        if std::mem::take(&mut self.unread) {
            tracing::info!("operators' pauses are read again");
        }
        for (stage, held) in &self.holds {
            let hold = holds.iter().find(|hold| hold.stage == *stage);
            let hold =
                hold.map(|hold| Hold { since: hold.since, who: hold.who.clone(), why: hold.why.clone() });
            held.send_if_modified(|held| {
                let is_news = *held != hold;
                *held = hold;
                is_news
            });
        }
    }

    async fn holds_of_store(&mut self) -> Result<Vec<sync_store::StageHold>, StoreError> {
        let store = match &self.store {
            Some(store) => store,
            None => {
                let url =
                    self.url.as_ref().ok_or(StoreError::BadUrl { problem: "its file cannot be read" })?;
                self.store.insert(connect_to_existing(url).await?)
            }
        };
        store.holds().await
    }

    /// Logs it once, until they can be read again.
    fn log_unread(&mut self, error: &str) {
        if !std::mem::replace(&mut self.unread, true) {
            tracing::warn!(
                error,
                "operators' pauses cannot be read, and all stages continue unchanged; retrying the store (BILAG_DATABASE_URL)"
            );
        }
    }

    async fn say_goodbye(&self) {
        let Some(store) = &self.store else { return };
        let forgotten = timeout(GOODBYE, store.remove_reports_of(&self.process.id)).await;
        if !matches!(forgotten, Ok(Ok(()))) {
            tracing::debug!("could not report the end of this process");
        }
    }
}

/// The task that reports.
pub struct Reporting {
    end: CancellationToken,
    task: JoinHandle<()>,
}

impl Reporting {
    /// Ends it: the process has no stages any more, and nobody misses it.
    pub async fn end(self) {
        self.end.cancel();
        // A panic there has been told, and takes nothing along.
        let _ = self.task.await;
    }
}

/// What is said at once where it changes: all but the counts.
fn state(report: &StageReport) -> StageReport {
    StageReport { in_flight: 0, handled: 0, ..report.clone() }
}

fn report(status: &StageStatus) -> StageReport {
    let (broker, broker_why) = match status.state() {
        StageState::Starting => ("starting", None),
        StageState::Disconnected(why) => ("disconnected", Some(why)),
        StageState::Running => ("running", None),
        StageState::Blocked(alarm) => ("blocked", Some(alarm)),
        StageState::Stopping => ("stopping", None),
    };
    let reported = |Pause { since, why, next_probe_at }: Pause| ReportedPause { since, why, next_probe_at };
    let all = |paused: BTreeMap<String, Pause>| {
        let paused = paused.into_iter();
        paused.map(|(bulkhead, pause)| ReportedBulkhead { bulkhead, pause: reported(pause) }).collect()
    };
    StageReport {
        stage: status.stage.to_owned(),
        broker: broker.to_owned(),
        broker_why,
        pause: status.pause().map(reported),
        bulkheads: all(status.paused_bulkheads()),
        scopes: all(status.paused_scopes()),
        held: status.hold().is_some(),
        in_flight: u64::try_from(status.in_flight()).unwrap_or(u64::MAX),
        handled: status.handled(),
    }
}
