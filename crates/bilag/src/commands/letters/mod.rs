//! `bilag dead redrive | discard | restore`: moving dead letters.

mod edit;
mod reindex;

use chrono::Utc;
use operate::letters::{DeadLetterError, Deed, Desk, Order, Progress, Selection};
use sync_store::DeadLetterFilter;
use tokio::sync::watch;

use crate::chain::stages;
use crate::cli::{DeadLetterKind, DeadLettersArgs, RedriveArgs};
use crate::output::{Failed, say, tell};
use crate::who::who;
pub use edit::edit;
pub use reindex::{export, reindex};

/// `bilag dead redrive`.
pub async fn redrive(args: RedriveArgs) -> Result<(), Failed> {
    shift(Deed::Redrive, &args.letters, args.rate, args.into_paused).await
}

/// `bilag dead discard`.
pub async fn discard(args: DeadLettersArgs) -> Result<(), Failed> {
    shift(Deed::Discard, &args, None, false).await
}

/// `bilag dead restore`.
pub async fn restore(args: DeadLettersArgs) -> Result<(), Failed> {
    shift(Deed::Restore, &args, None, false).await
}

/// Moves the chosen dead letters, stage by stage.
async fn shift(
    deed: Deed,
    args: &DeadLettersArgs,
    rate: Option<u16>,
    into_paused: bool,
) -> Result<(), Failed> {
    let selection = selection(args)?;
    let store = args.store.open().await?;
    let broker = args.broker.broker("dead letters")?;
    let stages = stages();
    let delays = &args.broker.retry_delays;
    let desk = Desk { store: store.as_ref(), broker: &broker, stages, delays };
    let who = who(args.who.as_deref());
    let order = Order { deed, who: &who, rate, into_paused, stopped: told_to_stop(), progress: &told };
    let moved = desk.carry_out(&order, &selection).await.map_err(failed)?;
    if moved.is_empty() {
        say("no dead letter is chosen: nothing to do");
    }
    Ok(())
}

/// An error of moving dead letters, as the command line tells it.
pub fn failed(error: DeadLetterError) -> Failed {
    match error {
        error @ DeadLetterError::UnknownGroup { .. } => Failed::plainly_used_wrongly(error),
        error => Failed::plainly(error),
    }
}

fn selection(args: &DeadLettersArgs) -> Result<Selection, Failed> {
    if !args.ids.is_empty() {
        return Ok(Selection::Ids(args.ids.clone()));
    }
    let filter = filter(&args.kind);
    if let Some(group) = &args.group {
        return Ok(Selection::Group(group.clone(), filter));
    }
    if !args.all && args.kind.is_empty() {
        let how = "name dead letters by their ids, by --group, --stage, --reason, --since or --text, or all of them with --all";
        return Err(Failed::used_wrongly("LETTER", how));
    }
    Ok(Selection::Filter(filter))
}

/// The dead letters of a kind, wherever they are.
pub fn filter(kind: &DeadLetterKind) -> DeadLetterFilter {
    DeadLetterFilter {
        stage: kind.stage.clone(),
        reason: kind.reason.clone(),
        since: kind.since.map(|since| Utc::now() - since.duration()),
        text: kind.text.clone(),
        ..Default::default()
    }
}

/// Becomes true with Ctrl-C; a second one ends the process.
pub fn told_to_stop() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        // Without signals it goes on to its end, as if nobody had asked.
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = stop.send(true);
            // Again: whoever asks twice does not want to wait for what is in flight. Nothing is lost by it.
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
        // The sender must live as long as somebody may look at it.
        std::future::pending::<()>().await;
    });
    stopped
}

fn told(progress: &Progress<'_>) {
    match progress {
        Progress::Batch(moved) => tell(moved),
        Progress::Done(moved) => say(moved),
        Progress::Archived { id } => {
            tell(format_args!("{id}: its receipt is complete by now; archived, not sent again"));
        }
        Progress::Waits { stage, why } => {
            tell(format_args!("warning: {stage}: {why}; what is redriven may wait in bilag.{stage}"));
        }
        Progress::Settling { stage, letters } if *letters > 20 => {
            tell(format_args!("waiting until {stage} is done with these {letters}"));
        }
        Progress::Settling { .. } => {}
        Progress::Gone { ids } => tell(format_args!(
            "{} letter(s) were not there any more, moved by somebody else; the index says so now: {}",
            ids.len(),
            first_of(ids)
        )),
    }
}

/// The first of many ids.
fn first_of(ids: &[String]) -> String {
    const FEW: usize = 10;
    let more = if ids.len() > FEW { " …" } else { "" };
    format!("{}{more}", ids[..ids.len().min(FEW)].join(" "))
}
