//! What the store says of each stage.

use std::collections::HashMap;

use amqp::chain;
use chrono::{DateTime, Utc};
use sync_store::{PackageState, State, StoreError};

use crate::chain::{Pause, pause};
use crate::mask::Told;
use crate::server::App;

/// The stage whose records are packages.
const PACKED: &str = "packed";

/// What the store says of the chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreNumbers {
    /// How many dead letters wait, and since when the oldest does, by stage.
    pub(crate) dead: HashMap<String, (u64, DateTime<Utc>)>,
    /// When what is untouched for longest on its way was last touched, by stage.
    pub(crate) on_its_way: HashMap<String, DateTime<Utc>>,
    /// Why stages take no messages.
    pub(crate) pauses: HashMap<String, Pause>,
    /// Why messages of some tenants wait while the stage goes on, by stage.
    pub(crate) tenants: HashMap<String, Vec<Told>>,
}

/// Asks the store, or says in words why not.
pub(super) async fn ask(app: &App) -> Result<StoreNumbers, String> {
    gather(app).await.map_err(|error| {
        tracing::warn!(error = chain(&error), "the store could not be asked for the chain's numbers");
        error.to_string()
    })
}

async fn gather(app: &App) -> Result<StoreNumbers, StoreError> {
    let (pauses, tenants) = pause::all(app).await?;
    let mut numbers = StoreNumbers { pauses, tenants, ..Default::default() };
    for count in app.store.dead_counts().await? {
        let (letters, oldest) = numbers.dead.entry(count.stage).or_insert((0, count.oldest));
        *letters += count.count;
        *oldest = count.oldest.min(*oldest);
    }
    for count in app.store.counts().await? {
        let on_its_way = matches!(count.state, State::Pending | State::InvoiceCreated | State::Attaching);
        let target = Some(count.target.as_str());
        let stage = app.stages.iter().find(|stage| stage.target.as_ref().map(|t| t.as_str()) == target);
        if let Some(stage) = stage.filter(|_| on_its_way) {
            note_oldest(&mut numbers, stage.name, count.oldest);
        }
    }
    for count in app.store.package_counts().await? {
        if matches!(count.state, PackageState::Asking | PackageState::Asked) {
            note_oldest(&mut numbers, PACKED, count.oldest);
        }
    }
    Ok(numbers)
}

fn note_oldest(numbers: &mut StoreNumbers, stage: &str, since: DateTime<Utc>) {
    let oldest = numbers.on_its_way.entry(stage.to_owned()).or_insert(since);
    *oldest = since.min(*oldest);
}
