//! Runs a stage's consumer: connects, consumes, and connects again until it is shut down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::hold::{Held, Orders};
use crate::layers::Layers;
use crate::metrics;
use crate::session::{Ended, Session, SessionError};
use crate::{Consumer, Handler, StageState};

/// An invalid setting, found when the consumer first started: waiting does not help.
#[derive(Debug, thiserror::Error)]
#[error("consumer {stage} cannot start")]
pub struct StartError {
    /// The stage.
    pub stage: &'static str,
    /// Why.
    #[source]
    source: SessionError,
}

/// Waits between attempts to connect, doubling up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How long a stop waits for what is in flight: less than the half minute after which Kubernetes kills, with
/// time for what a process does after it.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

impl Consumer {
    /// Runs until the token is cancelled, through every loss of the broker; then finishes what is in flight,
    /// for 20 seconds at most. Fails only at the very start, and only for what someone must change: a
    /// missing exchange, a refused login, a queue that is declared otherwise.
    pub fn run(
        self,
        handler: impl Handler,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, Result<(), StartError>> {
        self.run_boxed(Box::new(handler), shutdown)
    }

    fn run_boxed(
        self,
        handler: Box<dyn Handler>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, Result<(), StartError>> {
        self.run_until(handler, shutdown).boxed()
    }

    async fn run_until(
        self,
        handler: Box<dyn Handler>,
        shutdown: CancellationToken,
    ) -> Result<(), StartError> {
        let too_late = async {
            shutdown.cancelled().await;
            sleep(STOP_DEADLINE).await;
        };
        tokio::select! {
            ended = self.work(handler, shutdown.clone()) => ended,
            () = too_late => {
                let (stage, in_flight) = (self.queue().stage, self.status.in_flight());
                tracing::warn!(
                    stage,
                    in_flight,
                    "stopped with messages in flight; the broker gives them to another consumer"
                );
                Ok(())
            }
        }
    }

    async fn work(&self, handler: Box<dyn Handler>, shutdown: CancellationToken) -> Result<(), StartError> {
        let mut orders = Orders { shutdown, hold: Held(self.held.clone()) };
        let stage = self.queue().stage;
        let layers = Arc::new(Layers::new(handler, self));
        metrics::watch(&self.status);
        let mut tasks = JoinSet::new();
        let mut wait = FIRST_WAIT;
        let mut started = false;
        while !orders.shutdown.is_cancelled() {
            let opened = tokio::select! {
                opened = Session::open(self, !started) => opened,
                () = orders.shutdown.cancelled() => break,
                never = orders.hold.follow(&self.status) => match never {},
            };
            match opened {
                Ok(session) => {
                    tracing::info!(stage, queue = self.queue().name(), broker = %self.broker, "consuming");
                    started = true;
                    let since = Instant::now();
                    match session.run(&layers, &mut tasks, &mut orders).await {
                        Ended::Stopped => break,
                        Ended::Lost(why) => {
                            tracing::warn!(
                                stage,
                                why,
                                "the connection to the broker was lost; connecting again"
                            );
                            self.status.set_state(StageState::Disconnected(why));
                        }
                    }
                    // A session that ends at once, again and again, must not wear out what is in its
                    // hand: each end counts as a delivery.
                    if since.elapsed() > LAST_WAIT {
                        wait = FIRST_WAIT;
                    }
                }
                Err(source) if source.is_configuration() && !started => {
                    return Err(StartError { stage, source });
                }
                Err(error) => {
                    let why = crate::failure::chain(&error);
                    tracing::warn!(stage, why, "no connection to the broker; trying again");
                    self.status.set_state(StageState::Disconnected(why));
                }
            }
            tokio::select! {
                () = sleep(wait) => wait = (wait * 2).min(LAST_WAIT),
                () = orders.shutdown.cancelled() => {}
                never = orders.hold.follow(&self.status) => match never {},
            }
        }
        self.status.set_state(StageState::Stopping);
        while tasks.join_next().await.is_some() {}
        tracing::info!(stage, handled = self.status.handled(), "stopped");
        Ok(())
    }
}
