//! `/letters/export`: the dead letters of a view as JSON Lines, streamed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use operate::dead_letters::{self, DeadLetterService, is_whole};
use serde_json::Value;
use sync_store::{DeadLetterId, DeadLetterInFull, StoreError, SyncStore};

use super::view::View;
use crate::audit::note;
use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::components::Params;
use crate::error::PageError;

/// Dead letters read ahead of the response.
const READ_AHEAD: usize = 4;

/// `GET /letters/export`: the dead letters that are in the view now, wherever they move meanwhile.
pub(super) async fn download(
    State(service): State<Arc<DeadLetterService>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let view = View::for_action(&service, clock.now(), &viewer, &params).await?;
    let ids = service.store.dead_letter_ids(&view.filter()).await?;
    note(
        service.store.as_ref(),
        viewer.name(),
        "export",
        &format!("{} dead letter(s): {}", ids.len(), view.describe()),
    )
    .await?;
    tracing::info!(who = viewer.name(), letters = ids.len(), "exporting dead letters");
    let name =
        format!("attachment; filename=\"dead-letters-{}.jsonl\"", clock.now().format("%Y-%m-%dT%H%M%S"));
    let store = Arc::clone(&service.store);
    let lines = stream::iter(ids).map(move |letter| line(Arc::clone(&store), letter)).buffered(READ_AHEAD);
    let headers =
        [(CONTENT_TYPE, "application/jsonl; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// One line, or none if the dead letter is gone. An error breaks the download off.
async fn line(store: Arc<dyn SyncStore>, letter: DeadLetterId) -> Result<String, StoreError> {
    let found = store.dead_letter(&letter.id).await?;
    Ok(found
        .map_or(String::new(), |found| format!("{}\n", untrusted_text::json(&to_json(&found).to_string()))))
}

fn to_json(found: &DeadLetterInFull) -> Value {
    let mut line = dead_letters::json(&found.noted);
    line["headers"] = serde_json::from_str(&found.headers).unwrap_or(Value::Null);
    line["bodyIsWhole"] = is_whole(found).into();
    let (member, body) = match std::str::from_utf8(&found.body) {
        Ok(text) => ("body", text.to_owned()),
        // Lossless for what is not text.
        Err(_) => ("bodyHex", hex::encode(&found.body)),
    };
    line[member] = body.into();
    line
}
