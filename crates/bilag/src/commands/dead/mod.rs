//! `bilag dead`: listing, showing, moving, editing and reindexing dead letters.

mod act;
mod edit;
mod groups;
mod index;
mod list;
mod show;

use std::sync::Arc;

use consumer::{Stage, TransformSettings};
use operate::dead_letters::DeadLetterService;
use serde_json::Value;
use sync_store::{DeadLetter, DeadLetterFilter, NotedDeadLetter, Page, SyncStore};

use crate::chain::stages;
use crate::cli::DeadCommand;
use crate::output::{Failed, say};
use crate::settings::BrokerSettings;

pub async fn run(command: DeadCommand) -> Result<(), Failed> {
    match command {
        DeadCommand::List(args) => list::run(*args).await,
        DeadCommand::Show(args) => show::run(*args).await,
        DeadCommand::Redrive(args) => act::redrive(*args).await,
        DeadCommand::Discard(args) => act::discard(*args).await,
        DeadCommand::Restore(args) => act::restore(*args).await,
        DeadCommand::Edit(args) => edit::run(*args).await,
        DeadCommand::Export(args) => index::export(args).await,
        DeadCommand::Reindex(args) => index::reindex(args).await,
    }
}

fn service(store: Arc<dyn SyncStore>, broker: &BrokerSettings) -> Result<DeadLetterService, Failed> {
    let delays = broker.retry_delays.clone();
    Ok(DeadLetterService {
        store,
        broker: broker.broker_to_publish("dead letters")?,
        stages: stages().to_vec(),
        delays,
    })
}

/// The stages, which read messages by these transforms.
fn stages_with(transforms: &TransformSettings) -> Vec<Stage> {
    let transforms = transforms.transforms.as_ref();
    stages().iter().map(|stage| stage.clone().transformed_by(transforms)).collect()
}

/// Dead letters in their queues that match.
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
    let mut letter = operate::dead_letters::json(noted);
    letter["queue"] = amqp::dead_queue_name(&noted.letter.stage).into();
    letter
}

/// In place of an empty list.
async fn none(store: &dyn SyncStore) -> Result<(), Failed> {
    let none_at_all = store.dead_counts().await.map_err(Failed::plainly)?.is_empty();
    let store = store.describe();
    match none_at_all {
        true => say(format_args!("no dead letters in {store}; `bilag consume dead` indexes them")),
        false => say(format_args!("no matching dead letters in {store}")),
    }
    Ok(())
}
