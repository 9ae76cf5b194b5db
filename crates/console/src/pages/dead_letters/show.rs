//! `/letters/ID`: one dead letter: what happened, what to do, and its content.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::dead_letters::{Action, DeadLetterService, decoded, is_whole, readable, transformed};
use operate::{Stage, Transformed};
use serde_json::Value;
use sync_store::{DeadLetterInFull, Place};
use transform::Made;

use super::edit;
use super::view::{find, subject};
use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::caches::Bodies;
use crate::clock::Clock;
use crate::components::{
    Facts, Params, Segment, address, badge, dead_letter_path, document, event, indented, long, pdf_response,
    untrusted, when, with_code,
};
use crate::error::PageError;
use crate::layout::{Section, csrf_field, page};
use crate::state::Settings;
use crate::{help, redaction};

/// `GET /letters/ID`. Read-only; `?whole=1` reads a large body from the queue.
pub(super) async fn show(
    State(service): State<Arc<DeadLetterService>>,
    State(bodies): State<Bodies>,
    State(settings): State<Arc<Settings>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
    params: Params,
) -> Result<Markup, PageError> {
    let mut found = find(&service, &id).await?;
    let mut problem = None;
    if params.get("whole").is_some() && !is_whole(&found) {
        viewer.may(Role::Operator)?;
        problem = complete(&bodies, service.clone(), &viewer, &mut found).await;
    }
    let letter = &found.noted.letter;
    let now = clock.now();
    let content = html! {
        p.marks { (marks(&found)) }
        (what_to_do(&service.stages, &viewer, &found))
        (actions(settings.allow_edit, &viewer, &found))
        h2 { "History" }
        (facts(&found, now))
        @if let Some(problem) = problem {
            p.notice.warn { "The payload is incomplete: " (problem) "." }
        }
        (content(&viewer, &found, &service.stages))
    };
    Ok(page(&viewer, &format!("Dead letter {}", letter.id), Section::DeadLetters, content))
}

/// Replaces the body by the whole one from the queue; the error if that fails.
async fn complete(
    bodies: &Bodies,
    service: Arc<DeadLetterService>,
    viewer: &Viewer,
    found: &mut DeadLetterInFull,
) -> Option<String> {
    match bodies.read(service, viewer.name(), &found.noted).await {
        Ok(body) => {
            found.body = body.to_vec();
            None
        }
        Err(problem) => Some(problem),
    }
}

fn header(found: &DeadLetterInFull, name: &str) -> Option<String> {
    let headers: Value = serde_json::from_str(&found.headers).ok()?;
    headers[name].as_str().map(str::to_owned)
}

fn marks(found: &DeadLetterInFull) -> Markup {
    let letter = &found.noted.letter;
    html! {
        (badge("", &letter.stage)) " " (badge("bad", &letter.reason)) " "
        @match found.noted.place {
            Place::Dead => (badge("warn", "waiting")),
            Place::Discarded => (badge("off", "discarded")),
            Place::Redriven => (badge("off", "redriven or gone")),
        }
        @if letter.redriven > 0 { " " (badge("warn", &format!("redriven {}× before", letter.redriven))) }
        @if header(found, amqp::header_names::EDITED_FROM).is_some() { " " (badge("warn", "edited")) }
    }
}

fn what_to_do(stages: &[Stage], viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let letter = &found.noted.letter;
    let error = match viewer.is(Role::Operator) {
        true => letter.error.clone(),
        false => redaction::error(&letter.error),
    };
    html! {
        div.notice.(match found.noted.place { Place::Dead => "bad", _ => "off" }) {
            p.error { (untrusted(&error)) }
            @match found.noted.place {
                Place::Dead => p { strong { "What to do: " } (with_code(operate::remedy(stages, &letter.reason))) "." },
                Place::Discarded => p { "It is in the archive for 30 days. Its receipt stays as it is until it is restored and redriven." },
                Place::Redriven => p { "It was sent back to " code { "bilag." (letter.stage) } ", or moved by another tool. If it fails again, it becomes a dead letter again." },
            }
            (help::about_reason(&letter.reason))
        }
    }
}

