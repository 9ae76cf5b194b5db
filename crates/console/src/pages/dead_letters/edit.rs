//! `/letters/ID/edit`: a corrected body in place of a dead letter. For editors, if editing is enabled.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use operate::dead_letters::{DeadLetterService, is_same, is_whole, origin, readable};
use sync_store::{DeadLetterInFull, Place};

use super::view::find;
use crate::auth::user::Role;
use crate::auth::viewer::{CsrfForm, Viewer};
use crate::components::{Params, Segment, dead_letter_path, error_text, indented, long, untrusted};
use crate::error::PageError;
use crate::layout::{Section, csrf_field, page};
use crate::state::Settings;

struct Editable {
    found: DeadLetterInFull,
    /// The body, decompressed.
    text: String,
    was_compressed: bool,
}

type Fields = Vec<(String, String)>;

/// Link to the page, for those who may edit the dead letter.
pub(super) fn link(allow_edit: bool, viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let may = allow_edit && viewer.is(Role::Editor) && found.noted.place == Place::Dead;
    html! {
        @if may { a.button.quiet href={ (dead_letter_path(&found.noted.letter.id)) "/edit" } { "Edit…" } }
    }
}

/// The dead letter and its body as text, if the viewer may edit it.
async fn editable(
    service: &DeadLetterService,
    settings: &Settings,
    viewer: &Viewer,
    id: &str,
) -> Result<Editable, PageError> {
    viewer.may(Role::Editor)?;
    let refused = |why: &str| Err(PageError::Invalid(why.to_owned()));
    if !settings.allow_edit {
        return refused("Editing is disabled. BILAG_CONSOLE_ALLOW_EDIT=true enables it.");
    }
    let found = find(service, id).await?;
    if found.noted.place != Place::Dead {
        return refused("This dead letter was moved: only one in a dead-letter queue can be edited.");
    }
    if !is_whole(&found) {
        return refused(
            "The index has only the beginning of this dead letter: edit it with `bilag dead edit ID --allow-edit`, which reads it from its queue.",
        );
    }
    let (body, was_compressed) = readable(&found.body);
    match String::from_utf8(body.into_owned()) {
        Ok(text) => Ok(Editable { found, text, was_compressed }),
        Err(_) => refused(
            "The body of this dead letter is not text and cannot be edited. Have the event published again.",
        ),
    }
}

/// `GET /letters/ID/edit`.
pub(super) async fn show(
    State(service): State<Arc<DeadLetterService>>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
) -> Result<Markup, PageError> {
    let Editable { found, text, .. } = editable(&service, &settings, &viewer, &id).await?;
    let indented = indented(&text).unwrap_or(text);
    Ok(form(&viewer, &found, &indented, None))
}

fn form(viewer: &Viewer, found: &DeadLetterInFull, typed: &str, problem: Option<&str>) -> Markup {
    let letter = &found.noted.letter;
    let content = html! {
        @if let Some(problem) = problem { p.notice.bad #problem role="alert" { (untrusted(problem)) } }
        div.notice {
            p { "Error: " (error_text(viewer, &letter.error)) }
            p.muted { "The corrected body must be about the same receipt or package." }
        }
        form.stack method="post" {
            (csrf_field(viewer))
            div {
                label for="body" { "Body to be sent to " code { "bilag." (untrusted(&letter.stage)) } }
                textarea #body name="body" rows="28" spellcheck="false" autocapitalize="off" autocomplete="off"
                    dir="auto" aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "problem")] {
                    "\n" (typed)
                }
            }
            div.actions {
                button { "Check…" }
                a.button.quiet href=(dead_letter_path(&letter.id)) { "Cancel" }
            }
        }
    };
    page(viewer, &format!("Edit dead letter {}", letter.id), Section::DeadLetters, content)
}

/// `POST /letters/ID/edit`: validates the body and asks for confirmation; with `sure`, sends it. Invalid input is
/// kept in the form.
pub(super) async fn send(
    State(service): State<Arc<DeadLetterService>>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
    CsrfForm(fields): CsrfForm<Fields>,
) -> Result<Response, PageError> {
    let Editable { found, text, was_compressed } = editable(&service, &settings, &viewer, &id).await?;
    let typed = fields.iter().find(|(name, _)| name == "body").map(|(_, body)| body.replace("\r\n", "\n"));
    let typed = typed.unwrap_or_default();
    let again = |problem: &str| {
        Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&viewer, &found, &typed, Some(problem))).into_response())
    };
    // Whether a decompressed body is unchanged depends on the content encoding, which the service knows.
    if !was_compressed && is_same(text.as_bytes(), typed.as_bytes()) {
        return again("Nothing was changed. To send the dead letter unchanged, redrive it.");
    }
    let stage = &found.noted.letter.stage;
    let Some(known) = service.stages.iter().find(|known| known.name == stage) else {
        return again("This version does not have the stage of this dead letter.");
    };
    if let Err(error) = known.check(typed.as_bytes(), origin(&found).as_ref()) {
        return again(&format!("{stage} cannot decode this: {}.", amqp::chain(error.as_ref())));
    }
    if Params::of(&fields).get("sure").is_none() {
        return Ok(confirmation(&viewer, &found, &typed).into_response());
    }
    match service.edit(viewer.name(), &id, typed.as_bytes()).await {
        Ok(()) => Ok(Redirect::to(&dead_letter_path(&id)).into_response()),
        Err(error) => again(&format!("{}.", amqp::chain(&error))),
    }
}

fn confirmation(viewer: &Viewer, found: &DeadLetterInFull, typed: &str) -> Markup {
    let letter = &found.noted.letter;
    let content = html! {
        p { strong { (untrusted(&letter.stage)) } " can decode the body." }
        ul {
            li { "The body below is sent to " code { "bilag." (untrusted(&letter.stage)) } " with all attempts, and refers to this dead letter." }
            li { "The original goes to the archive " code { "bilag." (untrusted(&letter.stage)) ".discarded" } ", for 30 days." }
            li { "Both are logged in the audit log under your name." }
        }
        form method="post" {
            (csrf_field(viewer))
            input type="hidden" name="body" value=(typed);
            div.actions {
                button name="sure" value="yes" { "Send" }
                a.button.quiet href=(dead_letter_path(&letter.id)) { "Cancel" }
            }
        }
        (long(typed))
    };
    page(viewer, "Send the corrected body?", Section::DeadLetters, content)
}
