//! When a stage, or one bulkhead of it, pauses, probes and goes on: a state machine without I/O, and the layer
//! that has one for the whole stage.
//!
//! RabbitMQ advises to stop consuming while a whole downstream is down, rather than to walk every
//! message through the retry queues. The art is to tell that from one message that always fails:
//! only *different* messages failing in a row are evidence against the downstream.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Handled, Settled};
use crate::{Delay, Extent, Failure, Message, Outcome, Part, Pause, Reached, Reason, StageStatus};

/// The stage's breaker: while it is open, messages wait in the shortest retry queue, and one at a time is a
/// probe.
pub(super) struct CircuitBreakerLayer {
    breaker: Mutex<CircuitBreaker>,
    shortest: Delay,
    status: Arc<StageStatus>,
    tripped: Notify,
}

impl CircuitBreakerLayer {
    pub(super) fn new(shortest: Delay, status: Arc<StageStatus>) -> Self {
        Self { breaker: Mutex::default(), shortest, status, tripped: Notify::new() }
    }

    /// Turns messages away while the stage is paused, but for probes; takes in what the others showed.
    pub(super) async fn layer(
        &self,
        message: &Message,
        is_probe: bool,
        handled: impl Future<Output = Settled<Handled>>,
    ) -> Settled<Handled> {
        if !is_probe && self.breaker.lock().is_paused() {
            return Ok(Handled::Parked(self.shortest));
        }
        Ok(match handled.await? {
            Handled::Ended { result, evidence, paused, scope } => {
                let stage_paused = self.note(evidence, &result, &evidence.key(scope.as_deref(), message));
                Handled::Ended { result, evidence, paused: paused || stage_paused, scope }
            }
            parked => parked,
        })
    }

    pub(super) fn permit(&self, now: Instant) -> Permit {
        self.breaker.lock().permit(now)
    }

    /// Returns once the stage has paused.
    pub(super) async fn tripped(&self) {
        self.tripped.notified().await;
    }

    /// Whether the stage is paused with this evidence.
    fn note(&self, evidence: Evidence, result: &Result<Outcome, Failure>, id: &str) -> bool {
        let (change, next_probe) = {
            let mut breaker = self.breaker.lock();
            (breaker.note(evidence, id, Instant::now()), breaker.next_probe())
        };
        change.show(&self.status, &Part::Stage, result, next_probe);
        if change == Change::Paused {
            self.tripped.notify_one();
        }
        next_probe.is_some()
    }
}

/// What handling one message says about the downstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// It works.
    Works,
    /// It failed.
    Fails(Reached),
    /// It was not asked.
    None,
}

impl Evidence {
    /// Of what a message has to itself with its bulkhead, and of what all messages of the stage share. A
    /// handler that met its bulkhead's downstream had no trouble with what is shared.
    pub(crate) fn of(result: &Result<Outcome, Failure>) -> (Self, Self) {
        let bulkhead = Self::of_any(result);
        match result {
            Err(
                Failure::Unavailable { extent: Extent::Stage, .. }
                | Failure::Reject { reason: Reason::UNSTORABLE, .. },
            ) => (Self::None, bulkhead),
            Err(Failure::Unavailable { extent: Extent::Bulkhead, .. }) => (bulkhead, Self::Works),
            _ => (bulkhead, bulkhead),
        }
    }

    /// Of what the downstream allows for a scope.
    pub(crate) fn of_scope(result: &Result<Outcome, Failure>) -> Self {
        match Self::of_any(result) {
            Self::Fails(Reached::Never | Reached::Perhaps) => Self::None,
            evidence => evidence,
        }
    }

    /// What it counts as one piece of: what is forbidden to a scope is forbidden to all messages of it.
    pub(crate) fn key(self, scope: Option<&str>, message: &Message) -> String {
        match (self, scope) {
            (Self::Fails(Reached::Forbidden), Some(scope)) => scope.to_owned(),
            _ => message.id(),
        }
    }