fn actions(allow_edit: bool, viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let actions: &[(Action, &str, bool)] = match found.noted.place {
        Place::Dead => &[(Action::Redrive, "Redrive…", false), (Action::Discard, "Discard…", true)],
        Place::Discarded => &[(Action::Restore, "Restore…", false)],
        Place::Redriven => &[],
    };
    if !viewer.is(Role::Operator) || actions.is_empty() {
        return html! {};
    }
    html! {
        form.actions method="post" action="/letters/confirm" {
            (csrf_field(viewer))
            input type="hidden" name="which" value="chosen";
            input type="hidden" name="id" value=(found.noted.letter.id);
            @for (action, name, danger) in actions {
                button.danger[*danger] name="act" value=(action.name()) { (name) }
            }
            (edit::link(allow_edit, viewer, found))
        }
    }
}

fn facts(found: &DeadLetterInFull, now: DateTime<Utc>) -> Markup {
    let (noted, letter) = (&found.noted, &found.noted.letter);
    let died = letter.last_failed_at.unwrap_or(noted.noted_at);
    let link = |(what, href): (String, String)| html! { a href=(href) { (untrusted(&what)) } };
    let edited_from = header(found, amqp::header_names::EDITED_FROM);
    let queue = match noted.place {
        Place::Dead => Some(format!("bilag.{}.dead", letter.stage)),
        Place::Discarded => Some(format!("bilag.{}.discarded", letter.stage)),
        Place::Redriven => None,
    };
    let group = sync_store::group_id(&letter.stage, &letter.reason, &sync_store::cause(&letter.error));
    let place = (noted.place != Place::Dead).then(|| noted.place.as_str());
    let same_cause = address("/letters", &[("place", place), ("group", Some(&group))]);
    let size = if is_whole(found) {
        html! { (noted.body_size) " bytes" }
    } else {
        html! {
            (noted.body_size) " bytes, the first " (found.body.len()) " in the index; "
            a href=(address(&dead_letter_path(&letter.id), &[("whole", Some("1"))])) { "read it from its queue" }
        }
    };
    html! {
        (Facts::default()
            .maybe("About", subject(letter).map(link))
            .maybe("Queue", queue.map(|queue| html! { code { (untrusted(&queue)) } }))
            .maybe("First failed", letter.first_failed_at.map(|time| when(now, time)))
            .with("Died", when(now, died))
            .with("Indexed", when(now, noted.noted_at))
            .with("Retries", letter.attempts)
            .maybe("Edited from", edited_from.map(|id| html! { a href=(dead_letter_path(&id)) { (untrusted(&id)) } }))
            .maybe("Message", letter.message_id.as_deref().map(|id| html! { code { (untrusted(id)) } }))
            .with("Size", size)
            .with("Cause", html! { a href=(same_cause) { "all dead letters with this cause" } }))
    }
}

/// Decoded event, headers, payload and PDF, without personal data for viewers.
fn content(viewer: &Viewer, found: &DeadLetterInFull, stages: &[Stage]) -> Markup {
    let transformed = transformed(stages, found);
    let event_bytes = match &transformed {
        Some(Transformed { made: Ok(Made::Event(event)), .. }) => event,
        _ => &found.body,
    };
    let decoded = decoded(event_bytes);
    let pdf = decoded.as_ref().and_then(|decoded| decoded.pdf.as_ref());
    html! {
        @if !viewer.is(Role::Operator) {
            p.notice { "Personal data is hidden from viewers." }
        }
        @if let Some(decoded) = &decoded {
            section aria-labelledby="decoded" {
                h2 #decoded { "Content (" code { (decoded.event) } ")" }
                (event(viewer, decoded))
            }
        }
        div.two {
            section aria-labelledby="headers" {
                h2 #headers { "Headers" }
                (headers(viewer, &found.headers))
            }
            section aria-labelledby="payload" {
                h2 #payload { "Payload" }
                (payload(viewer, found))
            }
        }
        @if let Some(transformed) = &transformed {
            section aria-labelledby="transformed" {
                h2 #transformed { "By transform " code { (transformed.transform) } ", as it is now" }
                (made(viewer, transformed))
            }
        }
        @if let Some(pdf) = pdf && viewer.is(Role::Operator) {
            section aria-labelledby="document" {
                h2 #document { "Document" }
                (document(&format!("{}/document.pdf", dead_letter_path(&found.noted.letter.id)), &pdf.file_name))
            }
        }
    }
}

