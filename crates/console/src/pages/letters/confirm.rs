//! What will happen to which dead letters, before it does; then the job that does it.

use std::collections::BTreeMap;

use amqp::queue_name;
use axum::extract::State;
use axum::response::Redirect;
use maud::{Markup, html};
use operate::letters::{Deed, Selection};
use sync_store::{DeadLetterFilter, Place};

use super::view::View;
use crate::PageError;
use crate::access::{Checked, Role, Viewer};
use crate::jobs::{self, Order};
use crate::layout::{Section, csrf_field, page};
use crate::parts::{Params, address, foreign, plural};
use crate::server::App;

/// The fields of a form; `id` may be there several times.
type Fields = Vec<(String, String)>;

/// The most dead letters that can be chosen one by one.
const CHOSEN: usize = 1000;

/// What somebody wants done, and with which dead letters.
struct Wish {
    deed: Deed,
    ids: Vec<String>,
    /// Where no dead letters are named.
    view: View,
}

impl Wish {
    async fn of(app: &App, viewer: &Viewer, fields: &Fields) -> Result<Self, PageError> {
        viewer.may(Role::Operator)?;
        let params = Params::of(fields);
        let all = [Deed::Redrive, Deed::Discard, Deed::Restore];
        let deed = all.into_iter().find(|deed| params.get("act") == Some(deed.name()));
        let deed = deed.ok_or_else(|| PageError::Invalid("The form does not say what to do.".to_owned()))?;
        let mut ids = Vec::new();
        if params.get("which") != Some("all") {
            ids = fields.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.clone()).collect();
            if ids.is_empty() {
                return Err(PageError::Invalid(
                    "No dead letter is chosen: choose some, or all of the view.".to_owned(),
                ));
            }
            if ids.len() > CHOSEN {
                return Err(PageError::Invalid(format!(
                    "More than {CHOSEN} letters are chosen; choose by the filters instead."
                )));
            }
        }
        Ok(Self { deed, ids, view: View::for_an_act(app, viewer, &params).await? })
    }

    fn filter(&self) -> DeadLetterFilter {
        match self.ids.is_empty() {
            true => DeadLetterFilter { place: self.deed.place(), ..self.view.filter() },
            false => {
                let ids = Some(self.ids.clone());
                DeadLetterFilter { place: self.deed.place(), ids, ..Default::default() }
            }
        }
    }

    fn selection(&self) -> Selection {
        match self.ids.is_empty() {
            true => Selection::Filter(self.filter()),
            false => Selection::Ids(self.ids.clone()),
        }
    }

    /// What it is, in words.
    fn title(&self) -> &'static str {
        match self.deed {
            Deed::Redrive => "Redrive",
            Deed::Discard => "Discard",
            Deed::Restore => "Restore",
        }
    }
}

/// `POST /letters/confirm`: says what will happen, and changes nothing.
pub(super) async fn ask(
    State(app): State<App>,
    viewer: Viewer,
    Checked(fields): Checked<Fields>,
) -> Result<Markup, PageError> {
    let wish = Wish::of(&app, &viewer, &fields).await?;
    let stages = app.store.dead_letters_by_stage(&wish.filter()).await?;
    let all: u64 = stages.values().sum();
    let title = format!("{} {}?", wish.title(), plural(all, "letter", "letters"));
    let missing = (wish.ids.len() as u64).saturating_sub(all);
    let warnings = match wish.deed {
        Deed::Redrive => warnings(&app, &viewer, &stages).await,
        Deed::Discard | Deed::Restore => html! {},
    };
    let content = match all {
        0 => html! {
            p { "None of these dead letters is there any more: somebody has moved them, or they were redriven." }
            p { a.button href="/letters" { "Back to the dead letters" } }
        },
        _ => html! {
            @for (stage, count) in &stages { (what_will_happen(wish.deed, stage, *count)) }
            (warnings)
            @if missing > 0 {
                p.notice.warn {
                    (plural(missing, "letter of those chosen is", "letters of those chosen are")) " not there any more; "
                    "go back and choose again."
                }
            }
            (how(wish.deed, wish.ids.is_empty()))
            form.stack #act method="post" action="/letters/act" {
                (csrf_field(&viewer))
                input type="hidden" name="act" value=(wish.deed.name());
                @if wish.ids.is_empty() {
                    input type="hidden" name="which" value="all";
                    (wish.view.hidden())
                } @else {
                    @for id in &wish.ids { input type="hidden" name="id" value=(id); }
                }
                @if wish.deed == Deed::Redrive && all > 1 {
                    div.narrow {
                        label for="rate" { "At most so many a second" }
                        input #rate name="rate" inputmode="numeric" pattern="[0-9]*" placeholder="as fast as they are taken";
                    }
                }
                div.actions {
                    button.danger[wish.deed == Deed::Discard] { (wish.title()) " " (plural(all, "letter", "letters")) }
                    a.button.quiet href=(back(&wish)) { "Cancel" }
                }
            }
        },
    };
    Ok(page(&viewer, &title, Section::DeadLetters, content))
}

