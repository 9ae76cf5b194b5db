//! `bilag consume`: runs the named consumers in this process until SIGTERM or SIGINT.

use consumer::Shared;
use permits::Permits;

use crate::chain::{CHAIN, named};
use crate::cli::{ALL, ConsumeArgs};
use crate::crew::Crew;
use crate::health::Health;
use crate::link::Link;
use crate::output::Failed;
use crate::stages::Stages;
use crate::{health, telemetry};

/// Runs until told to stop.
pub async fn run(args: Box<ConsumeArgs>) -> Result<(), Failed> {
    let _telemetry = telemetry::start(&args.runtime.logs)?;
    let links = running(&args);
    let broker = args.broker.broker(&format!("{}", std::process::id()))?;
    let store = match links.iter().any(|link| link.needs_store) {
        true => Some(args.store.open_or_create().await?),
        false => None,
    };
    let permits = store.clone().map(|store| Permits::new(store));
    let shared = Shared {
        store: store.clone(),
        allowance: permits.clone().map(|permits| permits as _),
        stages: CHAIN.iter().map(|link| link.name).collect(),
        wishes: CHAIN.iter().filter_map(|link| link.wish(&args.settings)).collect(),
        targets: CHAIN.iter().filter_map(Link::serves).collect(),
        oms: args.packages.oms_id.clone(),
        dry_run: args.runtime.dry_run,
    };
    let made: Result<Vec<_>, _> = links.iter().map(|link| link.make(&args.settings, &shared)).collect();
    let made = made.map_err(Failed::plainly_used_wrongly)?;
    let listener = match args.runtime.health_addr {
        Some(address) => Some(health::bind(address).await?),
        None => None,
    };
    if let Some(store) = &store {
        tracing::info!(store = store.describe(), "the store of this process; all consumers must share one");
    }
    tell_switched_off(&args);
    if args.runtime.dry_run {
        tracing::warn!("this is a dry run (BILAG_DRY_RUN): nothing is sent to any target");
    }
    let names = links.iter().map(|link| link.name);
    let stages = Stages::begin(&args.store, store.clone(), names).await;
    let mut crew = Crew::new(&args, broker, stages);
    made.into_iter().for_each(|start| start(&mut crew));
    if let Some(listener) = listener {
        health::serve(listener, Health { stages: crew.statuses(), store });
    }
    crew.until_stopped(permits).await
}

/// The named consumers that are in use.
fn running(args: &ConsumeArgs) -> Vec<&'static Link> {
    let links = named(&args.stages, &args.settings);
    let takes_part = |link: &&Link| link.in_a_dry_run || !args.runtime.dry_run;
    links.into_iter().filter(|link| link.off(&args.settings).is_none()).filter(takes_part).collect()
}

/// Says which of the named consumers are not in use. What waits in their queues goes on waiting.
fn tell_switched_off(args: &ConsumeArgs) {
    let all = args.stages.iter().any(|name| name == ALL);
    let named = |link: &&Link| all || args.stages.iter().any(|name| name == link.name);
    let off: Vec<_> = CHAIN
        .iter()
        .filter(named)
        .filter_map(|link| {
            let dry = (!link.in_a_dry_run && args.runtime.dry_run)
                .then_some("BILAG_DRY_RUN: its requests have invoices made");
            Some(format!("{} ({})", link.name, link.off(&args.settings).or(dry)?))
        })
        .collect();
    if !off.is_empty() {
        tracing::warn!("switched off: {}", off.join(", "));
    }
}