    /// Of everything downstream.
    pub(crate) fn of_any(result: &Result<Outcome, Failure>) -> Self {
        match result {
            Ok(Outcome::Done(_)) => Self::Works,
            Ok(Outcome::AlreadyDone | Outcome::PassedOver | Outcome::Split { .. }) => Self::None,
            Err(Failure::Unavailable { reached, .. }) => Self::Fails(*reached),
            // One message's value, or something that is the same for all of them.
            Err(Failure::Reject { reason: Reason::UNSTORABLE, .. }) => Self::Fails(Reached::Perhaps),
            Err(Failure::Reject { .. } | Failure::Retry { .. } | Failure::Wait { .. }) => Self::None,
        }
    }
}

/// Different messages in a row that must fail before the stage pauses. Fewer where none of them can
/// be at fault.
const NEVER_REACHED: usize = 3;
const PERHAPS_AT_FAULT: usize = 5;

/// Forbidden pauses only when nothing has succeeded for this long: a missing right of some must not stop the others.
/// Where the messages' scopes are known, each scope counts once.
const NO_SUCCESS_FOR: Duration = Duration::from_secs(30);

/// Probes wait this long, doubling up to the last: work goes on within seconds of an outage's end.
const FIRST_PROBE: Duration = Duration::from_millis(500);
const LAST_PROBE: Duration = Duration::from_secs(3);

/// Whether messages may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permit {
    /// As many as the stage holds.
    All,
    /// One, to see whether the downstream is back.
    One,
    /// None before then.
    NotBefore(Instant),
}

/// The state machine of one stage, or of one bulkhead, in one process.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    failing: HashSet<String>,
    worst: Option<Reached>,
    last_success: Option<Instant>,
    pause: Option<Pausing>,
}

#[derive(Debug)]
struct Pausing {
    probe_at: Instant,
    interval: Duration,
}

/// What changed with one more piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    Paused,
    Resumed,
}

impl Change {
    /// Logs the change of the stage's breaker, or of a bulkhead's, and shows it in the status.
    pub(super) fn show(
        self,
        status: &StageStatus,
        part: &Part,
        result: &Result<Outcome, Failure>,
        next_probe: Option<Instant>,
    ) {
        let (stage, next_probe_at) = (status.stage, next_probe.map(to_utc));
        match (self, result) {
            (Self::Paused, Err(failure)) => {
                let (since, why) = (Utc::now(), failure.chain());
                match part {
                    Part::Stage => {
                        tracing::warn!(stage, why, "paused: different messages fail in a row; probing")
                    }
                    Part::Bulkhead(bulkhead) => tracing::warn!(
                        stage,
                        bulkhead,
                        why,
                        "bulkhead paused: different messages of it fail in a row; probing"
                    ),
                    Part::Scope(scope) => tracing::warn!(
                        stage,
                        scope,
                        why,
                        "{scope} paused: different messages of it are forbidden in a row; probing"
                    ),
                }
                let next_probe_at = next_probe_at.unwrap_or(since);
                status.set_pause(part, Some(Pause { since, why, next_probe_at }));
            }
            (Self::Resumed, _) => {
                match part {
                    Part::Stage => tracing::info!(stage, "resumed: a probe succeeded"),
                    Part::Bulkhead(bulkhead) => {
                        tracing::info!(stage, bulkhead, "bulkhead resumed: a probe succeeded");
                    }
                    Part::Scope(scope) => tracing::info!(stage, scope, "{scope} resumed: a probe succeeded"),
                }
                status.set_pause(part, None);
            }
            _ => next_probe_at.into_iter().for_each(|at| status.set_next_probe(part, at)),
        }
    }
}

/// A time to come, as people know it.
fn to_utc(instant: Instant) -> DateTime<Utc> {
    Utc::now() + instant.saturating_duration_since(Instant::now())
}

