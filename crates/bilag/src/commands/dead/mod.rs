//! `bilag dead`: the dead letters, read from their index. Looking changes nothing.

mod groups;
mod list;
mod show;

use serde_json::{Value, json};
use sync_store::{Letter, LetterFilter, NotedLetter, Page, SyncStore};

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

/// The letters that wait for a person and are about something.
pub async fn letters_about(
    store: &dyn SyncStore,
    text: String,
    is_about: impl Fn(&Letter) -> bool,
) -> Result<Vec<Letter>, Failed> {
    let filter = LetterFilter { text: Some(text), ..Default::default() };
    let found = store.dead_letters(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    Ok(found.into_iter().map(|noted| noted.letter).filter(is_about).collect())
}

fn to_json(noted: &NotedLetter) -> Value {
    let letter = &noted.letter;
    json!({
        "id": letter.id,
        "stage": letter.stage,
        "queue": format!("bilag.{}.dead", letter.stage),
        "place": noted.place.as_str(),
        "reason": letter.reason,
        "error": letter.error,
        "tenant": letter.key.as_ref().map(|key| &key.tenant_uid),
        "receipt": letter.key.as_ref().map(|key| &key.receipt_uid),
        "oms": letter.package.as_ref().map(|package| &package.oms),
        "package": letter.package.as_ref().map(|package| package.package_id),
        "messageId": letter.message_id,
        "attempts": letter.attempts,
        "firstFailedAt": letter.first_failed_at,
        "lastFailedAt": letter.last_failed_at,
        "redriven": letter.redriven,
        "bodySize": noted.body_size,
        "notedAt": noted.noted_at,
    })
}
