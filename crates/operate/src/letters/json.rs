//! What a dead letter says of itself, for programs.

use serde_json::{Value, json};
use sync_store::NotedDeadLetter;

/// A dead letter of the index without headers and body. Command line and browser tell it alike.
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
