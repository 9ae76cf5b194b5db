//! `/letters/ID`: what happened to one message, and what to do about it. Looking changes nothing.

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::letters::Deed;
use serde_json::Value;
use sync_store::{DeadLetterInFull, Place};

use super::{WholeDeadLetters, about, address_of, content, edit};
use crate::access::{Role, Viewer};
use crate::layout::{Section, csrf_field, page};
use crate::parts::{Facts, Params, Segment, address, badge, foreign, when};
use crate::server::App;
use crate::{PageError, help, mask};

const UNKNOWN: &str = "The index knows no dead letter with this id. It may belong to another installation, or its \
                       address was not copied whole; the list of dead letters has them all.";

/// `GET /letters/ID`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(Segment(id)): Path<Segment>,
    params: Params,
) -> Result<Markup, PageError> {
    let mut found = found(&app, &id).await?;
    let mut problem = None;
    if params.get("whole").is_some() && !is_whole(&found) {
        viewer.may(Role::Operator)?;
        problem = complete(&app, &viewer, &mut found).await;
    }
    let letter = &found.noted.letter;
    let now = app.clock.now();
    let content = html! {
        p.marks { (marks(&found)) }
        (what_to_do(&app, &viewer, &found))
        (acts(&app, &viewer, &found))
        h2 { "What happened" }
        (facts(&found, now))
        @if let Some(problem) = problem {
            p.notice.warn { "Only the beginning of the payload is shown: " (problem) "." }
        }
        (content::shown(&viewer, &found))
    };
    Ok(page(&viewer, &format!("Dead letter {}", letter.id), Section::DeadLetters, content))
}

/// A dead letter of the index.
pub(super) async fn found(app: &App, id: &str) -> Result<DeadLetterInFull, PageError> {
    app.store.dead_letter(id).await?.ok_or(PageError::NotFound(UNKNOWN))
}

/// Whether the index has all of the body.
pub(super) fn is_whole(found: &DeadLetterInFull) -> bool {
    found.body.len() as u64 == found.noted.body_size
}

/// Gets the rest of the body from the dead letter's queue; answers why that is not possible, where it is not.
pub(super) async fn complete(app: &App, viewer: &Viewer, found: &mut DeadLetterInFull) -> Option<String> {
    match WholeDeadLetters::read(app, viewer, &found.noted).await {
        Ok(body) => {
            found.body = body.to_vec();
            None
        }
        Err(problem) => Some(problem),
    }
}

/// A header of ours.
pub(super) fn header(found: &DeadLetterInFull, name: &str) -> Option<String> {
    let headers: Value = serde_json::from_str(&found.headers).ok()?;
    headers[name].as_str().map(str::to_owned)
}

/// What tells this dead letter from others at a glance.
fn marks(found: &DeadLetterInFull) -> Markup {
    let letter = &found.noted.letter;
    html! {
        (badge("", &letter.stage)) " " (badge("bad", &letter.reason)) " "
        @match found.noted.place {
            Place::Dead => (badge("warn", "waits for a person")),
            Place::Discarded => (badge("off", "discarded")),
            Place::Redriven => (badge("off", "redriven or gone")),
        }
        @if letter.redriven > 0 { " " (badge("warn", &format!("redriven {}× before", letter.redriven))) }
        @if header(found, amqp::header_names::EDITED_FROM).is_some() { " " (badge("warn", "edited")) }
    }
}

fn what_to_do(app: &App, viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let letter = &found.noted.letter;
    let error = match viewer.is(Role::Operator) {
        true => letter.error.clone(),
        false => mask::error(&letter.error),
    };
    html! {
        div.notice.(match found.noted.place { Place::Dead => "bad", _ => "off" }) {
            p.error { (foreign(&error)) }
            @match found.noted.place {
                Place::Dead => p { strong { "What to do: " } (operate::remedy(&app.stages, &letter.reason)) "." },
                Place::Discarded => p { "It was put aside, where it stays for 30 days. Its receipt stays as it is until it is brought back and redriven." },
                Place::Redriven => p { "It was sent back to " code { "bilag." (letter.stage) } ", or moved by another tool. Should it fail again, it comes back as a dead letter." },
            }
            (help::more(&letter.reason))
        }
    }
}

fn acts(app: &App, viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let deeds: &[(Deed, &str, bool)] = match found.noted.place {
        Place::Dead => &[(Deed::Redrive, "Redrive…", false), (Deed::Discard, "Discard…", true)],
        Place::Discarded => &[(Deed::Restore, "Restore…", false)],
        Place::Redriven => &[],
    };
    if !viewer.is(Role::Operator) || deeds.is_empty() {
        return html! {};
    }
    html! {
        form.actions method="post" action="/letters/confirm" {
            (csrf_field(viewer))
            input type="hidden" name="which" value="chosen";
            input type="hidden" name="id" value=(found.noted.letter.id);
            @for (deed, name, danger) in deeds {
                button.danger[*danger] name="act" value=(deed.name()) { (name) }
            }
            (edit::link(app, viewer, found))
        }
    }
}

fn facts(found: &DeadLetterInFull, now: DateTime<Utc>) -> Markup {
    let (noted, letter) = (&found.noted, &found.noted.letter);
    let died = letter.last_failed_at.unwrap_or(noted.noted_at);
    let link = |(what, href): (String, String)| html! { a href=(href) { (foreign(&what)) } };
    let edited_from = header(found, amqp::header_names::EDITED_FROM);
    let queue = match noted.place {
        Place::Dead => Some(format!("bilag.{}.dead", letter.stage)),
        Place::Discarded => Some(format!("bilag.{}.discarded", letter.stage)),
        Place::Redriven => None,
    };
    let group = sync_store::group_id(&letter.stage, &letter.reason, &sync_store::cause(&letter.error));
    let place = (noted.place != Place::Dead).then(|| noted.place.as_str());
    let all_like_it = address("/letters", &[("place", place), ("group", Some(&group))]);
    let size = if is_whole(found) {
        html! { (noted.body_size) " bytes" }
    } else {
        html! {
            (noted.body_size) " bytes, of which the index has the first " (found.body.len()) "; "
            a href=(address(&address_of(&letter.id), &[("whole", Some("1"))])) { "read it whole from its queue" }
        }
    };
    html! {
        (Facts::default()
            .maybe("About", about(letter).map(link))
            .maybe("Queue", queue.map(|queue| html! { code { (foreign(&queue)) } }))
            .maybe("First failed", letter.first_failed_at.map(|time| when(now, time)))
            .with("Died", when(now, died))
            .with("Noted", when(now, noted.noted_at))
            .with("Retries", letter.attempts)
            .maybe("Edited from", edited_from.map(|id| html! { a href=(address_of(&id)) { (foreign(&id)) } }))
            .maybe("Message", letter.message_id.as_deref().map(|id| html! { code { (foreign(id)) } }))
            .with("Size", size)
            .with("Of its cause", html! { a href=(all_like_it) { "all dead letters with this cause" } }))
    }
}