fn back(wish: &Wish) -> String {
    match wish.ids.as_slice() {
        [] => wish.view.address("/letters", 0),
        [id] => super::address_of(id),
        _ => address(
            "/letters",
            &[("place", (wish.deed.place() != Place::Dead).then(|| wish.deed.place().as_str()))],
        ),
    }
}

fn what_will_happen(deed: Deed, stage: &str, count: u64) -> Markup {
    let (letters, work) = (plural(count, "letter", "letters"), queue_name(stage));
    html! {
        p {
            strong { (letters) } " of " strong { (stage) } " "
            @match deed {
                Deed::Redrive => { "go back to " code { (work) } ", with all attempts." },
                Deed::Discard => { "are put aside into " code { (work) ".discarded" } ", where they stay for 30 days." },
                Deed::Restore => { "come back to " code { (work) ".dead" } "." },
            }
        }
    }
}

/// What keeps redriven dead letters from being taken, stage by stage; and whether they are meant to wait.
async fn warnings(app: &App, viewer: &Viewer, stages: &BTreeMap<String, u64>) -> Markup {
    let gathered = app.chain.gather(app).await;
    let pause = |stage: &str| gathered.store.as_ref().ok()?.pauses.get(stage);
    let unheard = |stage: &str| {
        gathered.broker.as_ref().is_ok_and(|broker| broker.of(stage).is_none_or(|depth| depth.consumers == 0))
    };
    let held = stages.keys().any(|stage| pause(stage).is_some_and(|pause| pause.by_hand));
    html! {
        @for stage in stages.keys() {
            @if let Some(pause) = pause(stage) {
                p.notice.warn {
                    strong { (stage) " is " (foreign(pause.text.to(viewer))) "." } " "
                    @if pause.by_hand { "What is redriven waits in " code { (queue_name(stage)) } " until it is resumed, and nothing is seen of what becomes of it." }
                    @else { "The first dead letter is what it probes with, and the job stops if that is not taken." }
                }
            } @else if unheard(stage) {
                p.notice.warn {
                    strong { "Nobody listens to " (queue_name(stage)) "." } " Start " code { "bilag consume " (stage) }
                    " first, or the job stops after the first dead letter."
                }
            }
        }
        @if let Err(why) = &gathered.broker {
            p.notice.warn { "The broker cannot be asked now: " (foreign(why)) "." }
        }
        // Only who was told so sends dead letters into a pause.
        @if held { input type="hidden" name="into_paused" value="yes" form="act"; }
    }
}

fn how(deed: Deed, is_of_a_view: bool) -> Markup {
    html! {
        ul.muted {
            @match deed {
                Deed::Redrive => {
                    li { "They go in batches of 1, 2, 5, 20, 100, then 500. It stops where a batch fails again, or is not taken; what was not sent stays where it is." }
                    li { "What is in Omnium already is not sent twice. A letter whose receipt is complete by now is archived instead." }
                },
                Deed::Discard => {
                    li { "Their receipts stay dead. Discarded dead letters can be restored." }
                },
                Deed::Restore => {
                    li { "Their receipts stay dead until the dead letters are redriven." }
                },
            }
            @if is_of_a_view { li { "DeadLetters that come to the view before it begins are included." } }
            li { "It goes on when this page is closed, can be stopped between two dead letters, and is written into the audit log with your name." }
        }
    }
}

/// `POST /letters/act`: begins, and leads to the job's page.
pub(super) async fn act(
    State(app): State<App>,
    viewer: Viewer,
    Checked(fields): Checked<Fields>,
) -> Result<Redirect, PageError> {
    let wish = Wish::of(&app, &viewer, &fields).await?;
    let rate = Params::of(&fields).get("rate").map(str::parse::<u16>).transpose();
    let rate = rate.ok().filter(|rate| *rate != Some(0)).ok_or_else(|| {
        PageError::Invalid(
            "The rate is a number of dead letters a second, from 1 to 65535, or nothing.".to_owned(),
        )
    })?;
    let into_paused = Params::of(&fields).get("into_paused").is_some();
    let who = viewer.name().to_owned();
    let order = Order { deed: wish.deed, selection: wish.selection(), rate, into_paused, who };
    let job = jobs::begin(&app, order)?;
    Ok(Redirect::to(&format!("/jobs/{job}")))
}
