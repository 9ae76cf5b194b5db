//! The stages of this process and what goes on beside them, from their start to their end.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use amqp::{Consumer, StageStatus, StartError};
use consumer::Ready;
use permits::Permits;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::output::Failed;
use crate::reporter::Reporter;
use crate::shutdown::{exit_at_the_deadline, signalled};

/// Runs stages. One that ends before it is told to ends all of them.
#[derive(Default)]
pub struct Supervisor {
    shutdown: CancellationToken,
    tasks: JoinSet<Result<(), StartError>>,
    statuses: Vec<Arc<StageStatus>>,
}

impl Supervisor {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a stage is doing, for a consumer that is about to start.
    pub fn status(&mut self, stage: &'static str) -> Arc<StageStatus> {
        let status = Arc::new(StageStatus::new(stage));
        self.statuses.push(status.clone());
        status
    }

    /// Starts a stage, and what goes on beside it.
    pub fn start(&mut self, ready: Ready, consumer: Consumer) {
        self.tasks.spawn((ready.run)(consumer, self.shutdown.clone()));
        for work in ready.background {
            let shutdown = self.shutdown.clone();
            self.tasks.spawn(async move {
                shutdown.run_until_cancelled(work).await;
                Ok(())
            });
        }
    }

    /// What each stage is doing.
    pub fn statuses(&self) -> Vec<Arc<StageStatus>> {
        self.statuses.clone()
    }

    /// Returns once all have ended: shut down by SIGTERM or SIGINT, or because one cannot start. Permits are
    /// given back then.
    pub async fn until_shutdown(
        mut self,
        reporter: Reporter,
        permits: Option<Arc<Permits>>,
    ) -> Result<(), Failed> {
        let mut signalled = pin!(signalled()?);
        let reporting = reporter.report_on(self.statuses);
        let failed = Arc::new(OnceLock::new());
        let mut ending = false;
        while !ending {
            tokio::select! {
                () = &mut signalled => ending = true,
                // With what is named switched off there may be nothing to run; then it waits for the signal.
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    ending = note_failure(&failed, ended);
                }
            }
        }
        tracing::info!("stopping: finishing messages in flight");
        exit_at_the_deadline(Arc::clone(&failed));
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            note_failure(&failed, ended);
        }
        let give_back = async {
            if let Some(permits) = permits {
                permits.give_back().await;
            }
        };
        tokio::join!(reporting.end(), give_back);
        failed.get().cloned().map_or(Ok(()), Err)
    }
}

/// Whether a task ended because it failed. The first failure is kept.
fn note_failure(failed: &OnceLock<Failed>, ended: Result<Result<(), StartError>, JoinError>) -> bool {
    let failure = match ended {
        Ok(Ok(())) => return false,
        Ok(Err(error)) => Failed::plainly(error),
        Err(panic) => Failed::at("a consumer ended", panic),
    };
    failed.get_or_init(|| failure);
    true
}
