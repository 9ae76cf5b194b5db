//! Jobs: dead letters being moved by this console. A job continues when the browser that started it disconnects;
//! what it has done is safe whenever it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use operate::dead_letters::{
    Action, DeadLetterError, DeadLetterService, MoveRequest, Moved, Progress, Selection,
};
use operate::stages::WhyPaused;
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::error::PageError;
use crate::redaction::Redacted;

/// Jobs remembered.
const MAX_JOBS: usize = 50;

/// Concurrent jobs; those of one stage exclude each other.
const MAX_RUNNING: usize = 8;

/// A job to start.
pub(crate) struct JobRequest {
    pub(crate) action: Action,
    pub(crate) selection: Selection,
    /// The causes of what is selected, with their numbers.
    pub(crate) causes: String,
    /// Maximum dead letters a second.
    pub(crate) rate: Option<u16>,
    /// Redrive even into a stage that is paused by an operator.
    pub(crate) into_paused: bool,
    pub(crate) who: String,
}

/// Jobs of this console.
pub(crate) struct Jobs {
    dead_letters: Arc<DeadLetterService>,
    clock: Clock,
    /// Oldest first.
    jobs: Mutex<VecDeque<Arc<Job>>>,
    tasks: TaskTracker,
}

impl Jobs {
    pub(crate) fn new(dead_letters: Arc<DeadLetterService>, clock: Clock) -> Self {
        Self { dead_letters, clock, jobs: Mutex::default(), tasks: TaskTracker::new() }
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Job>> {
        self.jobs.lock().iter().find(|job| job.id == id).cloned()
    }

    /// Latest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        self.jobs.lock().iter().rev().cloned().collect()
    }

    /// Cancels all jobs, starts no more, and waits for them within `grace`.
    pub(crate) async fn shut_down(&self, grace: Duration) {
        {
            let jobs = self.jobs.lock();
            self.tasks.close();
            jobs.iter().for_each(|job| job.cancel("the console was stopped"));
        }
        if timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                "stopped with a job in progress; its dead letters in flight were moved or are where they were"
            );
        }
    }

    /// Starts a job, and returns its number.
    ///
    /// # Errors
    /// Too many jobs are running, or the console is shutting down.
    pub(crate) fn start(&self, request: JobRequest) -> Result<u64, PageError> {
        // Held until the task is spawned: a shutdown must find it.
        let mut jobs = self.jobs.lock();
        let job = self.add(&mut jobs, &request)?;
        let (id, dead_letters) = (job.id, Arc::clone(&self.dead_letters));
        tracing::info!(job = id, who = job.who, act = job.action.name(), "job started");
        self.tasks.spawn(async move {
            let end = EndOnDrop(Arc::clone(&job));
            let outcome = run(&dead_letters, &job, &request).await;
            tracing::info!(job = id, "job ended");
            end.0.end(outcome);
        });
        Ok(id)
    }

    fn add(&self, jobs: &mut VecDeque<Arc<Job>>, request: &JobRequest) -> Result<Arc<Job>, PageError> {
        if self.tasks.is_closed() {
            return Err(PageError::Invalid("This console is shutting down.".to_owned()));
        }
        let running = jobs.iter().filter(|job| job.is_running()).count();
        if running >= MAX_RUNNING {
            return Err(PageError::Invalid(format!(
                "{running} jobs are running already. Wait until one has ended, or stop one."
            )));
        }
        while jobs.len() >= MAX_JOBS {
            let Some(oldest) = jobs.iter().position(|job| !job.is_running()) else { break };
            jobs.remove(oldest);
        }
        // Random: a page from before a restart must not name, and stop, another job after it.
        let id = loop {
            let id = u64::from(rand::random::<u32>());
            if jobs.iter().all(|job| job.id != id) {
                break id;
            }
        };
        let job = Arc::new(Job::new(id, request, self.clock.clone()));
        jobs.push_back(Arc::clone(&job));
        Ok(job)
    }
}

