//! `/letters/ID/edit`: a corrected body in the dead letter's place. For editors, where editing is allowed; what
//! was typed is kept whatever is wrong with it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use operate::letters::{Desk, is_same};
use sync_store::{DeadLetterInFull, Place};

use super::letter::{found, is_whole};
use super::{address_of, groups};
use crate::PageError;
use crate::access::{Checked, Role, Viewer};
use crate::layout::{Section, csrf_field, page};
use crate::parts::{Params, Segment, foreign, indented, long};
use crate::server::App;

/// The fields of a form.
type Fields = Vec<(String, String)>;

/// The way to the page, for those who may edit this dead letter.
pub(super) fn link(app: &App, viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let may = app.allow_edit && viewer.is(Role::Editor) && found.noted.place == Place::Dead;
    html! {
        @if may { a.button.quiet href={ (address_of(&found.noted.letter.id)) "/edit" } { "Edit…" } }
    }
}

/// A dead letter that may be edited by this person, and its body as text.
async fn editable(app: &App, viewer: &Viewer, id: &str) -> Result<(DeadLetterInFull, String), PageError> {
    viewer.may(Role::Editor)?;
    let refused = |why: &str| Err(PageError::Invalid(why.to_owned()));
    if !app.allow_edit {
        return refused(
            "Editing is switched off. Whoever runs this console switches it on with BILAG_CONSOLE_ALLOW_EDIT=true.",
        );
    }
    let found = found(app, id).await?;
    if found.noted.place != Place::Dead {
        return refused(
            "This dead letter does not wait for a person any more: only one that does can be edited.",
        );
    }
    if !is_whole(&found) {
        return refused(
            "The index has only the beginning of this dead letter, so it cannot be edited here. `bilag dead edit ID --allow-edit` takes it from its queue.",
        );
    }
    match String::from_utf8(events::legible(&found.body).into_owned()) {
        Ok(text) => Ok((found, text)),
        Err(_) => refused(
            "The body of this dead letter is no text, so it cannot be edited here. Have it published again.",
        ),
    }
}

/// `GET /letters/ID/edit`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
) -> Result<Markup, PageError> {
    let (found, body) = editable(&app, &viewer, &id).await?;
    let pretty = indented(&body).unwrap_or(body);
    Ok(form(&viewer, &found, &pretty, None))
}

fn form(viewer: &Viewer, found: &DeadLetterInFull, typed: &str, problem: Option<&str>) -> Markup {
    let letter = &found.noted.letter;
    let content = html! {
        @if let Some(problem) = problem { p.notice.bad #problem role="alert" { (foreign(problem)) } }
        div.notice {
            p { "It died because: " (groups::error(viewer, &letter.error)) }
            p.muted { "The error has the path, and what was expected there. The corrected body must be about the same receipt or package." }
        }
        form.stack method="post" {
            (csrf_field(viewer))
            div {
                label for="body" { "The body that is sent to " code { "bilag." (foreign(&letter.stage)) } }
                textarea #body name="body" rows="28" spellcheck="false" autocapitalize="off" autocomplete="off"
                    dir="auto" aria-invalid=[problem.map(|_| "true")] aria-describedby=[problem.map(|_| "problem")] {
                    "\n" (typed)
                }
            }
            div.actions {
                button { "Check it…" }
                a.button.quiet href=(address_of(&letter.id)) { "Cancel" }
            }
        }
    };
    page(viewer, &format!("Edit dead letter {}", letter.id), Section::DeadLetters, content)
}

/// `POST /letters/ID/edit`: checks what was typed, then asks once more; with `sure` sends it.
pub(super) async fn send(
    State(app): State<App>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
    Checked(fields): Checked<Fields>,
) -> Result<Response, PageError> {
    let (found, before) = editable(&app, &viewer, &id).await?;
    let typed = fields.iter().find(|(name, _)| name == "body").map(|(_, body)| body.replace("\r\n", "\n"));
    let typed = typed.unwrap_or_default();
    let again = |problem: &str| {
        Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&viewer, &found, &typed, Some(problem))).into_response())
    };
    // Sent decompressed, a compressed body may be another one; the desk knows its content encoding.
    let is_plain = before.as_bytes() == found.body;
    if is_plain && is_same(before.as_bytes(), typed.as_bytes()) {
        return again("Nothing is changed yet. To send the dead letter on as it is, redrive it.");
    }
    let stage = &found.noted.letter.stage;
    let Some(known) = app.stages.iter().find(|known| known.name == stage) else {
        return again("This dead letter is of a stage that this version does not have.");
    };
    if let Err(error) = known.check(typed.as_bytes()) {
        return again(&format!("{stage} could not read this: {}.", amqp::chain(error.as_ref())));
    }
    if Params::of(&fields).get("sure").is_none() {
        return Ok(sure(&viewer, &found, &typed).into_response());
    }
    let desk =
        Desk { store: app.store.as_ref(), broker: &app.broker, stages: &app.stages, delays: &app.delays };
    match desk.edit(viewer.name(), &id, typed.as_bytes()).await {
        Ok(()) => Ok(Redirect::to(&address_of(&id)).into_response()),
        Err(error) => again(&format!("{}.", amqp::chain(&error))),
    }
}

fn sure(viewer: &Viewer, found: &DeadLetterInFull, typed: &str) -> Markup {
    let letter = &found.noted.letter;
    let content = html! {
        p { strong { (foreign(&letter.stage)) } " can read it." }
        ul {
            li { "The body below is sent to " code { "bilag." (foreign(&letter.stage)) } " with all attempts, linked to this dead letter." }
            li { "The dead letter as it was goes to " code { "bilag." (foreign(&letter.stage)) ".discarded" } ", where it stays for 30 days." }
            li { "Both are written into the audit log with your name." }
        }
        form method="post" {
            (csrf_field(viewer))
            input type="hidden" name="body" value=(typed);
            div.actions {
                button name="sure" value="yes" { "Send it" }
                a.button.quiet href=(address_of(&letter.id)) { "Cancel" }
            }
        }
        (long(typed))
    };
    page(viewer, "Send the corrected body?", Section::DeadLetters, content)
}
