//! `/letters`: what is stuck, by cause, and the dead letters themselves, newest first.

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{NotedDeadLetter, Place};

use super::groups::{self, Groups};
use super::view::View;
use super::{about, address_of, lag};
use crate::PageError;
use crate::access::{Role, Viewer};
use crate::layout::{Section, csrf_field, page};
use crate::pages::jobs;
use crate::parts::{Params, Window, ago, badge, empty, foreign, plural, short};
use crate::server::App;

/// DeadLetters on a page.
const LETTERS: u32 = 50;

/// `GET /letters`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    params: Params,
) -> Result<Markup, PageError> {
    let now = app.clock.now();
    let view = View::seen(&app, &viewer, &params).await?;
    let groups = Groups::of(&app, &view).await?;
    let window = Window::new(LETTERS, params.offset());
    let mut letters = app.store.dead_letters(&view.filter(), window.page()).await?;
    let more = window.cut(&mut letters);
    let lag = match view.place {
        Place::Dead => lag::notice(&app).await,
        _ => html! {},
    };
    let content = html! {
        (places(&view))
        (filters(&app, &viewer, &view))
        @if let Some(problem) = &view.problem { p.notice.bad role="alert" { (problem) "." } }
        (jobs::running(&app))
        (lag)
        @if groups.is_empty() {
            (nothing(&app, &view).await?)
        } @else {
            section #causes aria-labelledby="causes-heading" data-refresh="10" {
                h2 #causes-heading { (groups.counted()) " " (where_they_are(view.place)) ", by cause" }
                @match groups.only() {
                    Some(only) if view.is_narrow() => (groups::about(&app, &viewer, only)),
                    _ => (groups.table(&app, &viewer, &view, now)),
                }
            }
            section aria-labelledby="letters-heading" {
                h2 #letters-heading { "The dead letters, newest first" }
                @if letters.is_empty() {
                    p { "There are no dead letters this far back. " a href=(view.address("/letters", 0)) { "To the newest" } }
                } @else {
                    (table(&viewer, &view, &groups, &letters, now))
                }
                (window.links(letters.len(), more, |offset| view.address("/letters", offset)))
            }
        }
    };
    Ok(page(&viewer, "Dead letters", Section::DeadLetters, content))
}

fn where_they_are(place: Place) -> &'static str {
    match place {
        Place::Dead => "waiting for a person",
        Place::Discarded => "discarded",
        Place::Redriven => "redriven or gone",
    }
}

/// The places a dead letter can be in, as tabs.
fn places(view: &View) -> Markup {
    let named = |place| match place {
        Place::Dead => "Waiting",
        Place::Discarded => "Discarded",
        Place::Redriven => "Redriven",
    };
    html! {
        nav.tabs aria-label="Where the dead letters are" {
            @for place in Place::ALL {
                @let other = view.in_place(place);
                a href=(other.address("/letters", 0)) aria-current=[(place == view.place).then_some("true")] {
                    (named(place))
                }
            }
        }
    }
}

fn filters(app: &App, viewer: &Viewer, view: &View) -> Markup {
    let all = view.whole_place();
    let mut reasons: Vec<_> = app.stages.iter().flat_map(|stage| stage.reasons).collect();
    reasons.extend(&amqp::Reason::COMMON);
    let mut reasons: Vec<_> = reasons.into_iter().map(|reason| reason.as_str()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    html! {
        form.bar role="search" method="get" action="/letters" {
            @if view.place != Place::Dead { input type="hidden" name="place" value=(view.place.as_str()); }
            @if let Some(group) = &view.group { input type="hidden" name="group" value=(group); }
            div {
                label for="stage" { "Stage" }
                (choice("stage", app.stages.iter().map(|stage| stage.name), view.stage.as_deref()))
            }
            div {
                label for="reason" { "Reason" }
                (choice("reason", reasons, view.reason.as_deref()))
            }
            div {
                label for="since" { "Since" }
                input #since name="since" value=[view.since.as_deref()] placeholder="2h, 7d, 2026-11-21"
                    autocomplete="off" aria-invalid=[view.problem.as_ref().map(|_| "true")];
            }
            div.wide {
                label for="text" { "With the text" }
                input #text type="search" name="text" value=[view.text.as_deref()]
                    placeholder=(if viewer.is(Role::Operator) { "id, receipt, package or error" } else { "id, receipt or package" });
                @if !viewer.is(Role::Operator) {
                    p.muted { "Errors are not searched: what a service answered is not shown to viewers." }
                }
            }
            button { "Show" }
            @if view.is_narrow() { a.button.quiet href=(all.address("/letters", 0)) { "Show all" } }
        }
    }
}

fn choice<'a>(name: &str, all: impl IntoIterator<Item = &'a str>, chosen: Option<&str>) -> Markup {
    let all: Vec<_> = all.into_iter().collect();
    let other = chosen.filter(|chosen| !all.contains(chosen));
    html! {
        select id=(name) name=(name) {
            option value="" { "any" }
            @for one in all.iter().copied().chain(other) {
                option value=(one) selected[chosen == Some(one)] { (one) }
            }
        }
    }
}

