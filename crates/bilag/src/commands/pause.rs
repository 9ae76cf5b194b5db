//! `bilag pause` and `bilag resume`: pausing stages by hand.

use std::time::{Duration, Instant};

use operate::Stage;
use operate::stages::{self, StageStatus};
use sync_store::{Holding, SeenReport, SyncStore};
use tokio::time::sleep;

use crate::chain;
use crate::cli::{PauseArgs, ResumeArgs};
use crate::output::{Failed, ago, say, tell, when};
use crate::who::who;

/// How long to wait for the processes: longer than one that was killed counts as running.
const TIMEOUT: Duration = Duration::from_secs(12);

const ASK_EVERY: Duration = Duration::from_millis(200);

/// Pauses stages, and waits until their processes take nothing more.
pub async fn pause(args: &PauseArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let who = who(args.actor.who.as_deref());
    for stage in &args.stages {
        let paused = stages::pause(store.as_ref(), stage, &who, &args.why).await.map_err(Failed::plainly)?;
        if let Holding::Standing(hold) = paused {
            let why = if hold.why.is_empty() { String::new() } else { format!(": {}", hold.why) };
            let since = when(hold.since);
            say(format_args!("{stage} is already paused, by {} at {since}{why}", hold.who));
        }
    }
    follow(store.as_ref(), &args.stages, Wish::Pause).await
}

/// Ends operators' pauses, and waits until the processes go on.
pub async fn resume(args: &ResumeArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let who = who(args.actor.who.as_deref());
    let mut resumed = Vec::new();
    for stage in &args.stages {
        match stages::resume(store.as_ref(), stage, &who).await.map_err(Failed::plainly)? {
            Some(_) => resumed.push(stage.clone()),
            None => say(format_args!("{stage} is not paused by an operator: nothing to do")),
        }
    }
    follow(store.as_ref(), &resumed, Wish::Resume).await
}

/// What the processes are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Pause,
    Resume,
}

/// Waits for the processes of the stages, and tells how many have followed. Fails where one that runs
/// has not: it may still take messages.
async fn follow(store: &dyn SyncStore, named: &[String], wish: Wish) -> Result<(), Failed> {
    let named: Vec<Stage> =
        chain::stages().iter().filter(|stage| named.iter().any(|name| name == stage.name)).cloned().collect();
    let deadline = Instant::now() + TIMEOUT;
    let now = loop {
        let now = stages::status(store, &named).await.map_err(Failed::plainly)?;
        if now.iter().all(|stage| stage.behind().next().is_none()) || Instant::now() >= deadline {
            break now;
        }
        sleep(ASK_EVERY).await;
    };
    if !now.is_empty() && now.iter().all(|stage| stage.running.is_empty() && stage.missing.is_empty()) {
        tell(format_args!(
            "warning: no process reports to {}; is it the consumers' store (BILAG_DATABASE_URL)?",
            store.describe()
        ));
    }
    let behind: Vec<_> = now.iter().filter_map(|stage| print_progress(stage, wish)).collect();
    match behind.is_empty() {
        true => Ok(()),
        false => Err(Failed::plainly(behind.join("; "))),
    }
}

/// Prints how far one stage is; returns what is wrong if not all of its processes have confirmed.
fn print_progress(now: &StageStatus, wish: Wish) -> Option<String> {
    let name = now.stage.name;
    if now.hold.is_some() != (wish == Wish::Pause) {
        let meanwhile = if wish == Wish::Pause { "resumed" } else { "paused again" };
        return Some(format!("{name} was {meanwhile} by somebody else meanwhile; see `bilag audit`"));
    }
    let done = match wish {
        Wish::Pause => "paused",
        Wish::Resume => "resumed",
    };
    let behind: Vec<_> = now.behind().map(process).collect();
    let followed = now.running.len() - behind.len();
    match (wish, now.running.len()) {
        (Wish::Pause, 0) => {
            say(format_args!("{name} is paused; it has no live consumers, and new ones will not consume"));
        }
        (Wish::Resume, 0) => say(format_args!("{name} is resumed; it has no live consumers")),
        (_, 1) if behind.is_empty() => say(format_args!("{name} is {done}: its process has confirmed")),
        (_, all) if behind.is_empty() => {
            say(format_args!("{name} is {done}: its {all} processes have confirmed"))
        }
        (_, all) => {
            say(format_args!("{name} is {done}: {followed} of its {all} processes have confirmed so far"))
        }
    }
    if wish == Wish::Pause && now.in_flight() > 0 {
        let count = now.in_flight();
        say(format_args!("{name} is finishing {count} message(s) in flight; see `bilag stages`"));
    }
    for seen in &now.missing {
        tell(format_args!(
            "warning: no report for {} from {}, which ran {name}: if it is still running, it cannot reach the store and continues unchanged",
            ago(seen.seen_at),
            process(seen)
        ));
    }
    (!behind.is_empty()).then(|| {
        format!(
            "{} did not confirm within {} s that {name} is {done}; see its log",
            behind.join(", "),
            TIMEOUT.as_secs()
        )
    })
}

/// A process as people find it.
pub fn process(seen: &SeenReport) -> String {
    format!("{} process {}", seen.process.host, seen.process.pid)
}
