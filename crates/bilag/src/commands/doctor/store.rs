//! The store: there, up to date, writable, and its clock near ours.

use std::time::Duration;

use amqp::Broker;
use chrono::{TimeDelta, Utc};
use config::Secret;
use consumer::Stage;
use operate::stages::{RUNS_WITHIN, StageStatus};
use sync_store::{Schema, StoreError, SyncStore};
use uuid::Uuid;

use super::broker;
use super::finding::Finding;
use crate::chain;
use crate::output::ago;

/// A clock that is further off makes ages wrong; leases go by the store's own.
const CLOCKS_APART: TimeDelta = TimeDelta::seconds(5);

/// Everything about the store. Its tables are not touched where they are behind.
pub async fn look(url: &Secret, at_broker: &Broker, stages: &[&Stage]) -> Vec<Finding> {
    match sync_store::damage(&url.expose()).await {
        Ok(damage) if damage.is_empty() => {}
        Ok(damage) => return vec![damaged(&damage)],
        Err(error) => return vec![unopened(&error)],
    }
    let schema = match sync_store::schema(&url.expose()).await {
        Ok(schema) => schema,
        Err(error) => return vec![unopened(&error)],
    };
    let stores: Vec<_> = stages.iter().copied().filter(|stage| needs_store(stage)).collect();
    let (consumed, all_declared) = broker::consumers(at_broker, &stores).await;
    if schema.version.is_none() && all_declared {
        return vec![gone(&schema.store)];
    }
    let up_to_date = tables(&schema);
    if !schema.pending.is_empty() {
        return vec![up_to_date];
    }
    match sync_store::connect_to_existing(url).await {
        Ok(store) => {
            let (writes, clock) = (writes(store.as_ref()).await, clock(store.as_ref()).await);
            let mut findings = vec![up_to_date, writes, clock];
            findings.extend(unheard(store.as_ref(), &consumed).await);
            findings.extend(waiting(store.as_ref(), stages).await);
            findings
        }
        Err(error) => vec![unopened(&error)],
    }
}

fn needs_store(stage: &Stage) -> bool {
    stage.needs_store && stage.disabled_reason.is_none()
}

fn damaged(damage: &[String]) -> Finding {
    Finding::fail(
        "store",
        format_args!("the SQLite file is damaged: {}", damage.join("; ")),
        "stop all consumers and restore the file from a backup (docs/operations.md)",
    )
}

/// The queues tell that consumers have been there.
fn gone(store: &str) -> Finding {
    Finding::fail(
        "store",
        format_args!("{store} has no tables, although the consumers' queues are declared"),
        "set BILAG_DATABASE_URL to the consumers' store; if it was deleted, stop all consumers and restore it; for a new installation, run `bilag sync migrate`",
    )
}

/// Consumers that report to a store report to this one, unless they use another, or their file has been
/// deleted or replaced.
async fn unheard(store: &dyn SyncStore, consumed: &[&'static str]) -> Option<Finding> {
    let reports = match store.reports(RUNS_WITHIN).await {
        Ok(reports) => reports,
        Err(error) => return Some(Finding::failed("store", &error)),
    };
    let is_unheard = |stage: &&&str| !reports.iter().any(|seen| seen.report.stage == **stage);
    let unheard: Vec<_> = consumed.iter().filter(is_unheard).copied().collect();
    (!unheard.is_empty()).then(|| {
        Finding::fail(
            "store",
            format_args!(
                "consumers of {} run, and none of them reports to {}: they use another store, or its file was deleted or replaced",
                unheard.join(", "),
                store.describe()
            ),
            "set one BILAG_DATABASE_URL for all consumers; stop them, put the right file in place, and start them again",
        )
    })
}

/// Stages that do not work now although they were started.
async fn waiting(store: &dyn SyncStore, stages: &[&Stage]) -> Vec<Finding> {
    let now = match operate::stages::status(store, chain::stages()).await {
        Ok(now) => now,
        Err(error) => return vec![Finding::failed("stages", &error)],
    };
    let in_use = |now: &&StageStatus| stages.iter().any(|stage| stage.name == now.stage.name);
    now.iter().filter(in_use).flat_map(of_stage).collect()
}

fn of_stage(now: &StageStatus) -> Vec<Finding> {
    const BY_ITSELF: &str = "it resumes by itself once the cause is gone; `bilag stages` has the details";
    let name = now.stage.name;
    let mut findings = Vec::new();
    match now.why_paused() {
        Some(why) if now.hold.is_some() => {
            findings.push(Finding::warn(
                "stages",
                format_args!("{name} is {why}"),
                format_args!("`bilag resume {name}`"),
            ));
        }
        Some(why) => findings.push(Finding::fail("stages", format_args!("{name} is {why}"), BY_ITSELF)),
        None => {}
    }
    for why in [now.why_tenants_wait(), now.why_stores_wait()].concat() {
        findings.push(Finding::warn("stages", format_args!("{name}: {why}"), BY_ITSELF));
    }
    if let Some(alarm) = now.alarm() {
        let blocked = format_args!("{name} is blocked by the broker's alarm: {alarm}");
        findings.push(Finding::fail("stages", blocked, BY_ITSELF));
    }
    let last = now.missing.iter().map(|seen| seen.seen_at).max().filter(|_| now.running.is_empty());
    if let Some(last) = last {
        findings.push(Finding::warn(
            "stages",
            format_args!("no process of {name} reports, the last one did {} ago", ago(last)),
            format_args!("start its consumer, or look whether the store's disk is full: a process that cannot write reports nothing"),
        ));
    }
    findings
}

fn unopened(error: &StoreError) -> Finding {
    Finding::fail("store", amqp::chain(error), "check BILAG_DATABASE_URL")
}

fn tables(schema: &Schema) -> Finding {
    let Schema { store, version, known, pending } = schema;
    match (version, pending.len()) {
        (None, _) => Finding::warn(
            "store",
            format_args!("{store} has no tables yet"),
            "the first consumer or `bilag sync migrate` creates them",
        ),
        (Some(version), 0) => Finding::ok("store", format_args!("{store} is at version {version}")),
        (Some(version), behind) => Finding::fail(
            "store",
            format_args!("{store} is at version {version}, {behind} migration(s) behind {known}"),
            "run `bilag sync migrate` as the owner of the tables",
        ),
    }
}

/// A lease that nobody else asks for, and that is given back at once.
async fn writes(store: &dyn SyncStore) -> Finding {
    match store.named_lease("doctor", &Uuid::new_v4().to_string(), Duration::ZERO).await {
        Ok(_) => Finding::ok("store", "can be written"),
        Err(error) => Finding::fail(
            "store",
            amqp::chain(&error),
            "give BILAG_DATABASE_URL's user select, insert, update and delete on all tables",
        ),
    }
}

async fn clock(store: &dyn SyncStore) -> Finding {
    let before = Utc::now();
    let theirs = match store.now().await {
        Ok(theirs) => theirs,
        Err(error) => return Finding::failed("clock", &error),
    };
    let apart = if theirs < before { before - theirs } else { (theirs - Utc::now()).max(TimeDelta::zero()) };
    match apart <= CLOCKS_APART {
        true => Finding::ok("clock", "the clocks of the store and this machine agree"),
        false => Finding::warn(
            "clock",
            format_args!("the clocks of the store and this machine differ by {} s", apart.num_seconds()),
            "synchronize both machines (NTP)",
        ),
    }
}
