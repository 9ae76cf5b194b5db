//! `bilag consume`: runs the named consumers in this process until SIGTERM or SIGINT.

use std::sync::Arc;

use amqp::{Consumer, Handler, StageStatus, StartError};
use consumer_dead::DeadConsumer;
use consumer_receipt::ReceiptConsumer;
use consumer_render::RenderConsumer;
use consumer_upload::UploadConsumer;
use sync_store::SyncStore;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::chain::topology;
use crate::cli::{ConsumeArgs, StageName};
use crate::health::Health;
use crate::output::Failed;
use crate::reconcile::Reconcile;
use crate::{health, telemetry};

/// Runs until told to stop.
pub async fn run(args: Box<ConsumeArgs>) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.runtime)?;
    let stages = stages(&args);
    // Everything that can be wrong with the settings is found before the first message is taken.
    let template = if_named(&stages, StageName::Render, || args.render.load())?;
    let omnium = if_named(&stages, StageName::Upload, || args.omnium.client())?;
    let broker = args.broker.broker(&format!("{}", std::process::id()))?;
    let needs_store = stages.iter().any(|stage| *stage != StageName::Render);
    let store = match needs_store {
        true => Some(args.store.open().await?),
        false => None,
    };
    if let Some(store) = &store {
        tracing::info!(store = store.describe(), "the store of this process; all consumers must share one");
    }

    let (stop, stopped) = watch::channel(false);
    let mut crew = Crew { args: &args, broker, stopped, tasks: JoinSet::new(), statuses: Vec::new() };
    for stage in &stages {
        match (stage, &store, &omnium, template) {
            (StageName::Receipt, Some(store), ..) => {
                crew.start(
                    *stage,
                    "receipt",
                    ReceiptConsumer {
                        store: store.clone(),
                        send_to_omnium: args.omnium.send_order_receipt_to_omnium,
                        property_prefix: args.omnium.omnium_property_prefix.clone(),
                    },
                );
                crew.start_reconciling(store.clone());
            }
            (StageName::Render, .., Some(template)) => {
                crew.start(*stage, "render", RenderConsumer { template })
            }
            (StageName::Upload, Some(store), Some(omnium), _) => {
                crew.start(*stage, "upload", UploadConsumer { store: store.clone(), omnium: omnium.clone() })
            }
            (StageName::Dead, Some(store), ..) => {
                crew.start(*stage, "dead", DeadConsumer { store: store.clone() });
            }
            _ => {}
        }
    }
    if let Some(address) = args.runtime.health_addr {
        health::serve(address, Health { stages: crew.statuses.clone(), store }).await?;
    }
    crew.until_stopped(stop).await
}

/// What one stage alone needs; the others need not hold it in memory.
fn if_named<T>(
    stages: &[StageName],
    stage: StageName,
    make: impl FnOnce() -> Result<T, Failed>,
) -> Result<Option<T>, Failed> {
    stages.contains(&stage).then(make).transpose()
}

/// The stages to run, each once. Upload does not run while nothing may be sent (the first rule of
/// the sync); what waits in its queue goes on waiting.
fn stages(args: &ConsumeArgs) -> Vec<StageName> {
    let all = [StageName::Receipt, StageName::Render, StageName::Upload, StageName::Dead];
    let named = |stage: &StageName| args.stages.contains(stage) || args.stages.contains(&StageName::All);
    let mut stages: Vec<_> = all.into_iter().filter(named).collect();
    if stages.contains(&StageName::Upload) && !args.omnium.send_order_receipt_to_omnium {
        tracing::warn!(
            "upload is off, and receipts are recorded as skipped: OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false"
        );
        stages.retain(|stage| *stage != StageName::Upload);
    }
    stages
}

/// The consumers of this process.
struct Crew<'a> {
    args: &'a ConsumeArgs,
    broker: amqp::Broker,
    stopped: watch::Receiver<bool>,
    tasks: JoinSet<Result<(), StartError>>,
    statuses: Vec<Arc<StageStatus>>,
}

impl Crew<'_> {
    fn start<H: Handler>(&mut self, stage: StageName, name: &'static str, handler: H) {
        let status = Arc::new(StageStatus::new(name));
        self.statuses.push(status.clone());
        let consumer = Consumer {
            broker: self.broker.clone(),
            topology: topology(&self.args.broker, &[stage]),
            concurrency: self.args.runtime.concurrency,
            status,
        };
        self.tasks.spawn(consumer.run(handler, self.stopped.clone()));
    }

    fn start_reconciling(&mut self, store: Arc<dyn SyncStore>) {
        let reconcile =
            Reconcile { broker: self.broker.clone(), store, untouched_for: self.args.broker.all_rungs() };
        let (every, stopped) = (self.args.runtime.reconcile_every.duration(), self.stopped.clone());
        self.tasks.spawn(async move {
            reconcile.run(every, stopped).await;
            Ok(())
        });
    }

    async fn until_stopped(mut self, stop: watch::Sender<bool>) -> Result<(), Failed> {
        let no_signals = |error| Failed::at("signals cannot be heard", error);
        let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
        let mut failed = None;
        let mut told = false;
        loop {
            tokio::select! {
                _ = term.recv(), if !told => told = true,
                _ = interrupt.recv(), if !told => told = true,
                // With upload off there may be nothing to run; then it waits to be told to stop.
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => { failed.get_or_insert_with(|| Failed::plainly(error)); told = true; }
                    Err(panic) => { failed.get_or_insert_with(|| Failed::at("a consumer ended", panic)); told = true; }
                },
            }
            if told {
                tracing::info!("stopping: what is in hand is finished first");
                // Nobody listens only where everything has stopped already.
                let _ = stop.send(true);
                while let Some(ended) = self.tasks.join_next().await {
                    if let Ok(Err(error)) = ended {
                        failed.get_or_insert_with(|| Failed::plainly(error));
                    }
                }
                return failed.map_or(Ok(()), Err);
            }
        }
    }
}
