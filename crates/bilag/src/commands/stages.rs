//! `bilag stages`: what each stage is doing, all processes together. Looking changes nothing.

use chrono::{DateTime, Utc};
use operate::stages::{self, StageStatus};
use serde_json::{Value, json};
use sync_store::{ReportedPause, SeenReport};

use crate::chain;
use crate::cli::StagesArgs;
use crate::commands::pause::process;
use crate::output::{self, Column, Failed, ago, field, say, table, when};

/// Lists the stages.
pub async fn run(args: &StagesArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let stages = stages::status(store.as_ref(), chain::stages()).await.map_err(Failed::plainly)?;
    if args.json {
        output::json(&stages.iter().map(to_json).collect());
        return Ok(());
    }
    let columns = [
        Column::Left("stage"),
        Column::Left("state"),
        Column::Right("processes"),
        Column::Right("in flight"),
        Column::Right("handled"),
    ];
    output::test_header();
    table(&columns, &stages.iter().map(row).collect::<Vec<_>>());
    stages.iter().for_each(tell_more);
    if stages.iter().all(|stage| stage.running.is_empty() && stage.missing.is_empty()) {
        say(format_args!("\nno process reports to {}", store.describe()));
    }
    Ok(())
}

fn row(now: &StageStatus) -> Vec<String> {
    vec![
        now.stage.name.to_owned(),
        state(now),
        now.running.len().to_string(),
        now.in_flight().to_string(),
        now.handled().to_string(),
    ]
}

/// In a few words; [`tell_more`] says the rest.
fn state(now: &StageStatus) -> String {
    let all = now.running.len();
    let not_running = now.running.iter().filter(|seen| seen.report.broker != "running").count();
    let blocked = now.running.iter().filter(|seen| seen.report.broker == "blocked").count();
    match (&now.hold, now.paused_by_themselves().count()) {
        (Some(_), _) => "paused by an operator".to_owned(),
        (None, 1) if all == 1 => "paused automatically".to_owned(),
        (None, some @ 1..) => format!("paused automatically in {some} of {all}"),
        (None, 0) if all == 0 => "not running".to_owned(),
        (None, 0) if blocked == all => "blocked by the broker".to_owned(),
        (None, 0) if not_running > 0 => format!("running in {} of {all}", all - not_running),
        (None, 0) => match (now.why_tenants_wait().len(), now.why_stores_wait().len()) {
            (0, 0) => "running".to_owned(),
            (tenants, 0) => format!("running, but for {tenants} tenant(s)"),
            (0, stores) => format!("running, but for {stores} store(s)"),
            (tenants, stores) => format!("running, but for {tenants} tenant(s) and {stores} store(s)"),
        },
    }
}

/// Why it is paused, who does not follow, who is missing.
fn tell_more(now: &StageStatus) {
    let name = now.stage.name;
    if let Some(hold) = &now.hold {
        say("");
        field(name, format_args!("paused by {}", hold.who));
        field("since", when(hold.since));
        if !hold.why.is_empty() {
            field("why", &hold.why);
        }
        field("to go on", format_args!("bilag resume {name}"));
    }
    for seen in now.behind() {
        let not_yet = if now.hold.is_some() { "still takes messages" } else { "is still held" };
        say(format_args!("\n{name} {not_yet} at {}: it follows within seconds", process(seen)));
    }
    for (seen, pause) in now.paused_by_themselves() {
        say("");
        field(name, format_args!("paused automatically at {}", process(seen)));
        field("since", when(pause.since));
        field("why", &pause.why);
        field("next probe", next_probe(now, pause));
    }
    for (seen, part, pause) in now.paused_parts() {
        say("");
        field(name, format_args!("{part} paused automatically at {}", process(seen)));
        field("since", when(pause.since));
        field("why", &pause.why);
        field("next probe", next_probe(now, pause));
    }
    for seen in now.running.iter().filter(|seen| seen.report.broker != "running") {
        let why = seen.report.broker_why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        say("");
        match &*seen.report.broker {
            "blocked" => field(name, format_args!("blocked by the broker's alarm at {}{why}", process(seen))),
            state => field(name, format_args!("{state} at {}{why}", process(seen))),
        }
    }
    for seen in &now.missing {
        say("");
        field(name, format_args!("missing: {}, last report {} ago", process(seen), ago(seen.seen_at)));
    }
}

fn next_probe(now: &StageStatus, pause: &ReportedPause) -> String {
    match until(pause.next_probe_at) {
        _ if now.hold.is_some() => "after it is resumed".to_owned(),
        Some(seconds) => format!("in {seconds:.1} s"),
        None => "now, with the next message".to_owned(),
    }
}

/// Seconds to come.
fn until(time: DateTime<Utc>) -> Option<f64> {
    let left = (time - Utc::now()).to_std().ok()?;
    Some(left.as_secs_f64())
}

fn to_json(now: &StageStatus) -> Value {
    json!({
        "stage": now.stage.name,
        "hold": now.hold.as_ref().map(|hold| {
            json!({ "who": hold.who, "why": hold.why, "since": hold.since })
        }),
        "paused": now.why_paused().map(|why| why.to_string()),
        "pausedTenants": now.why_tenants_wait().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "pausedStores": now.why_stores_wait().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "inHand": now.in_flight(),
        "handled": now.handled(),
        "processes": now.running.iter().map(process_json).collect::<Vec<_>>(),
        "missing": now.missing.iter().map(process_json).collect::<Vec<_>>(),
    })
}

fn process_json(seen: &SeenReport) -> Value {
    let (process, report) = (&seen.process, &seen.report);
    json!({
        "process": process.id,
        "host": process.host,
        "pid": process.pid,
        "startedAt": process.started_at,
        "seenAt": seen.seen_at,
        "broker": { "state": report.broker, "why": report.broker_why },
        "pause": report.pause.as_ref().map(|pause| {
            json!({ "since": pause.since, "why": pause.why, "nextProbeAt": pause.next_probe_at })
        }),
        "lanes": report.bulkheads.iter().map(|bulkhead| {
            let ReportedPause { since, why, next_probe_at } = &bulkhead.pause;
            json!({ "lane": bulkhead.bulkhead, "since": since, "why": why, "nextProbeAt": next_probe_at })
        }).collect::<Vec<_>>(),
        "scopes": report.scopes.iter().map(|scope| {
            let ReportedPause { since, why, next_probe_at } = &scope.pause;
            json!({ "scope": scope.bulkhead, "since": since, "why": why, "nextProbeAt": next_probe_at })
        }).collect::<Vec<_>>(),
        "held": report.held,
        "inHand": report.in_flight,
        "handled": report.handled,
    })
}