impl CircuitBreaker {
    /// Whether there is no evidence against the downstream.
    pub(crate) fn is_clean(&self) -> bool {
        self.pause.is_none() && self.failing.is_empty()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// When the next message is tried, where the stage is paused.
    pub(crate) fn next_probe(&self) -> Option<Instant> {
        self.pause.as_ref().map(|pause| pause.probe_at)
    }

    pub(crate) fn permit(&self, now: Instant) -> Permit {
        match &self.pause {
            None => Permit::All,
            Some(pause) if pause.probe_at <= now => Permit::One,
            Some(pause) => Permit::NotBefore(pause.probe_at),
        }
    }

    /// Takes in what handling a message showed.
    pub(crate) fn note(&mut self, evidence: Evidence, message: &str, now: Instant) -> Change {
        match evidence {
            Evidence::None => Change::Nothing,
            Evidence::Works => {
                self.failing.clear();
                self.worst = None;
                self.last_success = Some(now);
                match self.pause.take() {
                    Some(_) => Change::Resumed,
                    None => Change::Nothing,
                }
            }
            Evidence::Fails(reached) => self.note_failure(reached, message, now),
        }
    }

    fn note_failure(&mut self, reached: Reached, message: &str, now: Instant) -> Change {
        if let Some(pause) = &mut self.pause {
            // What was in flight when the stage paused fails late; only a probe moves the next one.
            if pause.probe_at <= now {
                pause.interval = (pause.interval * 2).min(LAST_PROBE);
                pause.probe_at = now + pause.interval;
            }
            return Change::Nothing;
        }
        self.failing.insert(message.to_owned());
        self.worst = Some(match (self.worst, reached) {
            (None | Some(Reached::Never), reached) => reached,
            (Some(worst), Reached::Never) => worst,
            (Some(Reached::Perhaps), _) | (_, Reached::Perhaps) => Reached::Perhaps,
            (Some(Reached::Forbidden), Reached::Forbidden) => Reached::Forbidden,
        });
        let others_succeed =
            self.last_success.is_some_and(|success| now.duration_since(success) < NO_SUCCESS_FOR);
        let enough = match self.worst {
            Some(Reached::Never) => self.failing.len() >= NEVER_REACHED,
            Some(Reached::Forbidden) => self.failing.len() >= PERHAPS_AT_FAULT && !others_succeed,
            Some(Reached::Perhaps) | None => self.failing.len() >= PERHAPS_AT_FAULT,
        };
        if !enough {
            return Change::Nothing;
        }
        self.failing.clear();
        self.worst = None;
        self.pause = Some(Pausing { probe_at: now + FIRST_PROBE, interval: FIRST_PROBE });
        Change::Paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILS: Evidence = Evidence::Fails(Reached::Perhaps);
    const REFUSED: Evidence = Evidence::Fails(Reached::Never);
    const FORBIDDEN: Evidence = Evidence::Fails(Reached::Forbidden);

    fn stage() -> CircuitBreakerLayer {
        let shortest = "5s".parse().expect("a delay");
        CircuitBreakerLayer::new(shortest, Arc::new(StageStatus::new("upload")))
    }

    /// Handles a message of its own with this result; whether it was handled, and paused.
    async fn handle(
        layer: &CircuitBreakerLayer,
        body: &'static str,
        is_probe: bool,
        result: Result<Outcome, Failure>,
    ) -> (bool, bool) {
        let evidence = Evidence::of_any(&result);
        let inside = async { Ok(Handled::Ended { result, evidence, paused: false, scope: None }) };
        match layer.layer(&Message::plain(body), is_probe, inside).await {
            Ok(Handled::Ended { paused, .. }) => (true, paused),
            _ => (false, true),
        }
    }

    #[tokio::test]
    async fn open_breaker_parks_all_but_probes() {
        let (layer, unreached) = (stage(), || Err(Failure::unreached("refused")));
        let done = || Ok(Outcome::Done(Vec::new()));
        for body in ["a", "b"] {
            assert_eq!(handle(&layer, body, false, unreached()).await, (true, false));
        }
        assert_eq!(handle(&layer, "c", false, unreached()).await, (true, true));
        assert_eq!(layer.status.pause().map(|pause| pause.why).as_deref(), Some("refused"));
        assert_eq!(handle(&layer, "d", false, done()).await, (false, true), "it is not handled");
        assert_eq!(handle(&layer, "d", true, done()).await, (true, false));
        assert_eq!(layer.status.pause(), None);
        assert_eq!(handle(&layer, "e", false, done()).await, (true, false));
    }

    fn feed(breaker: &mut CircuitBreaker, now: Instant, evidence: &[(Evidence, &str)]) -> Vec<Change> {
        evidence.iter().map(|(evidence, message)| breaker.note(*evidence, message, now)).collect()
    }

    #[test]
    fn different_messages_failing_in_a_row_pause_the_stage() {
        let mut breaker = CircuitBreaker::default();
        let now = Instant::now();
        let changes = feed(&mut breaker, now, &["a", "b", "c", "d", "e"].map(|message| (FAILS, message)));
        assert_eq!(changes[3..], [Change::Nothing, Change::Paused]);
    }

    #[test]
    fn unreachable_downstream_pauses_sooner() {
        let mut breaker = CircuitBreaker::default();
        feed(&mut breaker, Instant::now(), &["a", "b", "c"].map(|message| (REFUSED, message)));
        assert!(breaker.is_paused());
    }

    #[test]
    fn store_refusals_pause_the_stage_not_a_bulkhead() {
        let (mut stage, mut bulkhead) = (CircuitBreaker::default(), CircuitBreaker::default());
        let now = Instant::now();
        for message in ["a", "b", "c", "d", "e"] {
            let refused = Err(Failure::reject(Reason::UNSTORABLE, "no"));
            let (of_bulkhead, of_stage) = Evidence::of(&refused);
            bulkhead.note(of_bulkhead, message, now);
            stage.note(of_stage, message, now);
        }
        assert_eq!((stage.is_paused(), bulkhead.is_paused()), (true, false));
    }

    #[test]
    fn one_message_alone_never_pauses_it() {
        let mut breaker = CircuitBreaker::default();
        feed(&mut breaker, Instant::now(), &[(FAILS, "a"); 100]);
        assert!(!breaker.is_paused());
    }

    #[test]
    fn success_resets_the_count() {
        let mut breaker = CircuitBreaker::default();
        let now = Instant::now();
        for _ in 0..10 {
            feed(&mut breaker, now, &[(FAILS, "a"), (FAILS, "b"), (Evidence::Works, "c"), (FAILS, "d")]);
        }
        assert!(!breaker.is_paused());
    }

    #[test]
    fn forbidden_for_some_pauses_nothing() {
        let mut breaker = CircuitBreaker::default();
        let now = Instant::now();
        breaker.note(Evidence::Works, "x", now);
        feed(&mut breaker, now, &["a", "b", "c", "d", "e", "f", "g"].map(|message| (FORBIDDEN, message)));
        assert!(!breaker.is_paused());
    }

    #[test]
    fn forbidden_for_all_pauses_the_stage() {
        let mut breaker = CircuitBreaker::default();
        feed(&mut breaker, Instant::now(), &["a", "b", "c", "d", "e"].map(|message| (FORBIDDEN, message)));
        assert!(breaker.is_paused());
    }

    #[test]
    fn probes_back_off_until_a_success_resumes() {
        let mut breaker = CircuitBreaker::default();
        let mut now = Instant::now();
        feed(&mut breaker, now, &["a", "b", "c"].map(|message| (REFUSED, message)));
        let mut waits = vec![];
        for _ in 0..5 {
            let Permit::NotBefore(probe_at) = breaker.permit(now) else { panic!("it waits") };
            waits.push(probe_at.duration_since(now).as_millis());
            now = probe_at;
            assert_eq!((breaker.permit(now), breaker.next_probe()), (Permit::One, Some(probe_at)));
            assert_eq!(breaker.note(REFUSED, "probe", now), Change::Nothing);
        }
        assert_eq!(waits, [500, 1000, 2000, 3000, 3000]);
        assert_eq!(breaker.note(Evidence::Works, "probe", now), Change::Resumed);
        assert_eq!((breaker.permit(now), breaker.next_probe()), (Permit::All, None));
    }

    #[test]
    fn late_results_do_not_delay_the_probe() {
        let mut breaker = CircuitBreaker::default();
        let now = Instant::now();
        feed(&mut breaker, now, &["a", "b", "c"].map(|message| (REFUSED, message)));
        let before = breaker.permit(now);
        feed(&mut breaker, now, &["d", "e", "f"].map(|message| (REFUSED, message)));
        assert_eq!(breaker.permit(now), before);
    }

    #[test]
    fn already_done_is_no_evidence() {
        let mut breaker = CircuitBreaker::default();
        let now = Instant::now();
        feed(&mut breaker, now, &[(FAILS, "a"), (FAILS, "b"), (Evidence::None, "c"), (FAILS, "d")]);
        feed(&mut breaker, now, &[(FAILS, "e"), (FAILS, "f")]);
        assert!(breaker.is_paused());
    }
}
