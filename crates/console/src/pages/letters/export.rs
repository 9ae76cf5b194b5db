//! `/letters/export`: the dead letters of a view as JSON Lines, one after the other as they are read.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use sync_store::{DeadLetterId, DeadLetterInFull, StoreError, SyncStore};

use super::letter::is_whole;
use super::view::View;
use crate::PageError;
use crate::access::{Role, Viewer, note};
use crate::hex::hex;
use crate::parts::Params;
use crate::server::App;

/// DeadLetters that are read before the first of them is sent.
const AHEAD: usize = 4;

/// `GET /letters/export`. The dead letters are those that the view has now; one that moves meanwhile is told
/// where it is then.
pub(super) async fn download(
    State(app): State<App>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let view = View::for_an_act(&app, &viewer, &params).await?;
    let ids = app.store.dead_letter_ids(&view.filter()).await?;
    note(&app, viewer.name(), "export", &format!("{} letter(s): {}", ids.len(), view.in_words())).await?;
    tracing::info!(who = viewer.name(), letters = ids.len(), "dead letters are exported");
    let name =
        format!("attachment; filename=\"dead-letters-{}.jsonl\"", app.clock.now().format("%Y-%m-%dT%H%M%S"));
    let store = Arc::clone(&app.store);
    let lines = stream::iter(ids).map(move |letter| line(Arc::clone(&store), letter)).buffered(AHEAD);
    let headers =
        [(CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// A dead letter as a line; nothing where it is not known any more. An error ends the download visibly.
async fn line(store: Arc<dyn SyncStore>, letter: DeadLetterId) -> Result<String, StoreError> {
    let found = store.dead_letter(&letter.id).await?;
    Ok(found
        .map_or(String::new(), |found| format!("{}\n", untrusted_text::json(&to_json(&found).to_string()))))
}

fn to_json(found: &DeadLetterInFull) -> Value {
    let mut line = operate::letters::json(&found.noted);
    line["headers"] = serde_json::from_str(&found.headers).unwrap_or(Value::Null);
    line["bodyIsWhole"] = is_whole(found).into();
    let (member, body) = match std::str::from_utf8(&found.body) {
        Ok(text) => ("body", text.to_owned()),
        // Bytes that are no text, digit by digit, so that nothing is lost.
        Err(_) => ("bodyHex", hex(&found.body)),
    };
    line[member] = body.into();
    line
}