/// What a transform makes of the payload.
fn made(viewer: &Viewer, transformed: &Transformed) -> Markup {
    match &transformed.made {
        Ok(Made::Event(event)) if viewer.is(Role::Operator) => {
            let event = String::from_utf8_lossy(event);
            long(&indented(&event).unwrap_or_else(|| event.to_string()))
        }
        Ok(Made::Event(event)) => match redaction::body(event) {
            Some(masked) => long(&format!("{masked:#}")),
            None => {
                html! { p.notice { "The event is hidden from viewers, as it may contain personal data." } }
            }
        },
        Ok(Made::Nothing) => html! { p { "No event: the message would be passed over." } },
        Ok(Made::Batch { bodies, .. }) => html! { p { "A batch of " (bodies.len()) " events." } },
        Err(error) => {
            let error = error.problem.to_string();
            let error = if viewer.is(Role::Operator) { error } else { redaction::error(&error) };
            html! { p.error { (untrusted(&error)) } }
        }
    }
}

fn headers(viewer: &Viewer, headers: &str) -> Markup {
    let headers: Value = serde_json::from_str(headers).unwrap_or_default();
    let all = viewer.is(Role::Operator);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    html! {
        dl.fields.headers {
            @for (name, value) in headers.as_object().into_iter().flatten() {
                @let value = text(value);
                dt { code { @if all || name.starts_with("x-bilag-") || name == "traceparent" { (untrusted(name)) } @else { (redaction::REDACTED) } } }
                dd { @if all { (untrusted(&value)) } @else { (untrusted(&redaction::header(name, &value))) } }
            }
        }
    }
}

fn payload(viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    if !viewer.is(Role::Operator) {
        return match redaction::body(&found.body) {
            Some(masked) => long(&format!("{masked:#}")),
            None => html! {
                p.notice { "The payload is not a JSON object, or incomplete in the index: it is hidden from viewers, as it may contain personal data." }
            },
        };
    }
    let (body, was_compressed) = readable(&found.body);
    let compressed = html! {
        @if was_compressed { p.muted { "Shown decompressed." } }
    };
    if let Some(lines) = std::str::from_utf8(&body).ok().and_then(indented) {
        return html! { (compressed) (long(&without_base64(lines, &body))) };
    }
    html! {
        (compressed)
        @if std::str::from_utf8(&body).is_err() {
            p.muted { "Not valid UTF-8: invalid bytes are shown as \u{fffd}." }
        }
        (long(&String::from_utf8_lossy(&body)))
        @if !is_whole(found) {
            p.muted { "The first " (found.body.len()) " of " (found.noted.body_size) " bytes." }
        }
    }
}

/// Replaces the bytes of a PDF by their size.
fn without_base64(lines: String, body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    match json.pointer("/pdf/content").and_then(Value::as_str).filter(|content| !content.is_empty()) {
        Some(content) => {
            let bytes = BASE64_STANDARD.decode(content).map_or(0, |bytes| bytes.len());
            lines.replace(content, &format!("({bytes} bytes in base64)"))
        }
        None => lines,
    }
}

const NO_PDF: &str = "This dead letter has no PDF, because it died before rendering. The page of its receipt renders \
                    it.";

/// `GET /letters/ID/document.pdf`. Contains personal data.
pub(super) async fn pdf(
    State(service): State<Arc<DeadLetterService>>,
    State(bodies): State<Bodies>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let mut found = find(&service, &id).await?;
    if !is_whole(&found)
        && let Some(problem) = complete(&bodies, service.clone(), &viewer, &mut found).await
    {
        return Err(PageError::Invalid(format!("The PDF is incomplete in the index, and {problem}.")));
    }
    let pdf = decoded(&found.body).and_then(|decoded| decoded.pdf).ok_or(PageError::NotFound(NO_PDF))?;
    Ok(pdf_response(&pdf.file_name, pdf.content.0))
}