fn table(
    viewer: &Viewer,
    view: &View,
    groups: &Groups,
    letters: &[NotedDeadLetter],
    now: DateTime<Utc>,
) -> Markup {
    let acts = viewer.is(Role::Operator) && view.place != Place::Redriven;
    let list = html! {
        table.letters {
            thead {
                tr {
                    @if acts { th.pick scope="col" { span.visually-hidden { "Chosen" } } }
                    th scope="col" { "DeadLetter" }
                    th scope="col" { "About" }
                    th scope="col" { "Stage" }
                    th scope="col" { "Died" }
                }
            }
            tbody { @for noted in letters { (row(viewer, noted, acts, now)) } }
        }
    };
    if !viewer.is(Role::Operator) {
        return list;
    }
    html! {
        form method="post" action="/letters/confirm" {
            (csrf_field(viewer)) (view.hidden())
            (list)
            div.actions.sticky {
                @if acts { (buttons(view, groups)) }
                a.button.quiet href=(view.address("/letters/export", 0)) download { "Export these" }
            }
        }
    }
}

fn buttons(view: &View, groups: &Groups) -> Markup {
    let all = match groups.total() {
        Some(total) => format!("all {}", plural(total, "letter", "letters")),
        None => "all dead letters of this view".to_owned(),
    };
    let deeds: &[(&str, &str, bool)] = match view.place {
        Place::Discarded => &[("restore", "Restore", false)],
        _ => &[("redrive", "Redrive", false), ("discard", "Discard", true)],
    };
    html! {
        fieldset.which {
            legend.visually-hidden { "Which dead letters" }
            label.inline { input type="radio" name="which" value="chosen" checked; span data-chosen { "the chosen" } }
            label.inline { input type="radio" name="which" value="all"; (all) }
        }
        @for (act, name, danger) in deeds {
            button.danger[*danger] name="act" value=(act) { (name) "…" }
        }
    }
}

fn row(viewer: &Viewer, noted: &NotedDeadLetter, acts: bool, now: DateTime<Utc>) -> Markup {
    let letter = &noted.letter;
    let died = letter.last_failed_at.unwrap_or(noted.noted_at);
    html! {
        tr {
            @if acts {
                td.pick {
                    label.inline {
                        input type="checkbox" name="id" value=(letter.id);
                        span.visually-hidden { "Choose " (letter.id) }
                    }
                }
            }
            td.cause data-label="DeadLetter" {
                a href=(address_of(&letter.id)) { (groups::error(viewer, &letter.error)) }
                p.remedy {
                    span.code { (short(&letter.reason, 60)) } " " span.muted { (letter.id) }
                    @if letter.redriven > 0 { " " (badge("warn", &format!("redriven {}×", letter.redriven))) }
                }
            }
            td data-label="About" {
                @match about(letter) {
                    Some((what, href)) => a href=(href) { (short(&what, 80)) },
                    None => span.none { "not readable" },
                }
            }
            td data-label="Stage" { (badge("", &letter.stage)) }
            td data-label="Died" { (ago(now, died)) }
        }
    }
}

/// An empty list may mean that all is well, that the view is too narrow, or that nobody notes dead letters.
async fn nothing(app: &App, view: &View) -> Result<Markup, PageError> {
    if view.is_narrow() {
        let all = view.whole_place();
        return Ok(empty(
            "No dead letter meets this view.",
            html! { p { a href=(all.address("/letters", 0)) { "Show all that are " (where_they_are(view.place)) } } },
        ));
    }
    let stages: Vec<_> = app.stages.iter().map(|stage| stage.name).collect();
    Ok(match view.place {
        Place::Dead => empty(
            "No dead letters: nothing waits for a person.",
            html! {
                p { "DeadLetters of " (foreign(&stages.join(", "))) " would be listed here, noted by " code { "bilag consume dead" } "." }
            },
        ),
        Place::Discarded => empty(
            "Nothing is discarded.",
            html! { p { "What is discarded stays here for 30 days, and can be brought back." } },
        ),
        Place::Redriven => empty(
            "Nothing was redriven yet.",
            html! { p { "DeadLetters that were sent back to work are remembered here." } },
        ),
    })
}
