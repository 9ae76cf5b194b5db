//! Redrive, discard and restore: the confirmation, then the job.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use amqp::queue_name;
use axum::extract::State;
use axum::response::Redirect;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::dead_letters::{Action, DeadLetterService, Selection};
use sync_store::{DeadCause, DeadLetterFilter, Page, Place};

use super::view::View;
use crate::auth::user::Role;
use crate::auth::viewer::{CsrfForm, Viewer};
use crate::chain::{ChainMonitor, ChainStatus};
use crate::clock::Clock;
use crate::components::{Params, address, dead_letter_path, plural, untrusted};
use crate::error::PageError;
use crate::jobs::{JobRequest, Jobs};
use crate::layout::{Section, csrf_field, page};

/// `id` may be repeated.
type Fields = Vec<(String, String)>;

/// Maximum dead letters selected one by one.
const MAX_SELECTED: usize = 1000;

/// Causes that are looked at, the newest first, and that are shown.
const MOST_CAUSES: u32 = 100;
const SHOWN_CAUSES: usize = 5;

/// What a form requests.
struct RequestedAction {
    action: Action,
    /// If empty, the action is for the view.
    ids: Vec<String>,
    view: View,
}

impl RequestedAction {
    async fn of(
        service: &DeadLetterService,
        now: DateTime<Utc>,
        viewer: &Viewer,
        fields: &Fields,
    ) -> Result<Self, PageError> {
        viewer.may(Role::Operator)?;
        let params = Params::of(fields);
        let action = Action::ALL.into_iter().find(|action| params.get("act") == Some(action.name()));
        let action = action.ok_or_else(|| PageError::Invalid("The form has no action.".to_owned()))?;
        let mut ids = Vec::new();
        if params.get("which") != Some("all") {
            ids = fields.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.clone()).collect();
            if ids.is_empty() {
                return Err(PageError::Invalid(
                    "No dead letter is selected: select some, or all of the view.".to_owned(),
                ));
            }
            if ids.len() > MAX_SELECTED {
                return Err(PageError::Invalid(format!(
                    "More than {MAX_SELECTED} dead letters are selected; use the filters instead."
                )));
            }
        }
        Ok(Self { action, ids, view: View::for_action(service, now, viewer, &params).await? })
    }

    fn filter(&self) -> DeadLetterFilter {
        match self.ids.is_empty() {
            true => DeadLetterFilter { place: self.action.place(), ..self.view.filter() },
            false => {
                let ids = Some(self.ids.clone());
                DeadLetterFilter { place: self.action.place(), ids, ..Default::default() }
            }
        }
    }

    fn selection(&self) -> Selection {
        match self.ids.is_empty() {
            true => Selection::Filter(self.filter()),
            false => Selection::Ids(self.ids.clone()),
        }
    }

    /// The causes of what it is for, those of most dead letters first.
    async fn causes(&self, service: &DeadLetterService) -> Result<Vec<DeadCause>, PageError> {
        let mut causes = service.store.dead_causes(&self.filter(), Page::first(MOST_CAUSES)).await?;
        causes.sort_by_key(|cause| Reverse(cause.count));
        Ok(causes)
    }

    fn title(&self) -> &'static str {
        match self.action {
            Action::Redrive => "Redrive",
            Action::Discard => "Discard",
            Action::Restore => "Restore",
        }
    }
}

/// `POST /letters/confirm`: shows what will happen, and changes nothing.
pub(super) async fn confirm(
    State(service): State<Arc<DeadLetterService>>,
    State(chain): State<Arc<ChainMonitor>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    CsrfForm(fields): CsrfForm<Fields>,
) -> Result<Markup, PageError> {
    let wanted = RequestedAction::of(&service, clock.now(), &viewer, &fields).await?;
    let stages = service.store.dead_letters_by_stage(&wanted.filter()).await?;
    let all: u64 = stages.values().sum();
    let title = format!("{} {}?", wanted.title(), plural(all, "dead letter", "dead letters"));
    let missing = (wanted.ids.len() as u64).saturating_sub(all);
    let warnings = match wanted.action {
        Action::Redrive => warnings(chain.status().await.as_ref(), &viewer, &stages),
        Action::Discard | Action::Restore => html! {},
    };
    let content = match all {
        0 => html! {
            p { "These dead letters have been moved or redriven meanwhile." }
            p { a.button href="/letters" { "Back to the dead letters" } }
        },
        _ => html! {
            @for (stage, count) in &stages { (what_will_happen(wanted.action, stage, *count)) }
            (of_causes(&wanted.causes(&service).await?))
            (warnings)
            @if missing > 0 {
                p.notice.warn {
                    (plural(missing, "selected dead letter has", "selected dead letters have")) " been moved meanwhile; "
                    "go back and select again."
                }
            }
            (notes(wanted.action, wanted.ids.is_empty()))
            form.stack #act method="post" action="/letters/act" {
                (csrf_field(&viewer))
                input type="hidden" name="act" value=(wanted.action.name());
                @if wanted.ids.is_empty() {
                    input type="hidden" name="which" value="all";
                    (wanted.view.hidden())
                } @else {
                    @for id in &wanted.ids { input type="hidden" name="id" value=(id); }
                }
                @if wanted.action == Action::Redrive && all > 1 {
                    div.narrow {
                        label for="rate" { "Maximum rate per second" }
                        input #rate name="rate" inputmode="numeric" pattern="[0-9]*" placeholder="unlimited";
                    }
                }
                div.actions {
                    button.danger[wanted.action == Action::Discard] { (wanted.title()) " " (plural(all, "dead letter", "dead letters")) }
                    a.button.quiet href=(back(&wanted)) { "Cancel" }
                }
            }
        },
    };
    Ok(page(&viewer, &title, Section::DeadLetters, content))
}

