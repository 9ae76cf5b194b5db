//! The sync cycle: what stopped on its way is sent on again from the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::{Broker, Publisher, chain};
use consumer::{Cycle, Touched};
use sync_store::SyncStore;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::output::{Failed, say};

/// Records that are sent on in one go.
const BATCH: u32 = 200;

/// How long a process that ends in the middle keeps the others from it; longer than a batch takes.
const LEASE: Duration = Duration::from_secs(60);

/// What the sync cycle needs.
pub struct Reconcile {
    /// The broker.
    pub broker: Broker,
    /// Where the records are.
    pub store: Arc<dyn SyncStore>,
    /// What looks for what stopped.
    pub cycle: Box<dyn Cycle>,
    /// Untouched for so long is stranded.
    pub untouched_for: Duration,
}

/// What one cycle did.
pub enum Ended {
    /// Another process is at it.
    ElsewhereAlready,
    /// So many were sent on.
    SentOn(usize),
}

impl Reconcile {
    /// Runs a cycle now and then, until told to stop.
    pub async fn run(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = amqp::told_to_stop(&mut stop) => return,
            }
            let ended = tokio::select! {
                ended = self.once() => ended,
                // What is sent on twice does no harm; a broker that blocks us must not hold up the end.
                () = amqp::told_to_stop(&mut stop) => return,
            };
            match ended {
                Ok(Ended::SentOn(count @ 1..)) => {
                    tracing::warn!(
                        stage = self.cycle.name(),
                        count,
                        "what had stopped on its way was sent on again"
                    )
                }
                Ok(_) => {}
                Err(error) => {
                    let (stage, error) = (self.cycle.name(), chain(error.as_ref()));
                    tracing::warn!(stage, error, "what stopped on its way could not be sent on");
                }
            }
        }
    }

    /// One cycle, by one process at a time.
    pub async fn once(&self) -> Result<Ended, Box<dyn std::error::Error + Send + Sync>> {
        let owner = Uuid::new_v4().to_string();
        if !self.store.named_lease(self.cycle.name(), &owner, LEASE).await? {
            return Ok(Ended::ElsewhereAlready);
        }
        let sent_on = self.send_on(&owner).await;
        // Given back, so that a person who asks right after is not told of another process. Where
        // that fails, it runs out by itself.
        let _ = self.store.named_lease(self.cycle.name(), &owner, Duration::ZERO).await;
        sent_on.map(Ended::SentOn)
    }

    async fn send_on(&self, owner: &str) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        let begun = Instant::now();
        let mut count = 0;
        loop {
            // What was stranded when the cycle began: not what it has touched itself since.
            let stranded = self.cycle.stranded(self.untouched_for + begun.elapsed(), BATCH).await?;
            if stranded.is_empty() {
                return Ok(count);
            }
            let publisher = Publisher::connect(&self.broker).await?;
            for again in &stranded {
                publisher.publish_in(again.traceparent.as_deref(), &again.message).await?;
                for touched in &again.touched {
                    match touched {
                        Touched::Record(key, target) => self.store.touch(key, target).await?,
                        Touched::Package(key, round) => self.store.touch_package(key, *round).await?,
                    }
                }
                count += 1;
            }
            publisher.close().await;
            self.store.named_lease(self.cycle.name(), owner, LEASE).await?;
        }
    }
}

/// `bilag sync reconcile`.
pub async fn now(reconcile: &Reconcile) -> Result<(), Failed> {
    match reconcile.once().await {
        Ok(Ended::SentOn(0)) => say("no receipt is stranded"),
        Ok(Ended::SentOn(count)) => say(format_args!("{count} stranded receipt(s) were sent on again")),
        Ok(Ended::ElsewhereAlready) => say("another process is sending stranded receipts on already"),
        Err(error) => return Err(Failed::at("stranded receipts could not be sent on", error)),
    }
    Ok(())
}
