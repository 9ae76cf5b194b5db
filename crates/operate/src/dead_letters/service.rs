//! Access to dead letters: their index, their queues, and the stages that they belong to.

use std::borrow::Cow;
use std::sync::Arc;

use amqp::{Broker, Delay, Origin};
use consumer::Transformed;
use serde_json::{Value, json};
use sync_store::{
    DeadCause, DeadLetterFilter, DeadLetterInFull, NotedDeadLetter, Page, Place, StoreError, SyncStore,
};

use crate::Stage;

/// Works on dead letters: their index in the store, and their queues at the broker.
#[derive(Clone)]
pub struct DeadLetterService {
    /// Holds the index.
    pub store: Arc<dyn SyncStore>,
    /// Holds the queues.
    pub broker: Broker,
    /// Stages of the chain.
    pub stages: Vec<Stage>,
    /// Retry queues, where a redriven dead letter goes if it fails again.
    pub delays: Vec<Delay>,
}

impl DeadLetterService {
    /// The group with this id among the dead letters of a place.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn group(&self, id: &str, place: Place) -> Result<Option<DeadCause>, StoreError> {
        let filter = DeadLetterFilter { place, group: Some(id.to_owned()), ..Default::default() };
        Ok(self.store.dead_causes(&filter, Page::first(1)).await?.pop())
    }
}

/// Whether the index has the whole body: it keeps the beginning of a large one.
pub fn is_whole(found: &DeadLetterInFull) -> bool {
    found.body.len() as u64 == found.noted.body_size
}

/// How the message of a dead letter came from the users' bus; `None` where it did not.
pub fn origin(found: &DeadLetterInFull) -> Option<Origin> {
    let headers: Value = serde_json::from_str(&found.headers).ok()?;
    Origin::of_headers(|name| headers[name].as_str().map(str::to_owned))
}

/// What the stage's transforms make of a dead letter now; `None` where none of them is for it.
pub fn transformed(stages: &[Stage], found: &DeadLetterInFull) -> Option<Transformed> {
    let letter = &found.noted.letter;
    let stage = stages.iter().find(|stage| stage.name == letter.stage)?;
    stage.transformed(origin(found).as_ref(), letter.message_id.as_deref(), &readable(&found.body).0)
}

/// The body decompressed for reading, and whether it was compressed.
pub fn readable(body: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let text = events::legible(body);
    let was_compressed = *text != *body;
    (text, was_compressed)
}

/// An indexed dead letter as JSON, without headers and body.
pub fn json(noted: &NotedDeadLetter) -> Value {
    let letter = &noted.letter;
    json!({
        "id": letter.id,
        "stage": letter.stage,
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
