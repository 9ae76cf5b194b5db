//! `bilag dead redrive | discard | restore`: moving dead letters.

use operate::dead_letters::{Action, DeadLetterError, MoveRequest, Progress, Selection};
use sync_store::DeadLetterFilter;
use tokio_util::sync::CancellationToken;

use super::service;
use crate::cli::{DeadLetterKind, DeadLettersArgs, RedriveArgs};
use crate::output::{Failed, say, tell};
use crate::who::who;

/// `bilag dead redrive`.
pub async fn redrive(args: RedriveArgs) -> Result<(), Failed> {
    execute(Action::Redrive, &args.letters, args.rate, args.into_paused).await
}

/// `bilag dead discard`.
pub async fn discard(args: DeadLettersArgs) -> Result<(), Failed> {
    execute(Action::Discard, &args, None, false).await
}

/// `bilag dead restore`.
pub async fn restore(args: DeadLettersArgs) -> Result<(), Failed> {
    execute(Action::Restore, &args, None, false).await
}

async fn execute(
    action: Action,
    args: &DeadLettersArgs,
    rate: Option<u16>,
    into_paused: bool,
) -> Result<(), Failed> {
    let selection = selection(args)?;
    let service = service(args.store.open().await?, &args.broker)?;
    let who = who(args.who.as_deref());
    let cancel = cancel_on_ctrl_c();
    let request = MoveRequest { action, who: &who, rate, into_paused, cancel, progress: &print };
    let moved = service.execute(&request, &selection).await.map_err(failed)?;
    if moved.is_empty() {
        say("no dead letter matches: nothing to do");
    }
    Ok(())
}

/// An unknown group is a usage error.
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

/// In any place.
pub fn filter(kind: &DeadLetterKind) -> DeadLetterFilter {
    DeadLetterFilter {
        stage: kind.stage.clone(),
        reason: kind.reason.clone(),
        since: kind.since,
        tenant: kind.tenant.clone(),
        text: kind.text.clone(),
        ..Default::default()
    }
}

/// Cancelled by Ctrl-C; a second one ends the process.
fn cancel_on_ctrl_c() -> CancellationToken {
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        // Without signals the command runs to its end.
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
            // Whoever asks twice does not wait for what is in flight. Nothing is lost.
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    cancel
}

fn print(progress: &Progress<'_>) {
    match progress {
        Progress::Batch(moved) => tell(moved),
        Progress::Done(moved) => say(moved),
        Progress::Archived { id } => {
            tell(format_args!("{id}: its receipt is complete; archived instead"));
        }
        Progress::Waits { stage, why } => {
            tell(format_args!("warning: {stage}: {why}; redriven dead letters may wait in bilag.{stage}"));
        }
        Progress::Settling { stage, count } if *count > 20 => {
            tell(format_args!("waiting for {stage} to finish {count} dead letters"));
        }
        Progress::Settling { .. } => {}
        Progress::Gone { ids } => tell(format_args!(
            "{} dead letter(s) were moved by somebody else; the index has been updated: {}",
            ids.len(),
            first_of(ids)
        )),
    }
}

fn first_of(ids: &[String]) -> String {
    const FEW: usize = 10;
    let more = if ids.len() > FEW { " …" } else { "" };
    format!("{}{more}", ids[..ids.len().min(FEW)].join(" "))
}
