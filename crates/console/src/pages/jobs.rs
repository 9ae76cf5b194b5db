//! `/jobs`: the jobs of this console.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::dead_letters::Action;

use crate::audit::note;
use crate::auth::user::Role;
use crate::auth::viewer::{CsrfForm, Viewer};
use crate::clock::Clock;
use crate::components::{Facts, ago, badge, empty, span, untrusted, when};
use crate::error::PageError;
use crate::jobs::{Job, JobProgress, Jobs, Outcome};
use crate::layout::{Section, csrf_field, page};
use crate::state::{AppState, Store};

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/jobs", get(list))
        .route("/jobs/{id}", get(show))
        .route("/jobs/{id}/stop", post(stop))
}

const UNKNOWN: &str = "Unknown job: this console keeps the latest 50 until it is restarted. The audit log has all \
                       actions.";

fn find(jobs: &Jobs, id: &str) -> Result<Arc<Job>, PageError> {
    id.parse().ok().and_then(|id| jobs.get(id)).ok_or(PageError::NotFound(UNKNOWN))
}

fn title(job: &Job) -> String {
    let doing = match job.action {
        Action::Redrive => "Redriving",
        Action::Discard => "Discarding",
        Action::Restore => "Restoring",
    };
    format!("{doing} dead letters (job {})", job.id)
}

async fn show(
    State(jobs): State<Arc<Jobs>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    Path(id): Path<String>,
) -> Result<Markup, PageError> {
    let job = find(&jobs, &id)?;
    let (progress, now) = (job.progress(), clock.now());
    // Refreshes until the end, with or without JavaScript.
    let refresh = progress.ended.is_none().then_some("1");
    let content = html! {
        section #job data-refresh=[refresh] {
            div role="status" { (status(&viewer, &progress)) }
            @for moved in &progress.stages {
                p.progress {
                    label for={ "of-" (moved.stage) } { (moved.to_string()) }
                    progress id={ "of-" (moved.stage) } value=(moved.moved) max=(moved.of.max(1)) {}
                }
            }
            @if refresh.is_some() { noscript { meta http-equiv="refresh" content="2"; } }
        }
        // A section of its own: one is not refreshed while a button in it has the focus.
        section #acts data-refresh=[refresh] { (actions(&viewer, &job, &progress)) }
        section #facts data-refresh=[refresh] {
            (facts(&job, &progress, now))
            @if !progress.events.is_empty() {
                h2 { "Latest events" }
                ol.events reversed {
                    @for (time, text) in &progress.events { li { (ago(now, *time)) ": " (untrusted(text.for_viewer(&viewer))) } }
                }
            }
        }
    };
    Ok(page(&viewer, &title(&job), Section::DeadLetters, content))
}

fn actions(viewer: &Viewer, job: &Job, progress: &JobProgress) -> Markup {
    html! {
        @if progress.ended.is_some() {
            p.actions { a.button href="/letters" { "To the dead letters" } }
        } @else if viewer.is(Role::Operator) {
            form.actions method="post" action={ "/jobs/" (job.id) "/stop" } {
                (csrf_field(viewer))
                @if progress.cancelled.is_none() { button.danger { "Stop" } }
                @else { button.danger disabled { "Stopping…" } }
            }
        }
    }
}

fn status(viewer: &Viewer, progress: &JobProgress) -> Markup {
    match (&progress.ended, &progress.cancelled) {
        (Some((_, Outcome::Done(text))), _) => html! { p.notice.ok { (untrusted(text)) } },
        (Some((_, Outcome::Incomplete(text))), _) => {
            html! { p.notice.bad { (untrusted(text.for_viewer(viewer))) } }
        }
        (None, Some(why)) => {
            html! { p.notice.warn { "Stopping after what is in flight: " (untrusted(why)) "." } }
        }
        (None, None) => html! { p.notice { "Running; it continues when you leave this page." } },
    }
}

fn facts(job: &Job, progress: &JobProgress, now: DateTime<Utc>) -> Facts {
    let took = progress.ended.as_ref().map(|(ended, _)| span(progress.started_at, *ended));
    let archived = progress.archived;
    let archived = (archived > 0).then(|| format!("{archived} with a complete receipt, not sent again"));
    Facts::default()
        .with("By", untrusted(&job.who))
        .maybe("Began with", (!job.causes.is_empty()).then(|| untrusted(&job.causes)))
        .with("Started", when(now, progress.started_at))
        .maybe("Took", took)
        .maybe("Archived", archived)
}

async fn stop(
    State(jobs): State<Arc<Jobs>>,
    State(store): State<Store>,
    viewer: Viewer,
    Path(id): Path<String>,
    CsrfForm(_): CsrfForm<Vec<(String, String)>>,
) -> Result<Redirect, PageError> {
    viewer.may(Role::Operator)?;
    let job = find(&jobs, &id)?;
    if job.is_running() {
        note(store.as_ref(), viewer.name(), "stop", &format!("job {} of {}", job.id, job.who)).await?;
        job.cancel(&format!("by {}", viewer.name()));
    }
    Ok(Redirect::to(&format!("/jobs/{}", job.id)))
}

async fn list(State(jobs): State<Arc<Jobs>>, State(clock): State<Clock>, viewer: Viewer) -> Markup {
    let now = clock.now();
    let jobs = jobs.all();
    let content = html! {
        section #jobs data-refresh="5" {
            @if jobs.is_empty() {
                (empty("No jobs since this console was started.", html! {
                    p { "Earlier jobs and those of the command line are in the " a href="/audit" { "audit log" } "." }
                }))
            } @else {
                table {
                    thead { tr { th scope="col" { "Job" } th scope="col" { "By" } th scope="col" { "Started" } th scope="col" { "Outcome" } } }
                    tbody { @for job in &jobs { (row(&viewer, job, now)) } }
                }
            }
        }
    };
    page(&viewer, "Jobs", Section::DeadLetters, content)
}

fn row(viewer: &Viewer, job: &Job, now: DateTime<Utc>) -> Markup {
    let progress = job.progress();
    html! {
        tr {
            th scope="row" data-label="Job" { a href={ "/jobs/" (job.id) } { (title(job)) } }
            td data-label="By" { (untrusted(&job.who)) }
            td data-label="Started" { (ago(now, progress.started_at)) }
            td data-label="Outcome" {
                @match &progress.ended {
                    None => (badge("warn", "running")),
                    Some((_, Outcome::Done(_))) => (badge("ok", "done")),
                    Some((_, Outcome::Incomplete(text))) => { (badge("bad", "incomplete")) " " (untrusted(text.for_viewer(viewer))) },
                }
            }
        }
    }
}

/// Running jobs, for pages whose numbers they change.
pub(crate) fn running(jobs: &Jobs) -> Markup {
    let running: Vec<_> = jobs.all().into_iter().filter(|job| job.is_running()).collect();
    html! {
        @for job in running {
            p.notice { (untrusted(&job.who)) ": " a href={ "/jobs/" (job.id) } { (title(&job)) } }
        }
    }
}
