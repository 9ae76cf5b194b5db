//! The sync cycle: receipts that stopped on their way are sent on again from the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::{Broker, Outgoing, Publisher, RETRY, Subject, chain};
use sync_store::{Stranded, SyncStore};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::chain::RECEIPT_QUEUE;
use crate::output::Failed;

/// Records that are sent on in one go.
const BATCH: u32 = 200;

/// The lease of the one process that reconciles.
const NAME: &str = "reconcile";

/// How long a process that ends in the middle keeps the others from it; longer than a batch takes.
const LEASE: Duration = Duration::from_secs(60);

/// What the sync cycle needs.
pub struct Reconcile {
    /// The broker.
    pub broker: Broker,
    /// Where the records are.
    pub store: Arc<dyn SyncStore>,
    /// Untouched for so long is stranded.
    pub untouched_for: Duration,
}

/// What one cycle did.
pub enum Cycle {
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
            let cycle = tokio::select! {
                cycle = self.cycle() => cycle,
                // What is sent on twice does no harm; a broker that blocks us must not hold up the end.
                () = amqp::told_to_stop(&mut stop) => return,
            };
            match cycle {
                Ok(Cycle::SentOn(count @ 1..)) => {
                    tracing::warn!(count, "stranded receipts were sent on again")
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = chain(error.as_ref()), "stranded receipts could not be sent on");
                }
            }
        }
    }

    /// One cycle, by one process at a time.
    pub async fn cycle(&self) -> Result<Cycle, Box<dyn std::error::Error + Send + Sync>> {
        let owner = Uuid::new_v4().to_string();
        if !self.store.named_lease(NAME, &owner, LEASE).await? {
            return Ok(Cycle::ElsewhereAlready);
        }
        let sent_on = self.send_on(&owner).await;
        // Given back, so that a person who asks right after is not told of another process. Where
        // that fails, it runs out by itself.
        let _ = self.store.named_lease(NAME, &owner, Duration::ZERO).await;
        sent_on.map(Cycle::SentOn)
    }

    async fn send_on(&self, owner: &str) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        let begun = Instant::now();
        let mut count = 0;
        loop {
            // What was stranded when the cycle began: not what it has touched itself since.
            let stranded = self.store.stranded(self.untouched_for + begun.elapsed(), BATCH).await?;
            if stranded.is_empty() {
                return Ok(count);
            }
            let publisher = Publisher::connect(&self.broker).await?;
            for record in &stranded {
                publisher.publish_in(record.traceparent.as_deref(), &again(record)).await?;
                self.store.touch(&record.key, &record.target).await?;
                count += 1;
            }
            publisher.close().await;
            self.store.named_lease(NAME, owner, LEASE).await?;
        }
    }
}

/// The receipt as it was heard, straight to the receipt queue.
fn again(record: &Stranded) -> Outgoing {
    let (tenant, receipt) = (&record.key.tenant_uid, &record.key.receipt_uid);
    let identity = ["reconcile", tenant, receipt];
    Outgoing {
        exchange: RETRY.to_owned(),
        subject: Some(Subject { tenant: tenant.clone(), receipt: receipt.clone() }),
        ..Outgoing::event("receipt.settled.v1", RECEIPT_QUEUE.to_owned(), &identity, record.body.clone())
    }
}

/// `bilag sync reconcile`.
pub async fn now(reconcile: &Reconcile) -> Result<(), Failed> {
    match reconcile.cycle().await {
        Ok(Cycle::SentOn(0)) => println!("no receipt is stranded"),
        Ok(Cycle::SentOn(count)) => println!("{count} stranded receipt(s) were sent on again"),
        Ok(Cycle::ElsewhereAlready) => println!("another process is sending stranded receipts on already"),
        Err(error) => return Err(Failed::at("stranded receipts could not be sent on", error)),
    }
    Ok(())
}
