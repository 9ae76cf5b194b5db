//! `bilag consume`: runs the named stages in this process until SIGTERM or SIGINT.

use amqp::Consumer;
use consumer::{Context, Stage};
use permits::Permits;

use crate::chain::{named, named_in_any_case, topology};
use crate::cli::ConsumeArgs;
use crate::health::Health;
use crate::output::Failed;
use crate::reporter::Reporter;
use crate::supervisor::Supervisor;
use crate::{health, telemetry};

/// Runs until it is shut down.
pub async fn run(args: Box<ConsumeArgs>) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.runtime.logs)?;
    let chain = args.settings.chain();
    let stages = in_use(&args, &chain);
    let broker = args.broker.broker(&format!("{}", std::process::id()))?;
    let store = match stages.iter().any(|stage| stage.needs_store) {
        true => Some(args.store.open_or_create().await?),
        false => None,
    };
    let permits = store.clone().map(|store| Permits::new(store));
    let context = Context {
        broker,
        store: store.clone(),
        allowance: permits.clone().map(|permits| permits as _),
        chain: chain.clone(),
        oms: args.packages.oms_id.clone(),
        dry_run: args.runtime.dry_run,
        reconcile_every: args.runtime.reconcile_every.duration(),
        stranded_after: args.broker.all_retry_delays(),
    };
    let ready: Result<Vec<_>, _> = stages.iter().map(|stage| stage.start(&context)).collect();
    let ready = ready.map_err(Failed::plainly_used_wrongly)?;
    let listener = match args.runtime.health_addr {
        Some(address) => Some(health::bind(address).await?),
        None => None,
    };
    if let Some(store) = &store {
        tracing::info!(store = store.describe(), "the store; all consumers must share it");
    }
    log_disabled(&args, &chain);
    if args.runtime.dry_run {
        tracing::warn!("dry run (BILAG_DRY_RUN): nothing is sent to any target");
    }
    let names = stages.iter().map(|stage| stage.name);
    let reporter = Reporter::begin(&args.store, store.clone(), names).await;
    let mut supervisor = Supervisor::new();
    for ready in ready {
        let (bus, delays) = (&args.broker.bus_exchange, &args.broker.retry_delays);
        let consumer = Consumer {
            broker: context.broker.clone(),
            topology: topology(bus, delays, [&ready.stage], &chain),
            declares: args.runtime.queues.declare,
            concurrency: args.runtime.concurrency,
            held: reporter.hold(ready.stage.name),
            status: supervisor.status(ready.stage.name),
        };
        supervisor.start(ready, consumer);
    }
    if let Some(listener) = listener {
        health::serve(listener, Health { stages: supervisor.statuses(), store });
    }
    supervisor.until_shutdown(reporter, permits).await
}

/// The named stages that are in use, and take part in a dry run where this is one.
fn in_use<'a>(args: &ConsumeArgs, chain: &'a [Stage]) -> Vec<&'a Stage> {
    let mut stages = named(&args.stages, chain);
    stages.retain(|stage| disabled_reason(args, stage).is_none());
    stages
}

fn disabled_reason(args: &ConsumeArgs, stage: &Stage) -> Option<&'static str> {
    stage.disabled_reason.or(stage.not_in_a_dry_run.filter(|_| args.runtime.dry_run))
}

/// Says which of the named stages are not in use. What waits in their queues goes on waiting.
fn log_disabled(args: &ConsumeArgs, chain: &[Stage]) {
    let disabled: Vec<_> = named_in_any_case(&args.stages, chain)
        .into_iter()
        .filter_map(|stage| Some(format!("{} ({})", stage.name, disabled_reason(args, stage)?)))
        .collect();
    if !disabled.is_empty() {
        tracing::warn!("switched off: {}", disabled.join(", "));
    }
}
