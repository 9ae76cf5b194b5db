//! What a stage is doing, for `/readyz` and for logs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
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
    /// The broker blocks what we publish: it is out of memory or disk.
    Blocked,
    /// Finishing what is in hand.
    Stopping,
}

/// Why a stage takes no messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pause {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The error that paused it.
    pub why: String,
}

/// What one stage of this process is doing.
#[derive(Debug)]
pub struct StageStatus {
    /// The stage.
    pub stage: &'static str,
    state: Mutex<StageState>,
    pause: Mutex<Option<Pause>>,
    in_hand: AtomicUsize,
    handled: AtomicU64,
    passed_over: AtomicU64,
}

impl StageStatus {
    /// A stage that has not started.
    pub fn new(stage: &'static str) -> Self {
        Self {
            stage,
            state: Mutex::default(),
            pause: Mutex::default(),
            in_hand: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
        }
    }

    /// Where it stands with the broker.
    pub fn state(&self) -> StageState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why it takes no messages, where it takes none.
    pub fn pause(&self) -> Option<Pause> {
        self.pause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Messages in hand.
    pub fn in_hand(&self) -> usize {
        self.in_hand.load(Ordering::Relaxed)
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
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Shows whether the broker blocks what we publish, where nothing worse is to be shown.
    pub(crate) fn show_blocked(&self, blocked: bool) {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*state, blocked) {
            (StageState::Running, true) => *state = StageState::Blocked,
            (StageState::Blocked, false) => *state = StageState::Running,
            _ => {}
        }
    }

    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        *self.pause.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    pub(crate) fn taken(&self) {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn one_passed_over(&self) {
        self.passed_over.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn finished(&self) {
        self.in_hand.fetch_sub(1, Ordering::Relaxed);
        self.handled.fetch_add(1, Ordering::Relaxed);
    }
}