async fn run(dead_letters: &DeadLetterService, job: &Job, request: &JobRequest) -> Outcome {
    let move_request = MoveRequest {
        action: job.action,
        who: &job.who,
        rate: request.rate,
        into_paused: request.into_paused,
        cancel: job.cancel.clone(),
        progress: &|event| job.record(event),
    };
    match dead_letters.execute(&move_request, &request.selection).await {
        Ok(moved) if moved.is_empty() => {
            Outcome::Done("None of the dead letters was there any more: nothing was moved.".to_owned())
        }
        Ok(_) => Outcome::Done("All dead letters were moved.".to_owned()),
        Err(DeadLetterError::Cancelled { so_far }) => {
            let why = job.why_cancelled();
            Outcome::Incomplete(format!("Stopped: {why}. {so_far}; the others were not moved.").into())
        }
        Err(DeadLetterError::Paused { stage, why }) => Outcome::Incomplete(
            format!(
                "{stage} is {why}. Nothing was moved. Resume the stage, or redrive again and confirm that the dead letters may wait."
            )
            .into(),
        ),
        Err(error) => Outcome::Incomplete(failure(&error)),
    }
}

/// The error of a dead letter that died again may quote a service's response.
fn failure(error: &DeadLetterError) -> Redacted {
    match error {
        DeadLetterError::Failing { why, error, so_far } => Redacted::new(error.as_deref(), |error| {
            let (why, error) = (why.clone(), error.map(str::to_owned));
            format!("{}.", DeadLetterError::Failing { why, error, so_far: so_far.clone() })
        }),
        error => format!("{}.", amqp::chain(error)).into(),
    }
}

/// Latest events kept of a job.
const MAX_EVENTS: usize = 12;

/// A job of moving dead letters.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) action: Action,
    pub(crate) who: String,
    /// What it began with: causes with their numbers.
    pub(crate) causes: String,
    clock: Clock,
    cancel: CancellationToken,
    ended: CancellationToken,
    progress: Mutex<JobProgress>,
}

/// Progress of a job.
#[derive(Clone, Debug)]
pub(crate) struct JobProgress {
    pub(crate) started_at: DateTime<Utc>,
    /// By stage, in the order in which they were processed.
    pub(crate) stages: Vec<Moved>,
    /// Latest first.
    pub(crate) events: VecDeque<(DateTime<Utc>, Redacted)>,
    /// Dead letters that were archived because their receipt was complete.
    pub(crate) archived: u64,
    /// Why it was cancelled.
    pub(crate) cancelled: Option<String>,
    pub(crate) ended: Option<(DateTime<Utc>, Outcome)>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All was done.
    Done(String),
    /// What was not moved is where it was.
    Incomplete(Redacted),
}

impl Job {
    fn new(id: u64, request: &JobRequest, clock: Clock) -> Self {
        let progress = JobProgress {
            started_at: clock.now(),
            stages: Vec::new(),
            events: VecDeque::new(),
            archived: 0,
            cancelled: None,
            ended: None,
        };
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        Self {
            id,
            action: request.action,
            who: request.who.clone(),
            causes: request.causes.clone(),
            clock,
            cancel,
            ended,
            progress: Mutex::new(progress),
        }
    }

    /// A snapshot.
    pub(crate) fn progress(&self) -> JobProgress {
        self.progress.lock().clone()
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.ended.is_cancelled()
    }

    /// Cancels it; the first reason stands.
    pub(crate) fn cancel(&self, why: &str) {
        if self.is_running() {
            self.progress.lock().cancelled.get_or_insert_with(|| why.to_owned());
            self.cancel.cancel();
        }
    }

    fn why_cancelled(&self) -> String {
        self.progress.lock().cancelled.clone().unwrap_or_default()
    }

    fn record(&self, event: &Progress<'_>) {
        let mut progress = self.progress.lock();
        let text = match event {
            Progress::Batch(moved) | Progress::Done(moved) => {
                match progress.stages.iter_mut().find(|known| known.stage == moved.stage) {
                    Some(known) => *known = (*moved).clone(),
                    None => progress.stages.push((*moved).clone()),
                }
                moved.to_string()
            }
            Progress::Archived { id } => {
                progress.archived += 1;
                format!("{id}: its receipt is complete; archived instead")
            }
            Progress::Waits { stage, why } => {
                let text = Redacted::new(why.error.as_deref(), |error| {
                    let why = WhyPaused { text: why.text.clone(), error: error.map(str::to_owned) };
                    format!("{stage}: {why}; redriven dead letters may wait in its queue")
                });
                return push(&mut progress, self.clock.now(), text);
            }
            Progress::Settling { stage, count } => {
                format!("waiting for {stage} to finish the last {count} dead letter(s)")
            }
            Progress::Gone { ids } => {
                format!(
                    "{} dead letter(s) were moved by somebody else; the index has been updated",
                    ids.len()
                )
            }
        };
        push(&mut progress, self.clock.now(), text.into());
    }

