//! What is measured of a stage: what OpenTelemetry's conventions for messaging have, under their names,
//! and the rest under `bilag.`. Attributes have few values: a stage, a reason, never a message's.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram, Meter};
use opentelemetry::{KeyValue, global};

use crate::{Failure, Reached, Reason, StageState, StageStatus};

/// Seconds. Finer than the conventions' where reading and rendering are, and up to the ten seconds for
/// which a delivery is held at most, with what goes before and after.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The outcome of a message that could be neither passed on nor put aside.
pub(crate) const NOT_SETTLED: &str = "not_settled";

/// The outcome of a message whose time has not come: no failure.
pub(crate) const WAITS: &str = "waits";

/// One stage's instruments.
pub(crate) struct Metrics {
    stage: &'static str,
    about: [KeyValue; 4],
    consumed: Counter<u64>,
    duration: Histogram<f64>,
    retried: Counter<u64>,
    dead: Counter<u64>,
}

impl Metrics {
    /// Of a stage and its queue. They measure for whoever collects when they are made.
    pub(crate) fn of(stage: &'static str, queue: &str) -> Self {
        let meter = meter();
        Self {
            stage,
            about: [
                KeyValue::new("messaging.system", "rabbitmq"),
                KeyValue::new("messaging.operation.name", "process"),
                // The routing keys of others may be any number; the queue is the same for all of them.
                KeyValue::new("messaging.destination.name", queue.to_owned()),
                of_stage(stage),
            ],
            consumed: meter
                .u64_counter("messaging.client.consumed.messages")
                .with_unit("{message}")
                .with_description("Messages that were delivered to the stage, each time anew")
                .build(),
            duration: meter
                .f64_histogram("messaging.process.duration")
                .with_unit("s")
                .with_description("From a message in flight to the confirm of what follows from it")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            retried: meter
                .u64_counter("bilag.messages.retried")
                .with_unit("{message}")
                .with_description("Messages put into a retry queue, by why they were")
                .build(),
            dead: dead(&meter),
        }
    }

    /// A message was delivered.
    pub(crate) fn delivered(&self) {
        self.consumed.add(1, &self.about);
    }

    /// A message was handled, and ended with this error where it did.
    pub(crate) fn processed(&self, took: Duration, error: Option<&'static str>) {
        let error = error.map(|error| KeyValue::new("error.type", error));
        let about: Vec<_> = self.about.iter().cloned().chain(error).collect();
        self.duration.record(took.as_secs_f64(), &about);
    }

    /// A message is in a retry queue.
    pub(crate) fn retried(&self, why: Retried) {
        let why = match why {
            Retried::Failed => "failed",
            Retried::Waits => WAITS,
            Retried::Unavailable => "unavailable",
            Retried::Paused => "paused",
        };
        self.retried.add(1, &[of_stage(self.stage), KeyValue::new("bilag.retry.why", why)]);
    }

    /// A message is among the dead letters.
    pub(crate) fn dead_lettered(&self, reason: Reason) {
        self.dead.add(1, &of_dead_letter(self.stage, reason.as_str()));
    }
}

/// Why a message is in a retry queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retried {
    /// It failed, and has spent an attempt.
    Failed,
    /// Its time has not come.
    Waits,
    /// The downstream fails for all messages.
    Unavailable,
    /// It was not handled: the stage, or its bulkhead, is paused.
    Paused,
}

impl Retried {
    /// Of a message that was handled.
    pub(crate) fn why(failure: &Failure, spent: bool) -> Self {
        match failure {
            _ if spent => Self::Failed,
            Failure::Wait { .. } => Self::Waits,
            _ => Self::Unavailable,
        }
    }
}

/// Counts a dead letter that the broker has made by itself: no stage decided about it. `stage` and
/// `reason` must be of those that the chain knows.
pub fn count_dead_by_broker(stage: &'static str, reason: &'static str) {
    dead(&meter()).add(1, &of_dead_letter(stage, reason));
}

/// The error that a failure is measured as: why it is rejected, or what is wrong downstream.
pub(crate) fn error_type(failure: &Failure) -> &'static str {
    match failure {
        Failure::Reject { reason, .. } => reason.as_str(),
        Failure::Retry { .. } => "failed",
        Failure::Wait { .. } => WAITS,
        Failure::Unavailable { reached, .. } => match reached {
            Reached::Never => "unreached",
            Reached::Perhaps => "unavailable",
            Reached::Forbidden => "forbidden",
        },
    }
}

/// Shows what a stage is doing, as long as it does anything.
pub(crate) fn watch(status: &Arc<StageStatus>) {
    let meter = meter();
    let shows = |name, unit, description, by: Option<&'static str>, value: fn(&StageStatus) -> usize| {
        let seen = Arc::downgrade(status);
        let by = by.map(|by| KeyValue::new("bilag.pause.by", by));
        let about: Vec<_> = [of_stage(status.stage)].into_iter().chain(by).collect();
        meter
            .u64_observable_gauge(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |observer| {
                if let Some(status) = seen.upgrade() {
                    observer.observe(value(&status).try_into().unwrap_or(u64::MAX), &about);
                }
            })
            .build();
    };
    let in_flight = "Messages that the stage is at work on";
    shows("bilag.messages.in_hand", "{message}", in_flight, None, StageStatus::in_flight);
    let bulkheads = "Tenants and stores whose messages wait while the stage handles those of others";
    shows("bilag.stage.lanes_paused", "{lane}", bulkheads, None, |status| {
        status.paused_bulkheads().len() + status.paused_scopes().len()
    });
    let paused = "Whether the stage takes no messages, and whose pause it is: 1 or 0";
    let by_itself = |status: &StageStatus| usize::from(status.pause().is_some());
    shows("bilag.stage.paused", "{stage}", paused, Some("itself"), by_itself);
    let by_hand = |status: &StageStatus| usize::from(status.hold().is_some());
    shows("bilag.stage.paused", "{stage}", paused, Some("hand"), by_hand);
    let connected = "Whether the stage has the broker, and the broker takes what it publishes: 1 or 0";
    let is_running = |status: &StageStatus| usize::from(status.state() == StageState::Running);
    shows("bilag.stage.connected", "{stage}", connected, None, is_running);
}

fn meter() -> Meter {
    global::meter("bilag")
}

fn dead(meter: &Meter) -> Counter<u64> {
    meter
        .u64_counter("bilag.messages.dead")
        .with_unit("{message}")
        .with_description("Messages that became dead letters, by the reason")
        .build()
}

fn of_stage(stage: &'static str) -> KeyValue {
    KeyValue::new("bilag.stage", stage)
}

fn of_dead_letter(stage: &'static str, reason: &'static str) -> [KeyValue; 2] {
    [of_stage(stage), KeyValue::new("bilag.reason", reason)]
}
