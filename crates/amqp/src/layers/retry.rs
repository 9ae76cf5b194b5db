//! Whether a message that failed is tried again, and when.
//!
//! The decision is a pure function, so that its table of tests is the specification. What is tried again
//! waits in a retry queue, and comes back to exactly the queue it came from.

use super::dead_letter::Dead;
use super::put_aside::Aside;
use super::{Context, Handled, Settled};
use crate::message::header::names;
use crate::metrics::Retried;
use crate::topology::{REQUEUE, retry_queue_name};
use crate::{Delay, Failure, Reached, Reason};

/// What becomes of a message that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A person must look at it.
    DeadLetter(Reason),
    /// It waits in the retry queue of this delay, and comes back with so many attempts spent.
    Retry(Delay, u32),
}

/// Decides about a failed message from the retry queues there are (never empty), the attempts it has
/// spent, and whether the stage, or the message's bulkhead, is paused because everything fails.
pub fn decide(delays: &[Delay], attempt: u32, paused: bool, failure: &Failure) -> Action {
    let first = delays[0];
    match failure {
        // So are all others: none of them is at fault.
        Failure::Reject { reason: Reason::UNSTORABLE, .. } if paused => Action::Retry(first, attempt),
        Failure::Reject { reason, .. } => Action::DeadLetter(*reason),
        Failure::Wait { at_least, .. } => {
            let long_enough = delays.iter().filter(|delay| delay.duration() >= *at_least).min();
            Action::Retry(*long_enough.or(delays.iter().max()).unwrap_or(&first), attempt)
        }
        Failure::Unavailable { reached: Reached::Never, .. } => Action::Retry(first, attempt),
        Failure::Unavailable { .. } if paused => Action::Retry(first, attempt),
        Failure::Unavailable { reason, .. } | Failure::Retry { reason, .. } => {
            match delays.get(attempt as usize) {
                Some(&delay) => Action::Retry(delay, attempt + 1),
                None => Action::DeadLetter(*reason),
            }
        }
    }
}

/// The retry queues of a stage.
pub(super) struct RetryQueues {
    pub(super) work_queue: String,
    /// Never empty.
    pub(super) delays: Vec<Delay>,
}

impl RetryQueues {
    /// Publishes to a retry queue what is tried again; gives what is not.
    pub(super) async fn layer(
        &self,
        context: Context<'_>,
        handled: impl Future<Output = Settled<Handled>>,
    ) -> Settled<Option<Dead>> {
        let Context { stage, message, subject, publisher, metrics } = context;
        let aside = || Aside::new(stage, message, subject);
        let spent = message.attempt();
        let (mut aside, why, delay, attempt) = match handled.await? {
            Handled::Ended { result: Ok(_), .. } => return Ok(None),
            Handled::Parked(delay) => (aside(), Retried::Paused, delay, spent),
            Handled::Ended { result: Err(failure), paused, .. } => {
                match decide(&self.delays, spent, paused, &failure) {
                    Action::DeadLetter(reason) => return Ok(Some(Dead { reason, failure })),
                    Action::Retry(delay, attempt) => {
                        log(context, &failure, delay, attempt, paused);
                        let why = Retried::why(&failure, attempt > spent);
                        let aside = if attempt > spent { aside().failed(&failure) } else { aside() };
                        (aside, why, delay, attempt)
                    }
                }
            }
        };
        aside.headers.set_number(names::ATTEMPT, attempt.into());
        if let in_vain @ 1.. = message.in_vain {
            let in_vain = in_vain.try_into().unwrap_or(i64::MAX);
            aside.headers.set_number(names::DELIVERED_IN_VAIN, in_vain);
        }
        aside.publish(publisher, REQUEUE, &retry_queue_name(&self.work_queue, delay)).await?;
        metrics.retried(why);
        Ok(None)
    }
}

/// One line for each failure, as a warning where it is this message's own.
fn log(context: Context<'_>, failure: &Failure, delay: Delay, attempt: u32, paused: bool) {
    let Context { stage, message, subject, .. } = context;
    let about = subject().map(|subject| subject.to_string());
    let (message_id, error) = (message.id(), failure.chain());
    match paused || matches!(failure, Failure::Wait { .. }) {
        true => tracing::debug!(stage, message_id, about, %delay, attempt, error, "waits"),
        false => {
            tracing::warn!(stage, message_id, about, %delay, attempt, error, "failed; tried again later");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Extent;

    #[test]
    fn decides_by_failure_attempt_and_pause() {
        let queues: Vec<Delay> = ["5s", "30s", "2m"].map(|delay| delay.parse().expect("a delay")).to_vec();
        let retry_in = |i: usize, attempt| Action::Retry(queues[i], attempt);
        let dead = Action::DeadLetter;
        let gone = Reason::RETRIES_EXHAUSTED;
        let reject = || Failure::reject(Reason::INVALID_EVENT, "no");
        let unstorable = || Failure::reject(Reason::UNSTORABLE, "no");
        let retry = || Failure::Retry { reason: gone, error: "no".into() };
        let extent = Extent::Bulkhead;
        let unavailable =
            |reached| Failure::Unavailable { extent, reached, reason: gone, error: "no".into() };
        let wait =
            |seconds| Failure::Wait { at_least: Duration::from_secs(seconds), error: "not yet".into() };

        for (name, failure, attempt, paused, action) in [
            ("a message at fault dies at once", reject(), 0, false, dead(Reason::INVALID_EVENT)),
            ("a message at fault dies while paused", reject(), 1, true, dead(Reason::INVALID_EVENT)),
            ("refused by the store it dies", unstorable(), 0, false, dead(Reason::UNSTORABLE)),
            ("refused with all others it spends nothing", unstorable(), 3, true, retry_in(0, 3)),
            ("the first retry", retry(), 0, false, retry_in(0, 1)),
            ("the last retry", retry(), 2, false, retry_in(2, 3)),
            ("no attempt left", retry(), 3, false, dead(gone)),
            ("never reached spends nothing", unavailable(Reached::Never), 2, false, retry_in(0, 2)),
            ("never reached never dies", unavailable(Reached::Never), 3, false, retry_in(0, 3)),
            ("alone it spends an attempt", unavailable(Reached::Perhaps), 1, false, retry_in(1, 2)),
            ("alone it dies", unavailable(Reached::Perhaps), 3, false, dead(gone)),
            ("with all others it spends nothing", unavailable(Reached::Perhaps), 3, true, retry_in(0, 3)),
            ("forbidden alone", unavailable(Reached::Forbidden), 3, false, dead(gone)),
            ("forbidden with all others", unavailable(Reached::Forbidden), 3, true, retry_in(0, 3)),
            ("a short wait", wait(1), 2, false, retry_in(0, 2)),
            ("a wait takes the shortest retry queue that is long enough", wait(6), 0, false, retry_in(1, 0)),
            ("a wait longer than all retry queues takes the longest", wait(600), 3, true, retry_in(2, 3)),
        ] {
            assert_eq!(decide(&queues, attempt, paused, &failure), action, "{name}");
        }
    }
}
