//! `/letters`: dead letters by cause, and one by one, newest first.

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::Stage;
use operate::dead_letters::{DeadLetterService, Lag};
use sync_store::{DeadCause, NotedDeadLetter, Place};

use super::view::{View, subject};
use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::caches::IndexLag;
use crate::clock::Clock;
use crate::components::{
    Params, Window, ago, badge, dead_letter_path, empty, error_text, plural, short, untrusted, with_code,
};
use crate::error::PageError;
use crate::help;
use crate::jobs::Jobs;
use crate::layout::{Section, csrf_field, page};
use crate::pages::jobs::running;

/// Dead letters on a page.
const PAGE_SIZE: u32 = 50;

/// `GET /letters`.
pub(super) async fn show(
    State(service): State<Arc<DeadLetterService>>,
    State(lag): State<Arc<IndexLag>>,
    State(jobs): State<Arc<Jobs>>,
    State(clock): State<Clock>,
    viewer: Viewer,
    params: Params,
) -> Result<Markup, PageError> {
    let now = clock.now();
    let view = View::load(&service, now, &viewer, &params).await?;
    let groups = Groups::of(&service, &view).await?;
    let window = Window::new(PAGE_SIZE, params.offset());
    let mut letters = service.store.dead_letters(&view.filter(), window.page()).await?;
    let more = window.cut(&mut letters);
    let lag = match view.place {
        Place::Dead => lag_notice(lag.get(&service).await),
        _ => html! {},
    };
    let content = html! {
        (places(&view))
        (filters(&service.stages, &viewer, &view))
        @if let Some(problem) = &view.problem { p.notice.bad role="alert" { (problem) "." } }
        (running(&jobs))
        (lag)
        @if groups.is_empty() {
            (nothing(&service.stages, &view))
        } @else {
            section #causes aria-labelledby="causes-heading" data-refresh="10" {
                h2 #causes-heading { (groups.counted()) " " (place_name(view.place)) ", by cause" }
                @match groups.only() {
                    Some(only) if view.is_narrow() => (about_cause(&service.stages, &viewer, only)),
                    _ => (groups.table(&service.stages, &viewer, &view, now)),
                }
            }
            section aria-labelledby="letters-heading" {
                h2 #letters-heading { "Newest first" }
                @if letters.is_empty() {
                    p { "No dead letters on this page. " a href=(view.address("/letters", 0)) { "To the newest" } }
                } @else {
                    (table(&viewer, &view, &groups, &letters, now))
                }
                (window.links(letters.len(), more, |offset| view.address("/letters", offset)))
            }
        }
    };
    Ok(page(&viewer, "Dead letters", Section::DeadLetters, content))
}

fn place_name(place: Place) -> &'static str {
    match place {
        Place::Dead => "waiting",
        Place::Discarded => "discarded",
        Place::Redriven => "redriven or gone",
    }
}

/// Tabs.
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

fn filters(stages: &[Stage], viewer: &Viewer, view: &View) -> Markup {
    let all = view.whole_place();
    html! {
        form.bar role="search" method="get" action="/letters" {
            @if view.place != Place::Dead { input type="hidden" name="place" value=(view.place.as_str()); }
            @if let Some(group) = &view.group { input type="hidden" name="group" value=(group); }
            div {
                label for="stage" { "Stage" }
                (choice("stage", stages.iter().map(|stage| stage.name), view.stage.as_deref()))
            }
            div {
                label for="reason" { "Reason" }
                (choice("reason", operate::reasons(stages).iter().map(|reason| reason.as_str()), view.reason.as_deref()))
            }
            div {
                label for="since" { "Since" }
                input #since name="since" value=[view.since.as_deref()] placeholder="2h, 7d, 2026-11-21"
                    autocomplete="off" aria-invalid=[view.problem.as_ref().map(|_| "true")];
            }
            div.wide {
                label for="text" { "Text" }
                input #text type="search" name="text" value=[view.text.as_deref()]
                    placeholder=(if viewer.is(Role::Operator) { "id, receipt, package or error" } else { "id, receipt or package" });
                @if !viewer.is(Role::Operator) {
                    p.muted { "Viewers cannot search errors." }
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
                    @if acts { th.pick scope="col" { span.visually-hidden { "Selected" } } }
                    th scope="col" { "Dead letter" }
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
                a.button.quiet href=(view.address("/letters/export", 0)) download { "Export" }
            }
        }
    }
}

fn buttons(view: &View, groups: &Groups) -> Markup {
    let all = match groups.total() {
        Some(total) => format!("all {}", plural(total, "dead letter", "dead letters")),
        None => "all dead letters of this view".to_owned(),
    };
    let actions: &[(&str, &str, bool)] = match view.place {
        Place::Discarded => &[("restore", "Restore", false)],
        _ => &[("redrive", "Redrive", false), ("discard", "Discard", true)],
    };
    html! {
        fieldset.which {
            legend.visually-hidden { "Which dead letters" }
            label.inline { input type="radio" name="which" value="chosen" checked; span data-chosen { "selected" } }
            label.inline { input type="radio" name="which" value="all"; (all) }
        }
        @for (act, name, danger) in actions {
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
                        span.visually-hidden { "Select " (letter.id) }
                    }
                }
            }
            td.cause data-label="Dead letter" {
                a href=(dead_letter_path(&letter.id)) { (error_text(viewer, &letter.error)) }
                p.remedy {
                    span.code { (short(&letter.reason, 60)) } " " span.muted { (letter.id) }
                    @if letter.redriven > 0 { " " (badge("warn", &format!("redriven {}×", letter.redriven))) }
                }
            }
            td data-label="About" {
                @match subject(letter) {
                    Some((what, href)) => a href=(href) { (short(&what, 80)) },
                    None => span.none { "unknown" },
                }
            }
            td data-label="Stage" { (badge("", &letter.stage)) }
            td data-label="Died" { (ago(now, died)) }
        }
    }
}

