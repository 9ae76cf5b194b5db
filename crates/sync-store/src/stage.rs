//! Stages: those that somebody has paused by hand, and what each process says of its own.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::StoreError;

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
