//! The consumers of this process, from their start to their end.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use amqp::{Broker, Consumer, Delay, Handler, StageStatus, StartError};
use consumer::Cycle;
use permits::Permits;
use sync_store::SyncStore;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::chain::topology;
use crate::cli::ConsumeArgs;
use crate::link::Link;
use crate::output::Failed;
use crate::reconcile::Reconcile;
use crate::stages::Stages;
use crate::stop::{exit_at_the_deadline, told_by_signal};

/// The consumers of this process.
pub struct Crew<'a> {
    args: &'a ConsumeArgs,
    broker: Broker,
    stages: Stages,
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<(), StartError>>,
    statuses: Vec<Arc<StageStatus>>,
}

impl<'a> Crew<'a> {
    /// Nobody yet.
    pub fn new(args: &'a ConsumeArgs, broker: Broker, stages: Stages) -> Self {
        let (stop, _) = watch::channel(false);
        Self { args, broker, stages, stop, tasks: JoinSet::new(), statuses: Vec::new() }
    }

    /// Starts a consumer.
    pub fn start<H: Handler>(&mut self, link: &Link, handler: H) {
        let status = Arc::new(StageStatus::new(link.name));
        self.statuses.push(status.clone());
        let ConsumeArgs { broker, runtime, settings, .. } = self.args;
        let consumer = Consumer {
            broker: self.broker.clone(),
            topology: topology(&broker.bus_exchange, &broker.retry_delays, [link], settings),
            declares: runtime.queues.declare,
            concurrency: runtime.concurrency,
            status,
            held: self.stages.hold(link.name),
        };
        self.tasks.spawn(consumer.run(handler, self.stop.subscribe()));
    }

    /// Starts what a consumer sends on again from time to time.
    pub fn start_cycle(&mut self, cycle: Box<dyn Cycle>, store: Arc<dyn SyncStore>) {
        let untouched_for = self.args.broker.all_rungs();
        let reconcile = Reconcile { broker: self.broker.clone(), store, cycle, untouched_for };
        let every: &Delay = &self.args.runtime.reconcile_every;
        let (every, stopped) = (every.duration(), self.stop.subscribe());
        self.tasks.spawn(async move {
            reconcile.run(every, stopped).await;
            Ok(())
        });
    }

    /// What each consumer is doing.
    pub fn statuses(&self) -> Vec<Arc<StageStatus>> {
        self.statuses.clone()
    }

    /// Returns once all have ended: told to by SIGTERM or SIGINT, or because one cannot start. Permits are
    /// given back then.
    pub async fn until_stopped(mut self, permits: Option<Arc<Permits>>) -> Result<(), Failed> {
        let mut signalled = pin!(told_by_signal()?);
        let talking = self.stages.talk(self.statuses);
        let failed = Arc::new(OnceLock::new());
        let mut told = false;
        loop {
            tokio::select! {
                () = &mut signalled, if !told => told = true,
                // With what is named switched off there may be nothing to run; then it waits to be told.
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    told |= note_failure(&failed, ended);
                }
            }
            if told {
                tracing::info!("stopping: what is in flight is finished first");
                exit_at_the_deadline(Arc::clone(&failed));
                // Nobody listens only where everything has stopped already.
                let _ = self.stop.send(true);
                while let Some(ended) = self.tasks.join_next().await {
                    note_failure(&failed, ended);
                }
                let give_back = async {
                    if let Some(permits) = permits {
                        permits.give_back().await;
                    }
                };
                tokio::join!(talking.end(), give_back);
                return failed.get().cloned().map_or(Ok(()), Err);
            }
        }
    }
}

/// Whether a consumer ended because it failed. The first failure is kept.
fn note_failure(failed: &OnceLock<Failed>, ended: Result<Result<(), StartError>, JoinError>) -> bool {
    let failure = match ended {
        Ok(Ok(())) => return false,
        Ok(Err(error)) => Failed::plainly(error),
        Err(panic) => Failed::at("a consumer ended", panic),
    };
    failed.get_or_init(|| failure);
    true
}
