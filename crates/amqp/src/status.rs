//! What a stage is doing, for `/readyz` and for logs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;

/// Where a stage stands with the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state", content = "why")]
pub enum StageState {
    /// Not connected yet, or again; the reason where there is one.
    #[default]
    Starting,
    /// Without a connection, because of this.
    Disconnected(String),
    /// Consuming, or ready to.
    Running,
    /// The broker blocks what we publish: it has this alarm.
    Blocked(String),
    /// Finishing what is in flight.
    Stopping,
}

/// An operator's pause of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Who paused it.
    pub who: String,
    /// Why; empty where they did not say.
    pub why: String,
}

/// Why a stage, or one bulkhead of it, takes no messages by itself: what lies downstream is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The error that paused it.
    pub why: String,
    /// When it tries the next message; one that has passed waits for a message.
    pub next_probe_at: DateTime<Utc>,
}

/// What a circuit breaker is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The whole stage.
    Stage,
    /// The messages of one bulkhead.
    Bulkhead(String),
    /// The messages of one scope, as [`Handler::scope`](crate::Handler::scope) names it.
    Scope(String),
}

/// What one stage of this process is doing.
#[derive(Debug)]
pub struct StageStatus {
    /// The stage.
    pub stage: &'static str,
    state: Mutex<StageState>,
    pauses: Mutex<BTreeMap<Part, Pause>>,
    hold: Mutex<Option<Hold>>,
    in_flight: AtomicUsize,
    handled: AtomicU64,
    passed_over: AtomicU64,
}

impl StageStatus {
    /// A stage that has not started.
    pub fn new(stage: &'static str) -> Self {
        Self {
            stage,
            state: Mutex::default(),
            pauses: Mutex::default(),
            hold: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
        }
    }

    /// Where it stands with the broker.
    pub fn state(&self) -> StageState {
        self.state.lock().clone()
    }

    /// Why it takes no messages by itself, where it takes none.
    pub fn pause(&self) -> Option<Pause> {
        self.pauses.lock().get(&Part::Stage).cloned()
    }

    /// Its bulkheads that are paused by themselves, by name; the others go on.
    pub fn paused_bulkheads(&self) -> BTreeMap<String, Pause> {
        self.paused(|part| match part {
            Part::Bulkhead(name) => Some(name),
            _ => None,
        })
    }

    /// Its scopes that are paused because the downstream forbids what is of them; the others go on.
    pub fn paused_scopes(&self) -> BTreeMap<String, Pause> {
        self.paused(|part| match part {
            Part::Scope(name) => Some(name),
            _ => None,
        })
    }

    fn paused(&self, name: impl Fn(&Part) -> Option<&String>) -> BTreeMap<String, Pause> {
        let pauses = self.pauses.lock();
        pauses.iter().filter_map(|(part, pause)| Some((name(part)?.clone(), pause.clone()))).collect()
    }

    /// Who has paused it by hand and why, once it obeys and takes nothing more.
    pub fn hold(&self) -> Option<Hold> {
        self.hold.lock().clone()
    }

    /// Messages in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Messages handled since the process started.
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Of these, messages that the stage is not for.
    pub fn passed_over(&self) -> u64 {
        self.passed_over.load(Ordering::Relaxed)
    }

    pub(crate) fn set_state(&self, state: StageState) {
        *self.state.lock() = state;
    }

    /// Shows the alarm by which the broker blocks what we publish, where nothing worse is to be shown.
    pub(crate) fn show_alarm(&self, alarm: Option<String>) {
        let state = &mut *self.state.lock();
        match (&*state, alarm) {
            (StageState::Running, Some(alarm)) => *state = StageState::Blocked(alarm),
            (StageState::Blocked(_), None) => *state = StageState::Running,
            _ => {}
        }
    }

    /// The stage, or a part of it, is paused, or goes on.
    pub(crate) fn set_pause(&self, part: &Part, pause: Option<Pause>) {
        let mut pauses = self.pauses.lock();
        match pause {
            Some(pause) => drop(pauses.insert(part.clone(), pause)),
            None => drop(pauses.remove(part)),
        }
    }

    /// The pause goes on, and the next message is tried then.
    pub(crate) fn set_next_probe(&self, part: &Part, at: DateTime<Utc>) {
        if let Some(pause) = self.pauses.lock().get_mut(part) {
            pause.next_probe_at = at;
        }
    }

    pub(crate) fn set_hold(&self, hold: Option<Hold>) {
        let shown = &mut *self.hold.lock();
        let stage = self.stage;
        match (&shown, &hold) {
            (None, Some(Hold { who, why, .. })) => {
                tracing::info!(stage, who, why, "paused by an operator; what is in flight is finished");
            }
            (Some(_), None) => tracing::info!(stage, "resumed by an operator"),
            _ => {}
        }
        *shown = hold;
    }

    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn one_passed_over(&self) {
        self.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.handled.fetch_add(1, Ordering::Relaxed);
    }
}
