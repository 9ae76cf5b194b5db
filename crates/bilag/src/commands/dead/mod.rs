//! `bilag dead`: the dead letters, read from their index. Looking changes nothing.

mod groups;
mod list;
mod show;

use serde_json::Value;
use sync_store::{DeadLetter, DeadLetterFilter, NotedDeadLetter, Page, SyncStore};

use crate::cli::DeadCommand;
use crate::commands::letters;
use crate::output::Failed;

/// Lists, shows, moves.
pub async fn run(command: DeadCommand) -> Result<(), Failed> {
    match command {
        DeadCommand::List(args) => list::run(*args).await,
        DeadCommand::Show(args) => show::run(*args).await,
        DeadCommand::Redrive(args) => letters::redrive(*args).await,
        DeadCommand::Discard(args) => letters::discard(*args).await,
        DeadCommand::Restore(args) => letters::restore(*args).await,
        DeadCommand::Edit(args) => letters::edit(*args).await,
        DeadCommand::Export(args) => letters::export(args).await,
        DeadCommand::Reindex(args) => letters::reindex(args).await,
    }
}

/// The dead letters that wait for a person and are about something.
pub async fn letters_about(
    store: &dyn SyncStore,
    text: String,
    is_about: impl Fn(&DeadLetter) -> bool,
) -> Result<Vec<DeadLetter>, Failed> {
    let filter = DeadLetterFilter { text: Some(text), ..Default::default() };
    let found = store.dead_letters(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    Ok(found.into_iter().map(|noted| noted.letter).filter(is_about).collect())
}

fn to_json(noted: &NotedDeadLetter) -> Value {
    let mut letter = operate::letters::json(noted);
    letter["queue"] = amqp::dead_queue_name(&noted.letter.stage).into();
    letter
}
