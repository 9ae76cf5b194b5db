//! The sync cycle: events of stranded receipts and packages are published again from the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::{BoxError, Broker, Outgoing, Publisher, chain};
use async_trait::async_trait;
use sync_store::{Key, PackageKey, StoreError, SyncStore};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::Context;

/// Finds stranded events.
#[async_trait]
pub trait Cycle: Send + Sync {
    /// Names the lease that keeps other processes from it: the stage.
    fn name(&self) -> &'static str;

    /// What is untouched for longer than `untouched_for`, longest first, at most `limit`. What was
    /// noted as sent on counts as touched.
    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Again>, StoreError>;
}

/// A message to be sent once more.
#[derive(Clone, Debug)]
pub struct Again {
    /// The message.
    pub message: Outgoing,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What is to be noted as touched once it is sent.
    pub touched: Vec<Touched>,
}

/// What a message that is sent once more is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A receipt's record at a target.
    Record(Key, String),
    /// A round of a package.
    Package(PackageKey, u32),
}

/// Records that are sent on in one go.
const BATCH: u32 = 200;

/// How long a process that ends in the middle keeps the others from it; longer than a batch takes.
const LEASE: Duration = Duration::from_secs(60);

/// Sends on again what a cycle finds. One process at a time does, however many consumers there are.
pub struct Reconcile<C> {
    /// The broker.
    pub broker: Broker,
    /// Where the records are.
    pub store: Arc<dyn SyncStore>,
    /// Finds what stopped.
    pub cycle: C,
    /// Untouched for so long is stranded.
    pub untouched_for: Duration,
}

/// What one cycle did.
pub enum Reconciled {
    /// Another process is at it.
    ElsewhereAlready,
    /// So many were sent on.
    SentOn(usize),
}

impl<C: Cycle> Reconcile<C> {
    /// As the settings of a process have it.
    pub fn new(context: &Context, cycle: C) -> Self {
        let (broker, store) = (context.broker.clone(), context.store());
        Self { broker, store, cycle, untouched_for: context.stranded_after }
    }

    /// Runs a cycle now and then. It may be dropped at any moment: what is sent on twice does no harm.
    pub async fn run(self, every: Duration) {
        let stage = self.cycle.name();
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match self.once().await {
                Ok(Reconciled::SentOn(count @ 1..)) => {
                    tracing::warn!(stage, count, "published stranded events again");
                }
                Ok(_) => {}
                Err(error) => {
                    let error = chain(error.as_ref());
                    tracing::warn!(stage, error, "could not publish stranded events");
                }
            }
        }
    }

    /// One cycle, by one process at a time.
    ///
    /// # Errors
    /// The store or the broker is away.
    pub async fn once(&self) -> Result<Reconciled, BoxError> {
        let owner = Uuid::new_v4().to_string();
        if !self.store.named_lease(self.cycle.name(), &owner, LEASE).await? {
            return Ok(Reconciled::ElsewhereAlready);
        }
        let sent_on = self.send_on(&owner).await;
        // Given back, so that a person who asks right after does not meet another process's lease. Where
        // that fails, it runs out by itself.
        let _ = self.store.named_lease(self.cycle.name(), &owner, Duration::ZERO).await;
        sent_on.map(Reconciled::SentOn)
    }

    async fn send_on(&self, owner: &str) -> Result<usize, BoxError> {
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