/// In place of an empty list.
fn nothing(stages: &[Stage], view: &View) -> Markup {
    if view.is_narrow() {
        let all = view.whole_place();
        return empty(
            "No matching dead letters.",
            html! { p { a href=(all.address("/letters", 0)) { "Show all " (place_name(view.place)) } } },
        );
    }
    let stages: Vec<_> = stages.iter().map(|stage| stage.name).collect();
    match view.place {
        Place::Dead => empty(
            "No dead letters.",
            html! {
                p { "Dead letters of " (untrusted(&stages.join(", "))) " are indexed by " code { "bilag consume dead" } "." }
            },
        ),
        Place::Discarded => empty(
            "No discarded dead letters.",
            html! { p { "Discarded dead letters are kept for 30 days, and can be restored." } },
        ),
        Place::Redriven => empty(
            "No redriven dead letters.",
            html! { p { "Dead letters that were sent back to their queue are listed here." } },
        ),
    }
}

/// Groups on a page.
const MAX_GROUPS: u32 = 100;

/// Dead letters of a view by cause.
struct Groups {
    list: Vec<DeadCause>,
    more: bool,
}

impl Groups {
    async fn of(service: &DeadLetterService, view: &View) -> Result<Self, PageError> {
        let window = Window::new(MAX_GROUPS, 0);
        let mut list = service.store.dead_causes(&view.filter(), window.page()).await?;
        let more = window.cut(&mut list);
        Ok(Self { list, more })
    }

    /// `None` if there are too many groups.
    fn total(&self) -> Option<u64> {
        (!self.more).then(|| self.list.iter().map(|group| group.count).sum())
    }

    /// Number of dead letters in words.
    fn counted(&self) -> String {
        let known: u64 = self.list.iter().map(|group| group.count).sum();
        let words = plural(known, "dead letter", "dead letters");
        if self.more { format!("more than {words}") } else { words }
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The only group, if there is one.
    fn only(&self) -> Option<&DeadCause> {
        match (self.list.as_slice(), self.more) {
            ([only], false) => Some(only),
            _ => None,
        }
    }

    /// Newest first.
    fn table(&self, stages: &[Stage], viewer: &Viewer, view: &View, now: DateTime<Utc>) -> Markup {
        html! {
            table.groups {
                caption.visually-hidden { "Dead letters by cause, newest first" }
                thead {
                    tr {
                        th scope="col" { "Cause, and what to do" }
                        th scope="col" { "Stage" }
                        th.number scope="col" { "Dead letters" }
                        th scope="col" { "Oldest" }
                        th scope="col" { "Newest" }
                        @if viewer.is(Role::Operator) { th scope="col" { "" } }
                    }
                }
                tbody {
                    @for group in &self.list { (group_row(stages, viewer, view, group, now)) }
                }
            }
            @if self.more {
                p.muted { "The " (MAX_GROUPS) " causes with the newest dead letters. Narrow the view to see others." }
            }
        }
    }
}

fn group_row(
    stages: &[Stage],
    viewer: &Viewer,
    view: &View,
    group: &DeadCause,
    now: DateTime<Utc>,
) -> Markup {
    let narrowed = view.of_group(group);
    html! {
        tr {
            td.cause data-label="Cause" {
                a href=(narrowed.address("/letters", 0)) { (error_text(viewer, &group.error)) }
                p.remedy { span.code { (short(&group.reason, 60)) } " – " (with_code(operate::remedy(stages, &group.reason))) }
            }
            td data-label="Stage" { (badge("", &group.stage)) }
            td.number data-label="Dead letters" { strong { (group.count) } }
            td data-label="Oldest" { (ago(now, group.oldest)) }
            td data-label="Newest" { (ago(now, group.newest)) }
            @if viewer.is(Role::Operator) {
                td.acts { @if view.place != Place::Redriven { (group_button(viewer, &narrowed)) } }
            }
        }
    }
}

fn group_button(viewer: &Viewer, narrowed: &View) -> Markup {
    let (act, name) = match narrowed.place {
        Place::Discarded => ("restore", "Restore…"),
        _ => ("redrive", "Redrive…"),
    };
    html! {
        form method="post" action="/letters/confirm" {
            (csrf_field(viewer)) (narrowed.hidden())
            input type="hidden" name="which" value="all";
            button.quiet name="act" value=(act) { (name) }
        }
    }
}

/// The selected cause, with help.
fn about_cause(stages: &[Stage], viewer: &Viewer, group: &DeadCause) -> Markup {
    html! {
        div.notice {
            p { strong { (error_text(viewer, &group.error)) } }
            p { "What to do: " (with_code(operate::remedy(stages, &group.reason))) "." }
            (help::about_reason(&group.reason))
            p.muted { "On the command line: " code { "bilag dead redrive --group " (group.id()) } }
        }
    }
}

/// A warning if the index lags, or if that is unknown.
fn lag_notice(lag: Result<Vec<Lag>, String>) -> Markup {
    match lag {
        Ok(lags) if lags.is_empty() => html! {},
        Ok(lags) => html! {
            div.notice.warn {
                p { strong { "The index differs from the queues:" } }
                ul { @for lag in lags { li { (with_code(&lag.to_string())) } } }
            }
        },
        Err(why) => html! {
            p.notice.warn {
                "Could not check whether dead letters are missing from this list: " (untrusted(&why)) "."
            }
        },
    }
}