    fn end(&self, outcome: Outcome) {
        let now = self.clock.now();
        self.progress.lock().ended.get_or_insert((now, outcome));
        self.ended.cancel();
    }
}

fn push(progress: &mut JobProgress, now: DateTime<Utc>, text: Redacted) {
    progress.events.push_front((now, text));
    progress.events.truncate(MAX_EVENTS);
}

/// Ends a job when dropped, so that a panic does not leave it running forever.
struct EndOnDrop(Arc<Job>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let defect = "An internal error ended it; the console's log has the details. Dead letters in flight were moved or are where they were.";
        self.0.end(Outcome::Incomplete(defect.to_owned().into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::Token;
    use crate::auth::user::Role;
    use crate::auth::viewer::Viewer;

    fn job() -> Arc<Job> {
        let request = JobRequest {
            action: Action::Redrive,
            selection: Selection::Ids(Vec::new()),
            causes: String::new(),
            rate: None,
            into_paused: false,
            who: "kari".to_owned(),
        };
        Arc::new(Job::new(1, &request, Clock::system()))
    }

    #[test]
    fn keeps_a_bounded_number_of_events() {
        let job = job();
        for moved in 1..=100 {
            let moved = Moved { action: Action::Redrive, stage: "upload".to_owned(), moved, of: 100 };
            job.record(&Progress::Batch(&moved));
        }
        let progress = job.progress();
        let shown = (progress.stages.len(), progress.stages[0].moved, progress.events.len());
        assert_eq!(shown, (1, 100, MAX_EVENTS));
    }

    #[test]
    fn redacts_why_a_stage_waits_for_viewers() {
        let job = job();
        let error = Some("Omnium answered 400: kari@example.com is unknown".to_owned());
        let why = WhyPaused { text: "paused automatically since noon".to_owned(), error };
        job.record(&Progress::Waits { stage: "upload", why: &why });
        let text = job.progress().events[0].1.clone();
        let seen_by = |role| text.for_viewer(&Viewer::anonymous(role, &Token::random())).to_owned();
        assert!(seen_by(Role::Operator).contains("since noon: Omnium answered 400: kari@example.com"));
        assert!(seen_by(Role::Viewer).contains("since noon: Omnium answered 400"));
        assert!(!seen_by(Role::Viewer).contains("kari"));
    }

    #[test]
    fn a_panicking_job_ends() {
        let job = job();
        drop(EndOnDrop(Arc::clone(&job)));
        assert!(!job.is_running());
        assert!(matches!(job.progress().ended, Some((_, Outcome::Incomplete(_)))));
    }

    #[test]
    fn keeps_the_first_reason_and_ignores_cancelling_ended_jobs() {
        let job = job();
        job.cancel("by kari");
        job.cancel("the console was stopped");
        assert_eq!(job.why_cancelled(), "by kari");
        let other = self::job();
        other.end(Outcome::Done("done".to_owned()));
        other.cancel("too late");
        assert_eq!(other.why_cancelled(), "");
    }

    #[test]
    fn redacts_failures_for_viewers() {
        let so_far = Moved { action: Action::Redrive, stage: "upload".to_owned(), moved: 20, of: 30 };
        let error = Some("Omnium answered 400: kari@example.com is unknown".to_owned());
        let text = failure(&DeadLetterError::Failing { why: "3 died again".to_owned(), error, so_far });
        let seen_by = |role| text.for_viewer(&Viewer::anonymous(role, &Token::random())).to_owned();
        assert!(seen_by(Role::Operator).contains("kari@example.com"));
        let masked = seen_by(Role::Viewer);
        assert!(
            masked.contains("3 died again: Omnium answered 400") && masked.contains("20 of 30"),
            "{masked}"
        );
        assert!(!masked.contains("kari"), "{masked}");
    }
}
