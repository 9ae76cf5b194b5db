//! `/jobs`: what this console is doing, and how it went.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::letters::Deed;

use crate::PageError;
use crate::access::{Checked, Role, Viewer, note};
use crate::jobs::{Ended, Job, Seen};
use crate::layout::{Section, csrf_field, page};
use crate::parts::{Facts, ago, badge, empty, foreign, when};
use crate::server::App;
use crate::time::span;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/jobs", get(list))
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/stop", post(stop))
}

const UNKNOWN: &str = "This console remembers no such job: it remembers the latest 50, until it is restarted. The \
                       audit log says what was begun.";

fn job(app: &App, id: &str) -> Result<Arc<Job>, PageError> {
    id.parse().ok().and_then(|id| app.jobs.get(id)).ok_or(PageError::NotFound(UNKNOWN))
}

fn title(job: &Job) -> String {
    let doing = match job.deed {
        Deed::Redrive => "Redriving",
        Deed::Discard => "Discarding",
        Deed::Restore => "Restoring",
    };
    format!("{doing} letters (job {})", job.id)
}

async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> Result<Markup, PageError> {
    let job = job(&app, &id)?;
    let (seen, now) = (job.seen(), app.clock.now());
    // Without an end the page renews itself, with a script or without one.
    let refresh = seen.ended.is_none().then_some("1");
    let content = html! {
        section #job data-refresh=[refresh] {
            div role="status" { (standing(&viewer, &seen)) }
            @for moved in &seen.stages {
                p.progress {
                    label for={ "of-" (moved.stage) } { (moved.to_string()) }
                    progress id={ "of-" (moved.stage) } value=(moved.moved) max=(moved.of.max(1)) {}
                }
            }
            @if refresh.is_some() { noscript { meta http-equiv="refresh" content="2"; } }
        }
        // Apart from what renews itself: a part is left alone while a button in it has the focus.
        section #acts data-refresh=[refresh] { (acts(&viewer, &job, &seen)) }
        section #facts data-refresh=[refresh] {
            (facts(&job, &seen, now))
            @if !seen.events.is_empty() {
                h2 { "What happened lately" }
                ol.events reversed {
                    @for (time, text) in &seen.events { li { (ago(now, *time)) ": " (foreign(text.to(&viewer))) } }
                }
            }
        }
    };
    Ok(page(&viewer, &title(&job), Section::DeadLetters, content))
}

fn acts(viewer: &Viewer, job: &Job, seen: &Seen) -> Markup {
    html! {
        @if seen.ended.is_some() {
            p.actions { a.button href="/letters" { "To the dead letters" } }
        } @else if viewer.is(Role::Operator) {
            form.actions method="post" action={ "/jobs/" (job.id) "/stop" } {
                (csrf_field(viewer))
                @if seen.stopped.is_none() { button.danger { "Stop" } }
                @else { button.danger disabled { "Stopping…" } }
            }
        }
    }
}

fn standing(viewer: &Viewer, seen: &Seen) -> Markup {
    match (&seen.ended, &seen.stopped) {
        (Some((_, Ended::Well(text))), _) => html! { p.notice.ok { (foreign(text)) } },
        (Some((_, Ended::Early(text))), _) => html! { p.notice.bad { (foreign(text.to(viewer))) } },
        (None, Some(why)) => {
            html! { p.notice.warn { "It stops once it is done with what it has in flight: " (foreign(why)) "." } }
        }
        (None, None) => html! { p.notice { "It is running, and goes on when you leave this page." } },
    }
}

fn facts(job: &Job, seen: &Seen, now: DateTime<Utc>) -> Facts {
    let took = seen.ended.as_ref().map(|(ended, _)| span(seen.begun, *ended));
    let archived = (seen.archived > 0).then(|| {
        html! {
            (seen.archived) " whose receipt was complete by then; not sent again"
        }
    });
    Facts::default()
        .with("By", foreign(&job.who))
        .with("Begun", when(now, seen.begun))
        .maybe("Took", took)
        .maybe("Archived", archived)
}

async fn stop(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Checked(_): Checked<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let job = job(&app, &id)?;
    if job.is_running() {
        note(&app, viewer.name(), "stop", &format!("job {} of {}", job.id, job.who)).await?;
        job.stop(&format!("{} said so", viewer.name()));
    }
    Ok(Redirect::to(&format!("/jobs/{}", job.id)))
}

async fn list(State(app): State<App>, viewer: Viewer) -> Markup {
    let now = app.clock.now();
    let jobs = app.jobs.all();
    let content = html! {
        section #jobs data-refresh="5" {
            @if jobs.is_empty() {
                (empty("This console has moved no dead letters since it was started.", html! {
                    p { "What was done before, and on the command line, is in the " a href="/audit" { "audit log" } "." }
                }))
            } @else {
                table {
                    thead { tr { th scope="col" { "Job" } th scope="col" { "By" } th scope="col" { "Begun" } th scope="col" { "Outcome" } } }
                    tbody { @for job in &jobs { (row(&viewer, job, now)) } }
                }
            }
        }
    };
    page(&viewer, "Jobs", Section::DeadLetters, content)
}

fn row(viewer: &Viewer, job: &Job, now: DateTime<Utc>) -> Markup {
    let seen = job.seen();
    html! {
        tr {
            th scope="row" data-label="Job" { a href={ "/jobs/" (job.id) } { (title(job)) } }
            td data-label="By" { (foreign(&job.who)) }
            td data-label="Begun" { (ago(now, seen.begun)) }
            td data-label="Outcome" {
                @match &seen.ended {
                    None => (badge("warn", "running")),
                    Some((_, Ended::Well(_))) => (badge("ok", "done")),
                    Some((_, Ended::Early(text))) => { (badge("bad", "ended early")) " " (foreign(text.to(viewer))) },
                }
            }
        }
    }
}

/// Those that run now, for pages whose numbers change under one's eyes.
pub(crate) fn running(app: &App) -> Markup {
    let running: Vec<_> = app.jobs.all().into_iter().filter(|job| job.is_running()).collect();
    html! {
        @for job in running {
            p.notice { (foreign(&job.who)) ": " a href={ "/jobs/" (job.id) } { (title(&job)) } }
        }
    }
}
