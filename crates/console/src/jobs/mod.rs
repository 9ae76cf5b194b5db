//! Jobs: dead letters that are being moved by this console. A job goes on when the browser that began it goes
//! away; what it has done is safe whenever it ends.

mod job;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use operate::letters::{DeadLetterError, Deed, Desk, Selection};
use tokio::time::timeout;

use crate::PageError;
use crate::mask::Told;
use crate::server::App;

pub(crate) use job::{Ended, Job, Seen};

/// So many are remembered.
const KEPT: usize = 50;

/// So many run at once. Those of one stage keep each other out anyway.
const RUNNING: usize = 8;

/// What somebody wants done.
pub(crate) struct Order {
    pub(crate) deed: Deed,
    pub(crate) selection: Selection,
    /// At most so many dead letters a second.
    pub(crate) rate: Option<u16>,
    /// Whether dead letters may go to a stage that is paused by hand, and wait there.
    pub(crate) into_paused: bool,
    /// Who wants it.
    pub(crate) who: String,
}

/// The jobs of this console, the oldest first.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    jobs: VecDeque<Arc<Job>>,
    closed: bool,
}

impl Jobs {
    /// One of them.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Job>> {
        self.kept().jobs.iter().find(|job| job.id == id).cloned()
    }

    /// All that are remembered, the latest first.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        self.kept().jobs.iter().rev().cloned().collect()
    }

    /// Tells every job to stop, and begins no other.
    pub(crate) fn close(&self) {
        let mut kept = self.kept();
        kept.closed = true;
        for job in &kept.jobs {
            job.stop("the console was stopped");
        }
    }

    /// Waits until all have ended, but no longer than `limit`.
    pub(crate) async fn ended(&self, limit: Duration) {
        let jobs = self.all();
        let all = async {
            for job in &jobs {
                job.until_ended().await;
            }
        };
        if timeout(limit, all).await.is_err() {
            tracing::warn!(
                "a job did not end in time; what it had in flight is where it was, or moved already"
            );
        }
    }

    fn add(&self, deed: Deed, who: String, app: &App) -> Result<Arc<Job>, PageError> {
        let mut kept = self.kept();
        if kept.closed {
            return Err(PageError::Invalid("This console is being stopped.".to_owned()));
        }
        let running = kept.jobs.iter().filter(|job| job.is_running()).count();
        if running >= RUNNING {
            return Err(PageError::Invalid(format!(
                "{running} jobs run already. Wait until one of them has ended, or stop one."
            )));
        }
        while kept.jobs.len() >= KEPT {
            let Some(oldest) = kept.jobs.iter().position(|job| !job.is_running()) else { break };
            kept.jobs.remove(oldest);
        }
        // By chance: a page from before a restart must not name, and stop, somebody's job of after it.
        let id = loop {
            let id = u64::from(rand::random::<u32>());
            if kept.jobs.iter().all(|job| job.id != id) {
                break id;
            }
        };
        let job = Arc::new(Job::new(id, deed, who, app.clock.clone()));
        kept.jobs.push_back(Arc::clone(&job));
        Ok(job)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a job, and answers its number.
///
/// # Errors
/// Too many run, or the console is being stopped.
pub(crate) fn begin(app: &App, order: Order) -> Result<u64, PageError> {
    let Order { deed, selection, rate, into_paused, who } = order;
    let job = app.jobs.add(deed, who, app)?;
    let (id, app) = (job.id, app.clone());
    tracing::info!(job = id, who = job.who, act = deed.name(), "a job begins");
    tokio::spawn(async move {
        // Said when it is dropped, too: a defect must not leave a job that runs for ever.
        let end = job.ends();
        let desk =
            Desk { store: app.store.as_ref(), broker: &app.broker, stages: &app.stages, delays: &app.delays };
        let progress = |progress: &operate::letters::Progress<'_>| job.hear(progress);
        let order = operate::letters::Order {
            deed,
            who: &job.who,
            rate,
            into_paused,
            stopped: job.stopped(),
            progress: &progress,
        };
        let ended = match desk.carry_out(&order, &selection).await {
            Ok(moved) if moved.is_empty() => {
                Ended::Well("None of the dead letters was there any more: nothing was moved.".to_owned())
            }
            Ok(_) => Ended::Well("All that were found have moved.".to_owned()),
            Err(DeadLetterError::Stopped { so_far }) => {
                let why = job.why_stopped();
                Ended::Early(format!("Stopped: {why}. {so_far}; the others are where they were.").into())
            }
            Err(DeadLetterError::Paused { stage, why }) => Ended::Early(format!(
                "{stage} is {why}. Nothing was moved. Resume it, or redrive once more and confirm that the dead letters may wait."
            ).into()),
            Err(error) => Ended::Early(told(&error)),
        };
        tracing::info!(job = id, "a job has ended");
        end.with(ended);
    });
    Ok(id)
}

/// Why it ended early. A dead letter that died again says what a service answered.
fn told(error: &DeadLetterError) -> Told {
    match error {
        DeadLetterError::Failing { why, error, so_far } => Told::about(error.as_deref(), |error| {
            let (why, error) = (why.clone(), error.map(str::to_owned));
            format!("{}.", DeadLetterError::Failing { why, error, so_far: so_far.clone() })
        }),
        error => format!("{}.", amqp::chain(error)).into(),
    }
}

#[cfg(test)]
mod tests {
    use operate::letters::Moved;

    use super::*;
    use crate::access::{Role, Token, Viewer};

    #[test]
    fn viewers_are_told_that_letters_died_again_and_not_what_was_answered() {
        let so_far = Moved { deed: Deed::Redrive, stage: "upload".to_owned(), moved: 20, of: 30 };
        let error = Some("Omnium answered 400: kari@example.com is unknown".to_owned());
        let told = told(&DeadLetterError::Failing { why: "3 died again".to_owned(), error, so_far });
        let seen_by = |role| told.to(&Viewer::anonymous(role, &Token::random())).to_owned();
        assert!(seen_by(Role::Operator).contains("kari@example.com"));
        let masked = seen_by(Role::Viewer);
        assert!(
            masked.contains("3 died again: Omnium answered 400") && masked.contains("20 of 30"),
            "{masked}"
        );
        assert!(!masked.contains("kari"), "{masked}");
    }
}