fn back(wanted: &RequestedAction) -> String {
    match wanted.ids.as_slice() {
        [] => wanted.view.address("/letters", 0),
        [id] => dead_letter_path(id),
        _ => address(
            "/letters",
            &[("place", (wanted.action.place() != Place::Dead).then(|| wanted.action.place().as_str()))],
        ),
    }
}

fn what_will_happen(action: Action, stage: &str, count: u64) -> Markup {
    let (letters, work) = (plural(count, "dead letter", "dead letters"), queue_name(stage));
    html! {
        p {
            strong { (letters) } " of " strong { (stage) } " "
            @match action {
                Action::Redrive => { "go back to " code { (work) } ", with all attempts." },
                Action::Discard => { "go to the archive " code { (work) ".discarded" } ", for 30 days." },
                Action::Restore => { "go back to " code { (work) ".dead" } "." },
            }
        }
    }
}

/// Which causes they are of, with the latest error of each: forms are for those who may read it.
fn of_causes(causes: &[DeadCause]) -> Markup {
    html! {
        ul.causes {
            @for cause in causes.iter().take(SHOWN_CAUSES) {
                li {
                    strong { (plural(cause.count, "dead letter", "dead letters")) } " " (cause_name(cause)) ": "
                    (untrusted(&cause.error))
                }
            }
            @if let Some(more) = more_causes(causes) { li { (more) } }
        }
    }
}

fn cause_name(cause: &DeadCause) -> String {
    format!("{} in {}", cause.reason, cause.stage)
}

fn more_causes(causes: &[DeadCause]) -> Option<String> {
    let more = causes.len().saturating_sub(SHOWN_CAUSES) as u64;
    match causes.len() >= MOST_CAUSES as usize {
        true => Some("many more causes".to_owned()),
        false => (more > 0).then(|| plural(more, "more cause", "more causes")),
    }
}

/// The same on one line, for those who may not read errors.
fn described(causes: &[DeadCause]) -> String {
    let shown = causes.iter().take(SHOWN_CAUSES);
    let named = shown.map(|cause| format!("{} {}", cause.count, cause_name(cause)));
    named.chain(more_causes(causes)).collect::<Vec<_>>().join(", ")
}

/// Why redriven dead letters would not be consumed, by stage.
fn warnings(status: &ChainStatus, viewer: &Viewer, stages: &BTreeMap<String, u64>) -> Markup {
    let pause = |stage: &str| status.store.as_ref().ok()?.pauses.get(stage);
    let lacks_consumer = |stage: &str| {
        status.broker.as_ref().is_ok_and(|broker| broker.of(stage).is_none_or(|depth| depth.consumers == 0))
    };
    let is_paused_by_hand = stages.keys().any(|stage| pause(stage).is_some_and(|pause| pause.by_hand));
    html! {
        @for stage in stages.keys() {
            @if let Some(pause) = pause(stage) {
                p.notice.warn {
                    strong { (stage) " is " (untrusted(pause.text.for_viewer(viewer))) "." } " "
                    @if pause.by_hand { "Redriven dead letters wait in " code { (queue_name(stage)) } " until it is resumed, and their outcome is not watched." }
                    @else { "The stage probes with the first dead letter; the job stops if it is not consumed." }
                }
            } @else if lacks_consumer(stage) {
                p.notice.warn {
                    strong { "No live consumers of " (queue_name(stage)) "." } " Start " code { "bilag consume " (stage) }
                    " first, or the job stops after the first dead letter."
                }
            }
        }
        @if let Err(why) = &status.broker {
            p.notice.warn { "The broker is unavailable: " (untrusted(why)) "." }
        }
        // Only who has seen the warning redrives into a pause.
        @if is_paused_by_hand { input type="hidden" name="into_paused" value="yes" form="act"; }
    }
}

fn notes(action: Action, is_of_a_view: bool) -> Markup {
    html! {
        ul.muted {
            @match action {
                Action::Redrive => {
                    li { "In batches of 1, 2, 5, 20, 100, then 500. The job stops if a batch fails again or is not consumed; the rest stays where it is." }
                    li { "Nothing is sent to Omnium twice. A dead letter whose receipt is complete is archived instead." }
                },
                Action::Discard => {
                    li { "Their receipts stay dead. Discarded dead letters can be restored." }
                },
                Action::Restore => {
                    li { "Their receipts stay dead until the dead letters are redriven." }
                },
            }
            @if is_of_a_view { li { "Dead letters that enter the view before the job starts are included." } }
            li { "The job continues when this page is closed, can be stopped, and is logged in the audit log under your name." }
        }
    }
}

/// `POST /letters/act`: starts a job, and redirects to its page.
pub(super) async fn start(
    State(service): State<Arc<DeadLetterService>>,
    State(jobs): State<Arc<Jobs>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    CsrfForm(fields): CsrfForm<Fields>,
) -> Result<Redirect, PageError> {
    let wanted = RequestedAction::of(&service, clock.now(), &viewer, &fields).await?;
    let rate = Params::of(&fields).get("rate").map(str::parse::<u16>).transpose();
    let rate = rate
        .ok()
        .filter(|rate| *rate != Some(0))
        .ok_or_else(|| PageError::Invalid("The rate is a number from 1 to 65535, or empty.".to_owned()))?;
    let into_paused = Params::of(&fields).get("into_paused").is_some();
    // They are only told: nothing is kept from moving for them.
    let causes = wanted.causes(&service).await.unwrap_or_default();
    let request = JobRequest {
        action: wanted.action,
        selection: wanted.selection(),
        causes: described(&causes),
        rate,
        into_paused,
        who: viewer.name().to_owned(),
    };
    let job = jobs.start(request)?;
    Ok(Redirect::to(&format!("/jobs/{job}")))
}
