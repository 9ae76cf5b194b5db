//! One job: what is known of it while it runs, and how it ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use operate::letters::{Deed, Moved, Progress};
use operate::stages::WhyPaused;
use tokio::sync::watch;

use crate::Clock;
use crate::mask::Told;

/// The latest events that are shown.
const EVENTS: usize = 12;

/// A job.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) deed: Deed,
    /// Who began it.
    pub(crate) who: String,
    clock: Clock,
    stop: watch::Sender<bool>,
    /// Becomes true when it has ended.
    ended: watch::Sender<bool>,
    seen: Mutex<Seen>,
}

/// What can be seen of a job.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) begun: DateTime<Utc>,
    /// How far it has come at each stage that it was at.
    pub(crate) stages: Vec<Moved>,
    /// What happened lately, the latest first.
    pub(crate) events: VecDeque<(DateTime<Utc>, Told)>,
    /// DeadLetters whose receipt was complete by then.
    pub(crate) archived: u64,
    /// Why it was told to stop, where it was.
    pub(crate) stopped: Option<String>,
    pub(crate) ended: Option<(DateTime<Utc>, Ended)>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All was done.
    Well(String),
    /// Not all was done; what was not is where it was.
    Early(Told),
}

impl Job {
    pub(super) fn new(id: u64, deed: Deed, who: String, clock: Clock) -> Self {
        let seen = Seen {
            begun: clock.now(),
            stages: Vec::new(),
            events: VecDeque::new(),
            archived: 0,
            stopped: None,
            ended: None,
        };
        let (stop, ended) = (watch::Sender::new(false), watch::Sender::new(false));
        Self { id, deed, who, clock, stop, ended, seen: Mutex::new(seen) }
    }

    /// All that can be seen of it now.
    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&self) -> bool {
        !*self.ended.borrow()
    }

    /// Tells it to stop; the first reason stands.
    pub(crate) fn stop(&self, why: &str) {
        if self.is_running() {
            self.lock().stopped.get_or_insert_with(|| why.to_owned());
            self.stop.send_replace(true);
        }
    }

    pub(super) fn why_stopped(&self) -> String {
        self.lock().stopped.clone().unwrap_or_default()
    }

    pub(super) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(super) async fn until_ended(&self) {
        // The sender lives as long as the job does.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub(super) fn hear(&self, progress: &Progress<'_>) {
        let mut seen = self.lock();
        let text = match progress {
            Progress::Batch(moved) | Progress::Done(moved) => {
                match seen.stages.iter_mut().find(|known| known.stage == moved.stage) {
                    Some(known) => *known = (*moved).clone(),
                    None => seen.stages.push((*moved).clone()),
                }
                moved.to_string()
            }
            Progress::Archived { id } => {
                seen.archived += 1;
                format!("{id}: its receipt is complete by now; archived, not sent again")
            }
            Progress::Waits { stage, why } => {
                let told = Told::about(why.error.as_deref(), |error| {
                    let why = WhyPaused { text: why.text.clone(), error: error.map(str::to_owned) };
                    format!("{stage}: {why}; what is sent may wait in its queue")
                });
                return push(&mut seen, self.clock.now(), told);
            }
            Progress::Settling { stage, letters } => {
                format!("waiting until {stage} is done with the last {letters} letter(s)")
            }
            Progress::Gone { ids } => {
                format!(
                    "{} letter(s) were not there any more, moved by somebody else; the index says so now",
                    ids.len()
                )
            }
        };
        push(&mut seen, self.clock.now(), text.into());
    }

    pub(super) fn ends(self: &Arc<Self>) -> Ends {
        Ends(Arc::clone(self))
    }

    fn end(&self, how: Ended) {
        let now = self.clock.now();
        self.lock().ended.get_or_insert((now, how));
        self.ended.send_replace(true);
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(seen: &mut Seen, now: DateTime<Utc>, text: Told) {
    seen.events.push_front((now, text));
    seen.events.truncate(EVENTS);
}

/// Ends a job, whatever happens.
pub(super) struct Ends(Arc<Job>);

impl Ends {
    pub(super) fn with(self, how: Ended) {
        self.0.end(how);
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        let defect = "A defect of the console ended it; its log has more. DeadLetters that were in flight are where they were, or have moved.";
        self.0.end(Ended::Early(defect.to_owned().into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, Token, Viewer};

    fn job() -> Arc<Job> {
        Arc::new(Job::new(1, Deed::Redrive, "kari".to_owned(), Clock::system()))
    }

    #[test]
    fn what_a_job_tells_is_kept_within_bounds() {
        let job = job();
        for moved in 1..=100 {
            let moved = Moved { deed: Deed::Redrive, stage: "upload".to_owned(), moved, of: 100 };
            job.hear(&Progress::Batch(&moved));
        }
        let seen = job.seen();
        assert_eq!((seen.stages.len(), seen.stages[0].moved, seen.events.len()), (1, 100, EVENTS));
    }

    #[test]
    fn viewers_are_told_that_a_stage_waits_and_not_what_was_answered() {
        let job = job();
        let error = Some("Omnium answered 400: kari@example.com is unknown".to_owned());
        let why = WhyPaused { text: "paused by itself since noon".to_owned(), error };
        job.hear(&Progress::Waits { stage: "upload", why: &why });
        let told = job.seen().events[0].1.clone();
        let seen_by = |role| told.to(&Viewer::anonymous(role, &Token::random())).to_owned();
        assert!(seen_by(Role::Operator).contains("since noon: Omnium answered 400: kari@example.com"));
        assert!(seen_by(Role::Viewer).contains("since noon: Omnium answered 400"));
        assert!(!seen_by(Role::Viewer).contains("kari"));
    }

    #[test]
    fn a_job_whose_task_is_gone_has_ended() {
        let job = job();
        drop(job.ends());
        assert!(!job.is_running());
        assert!(matches!(job.seen().ended, Some((_, Ended::Early(_)))));
    }

    #[test]
    fn the_first_reason_to_stop_stands_and_what_has_ended_is_not_stopped() {
        let job = job();
        job.stop("kari said so");
        job.stop("the console was stopped");
        assert_eq!(job.why_stopped(), "kari said so");
        job.ends().with(Ended::Well("done".to_owned()));
        let other = self::job();
        other.ends().with(Ended::Well("done".to_owned()));
        other.stop("too late");
        assert_eq!(other.why_stopped(), "");
    }
}
