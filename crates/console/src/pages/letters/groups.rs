//! Dead letters by cause: what is stuck, why, and what to do, before any single one.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{DeadCause, Place};

use super::view::View;
use crate::access::{Role, Viewer};
use crate::layout::csrf_field;
use crate::mask;
use crate::parts::{Window, ago, badge, plural, short};
use crate::server::App;
use crate::{PageError, help};

/// So many causes on a page; more of them are no help in finding one.
const CAUSES: u32 = 100;

/// The longest error in a list.
const ERROR: usize = 240;

/// The groups of a view.
pub(super) struct Groups {
    list: Vec<DeadCause>,
    more: bool,
}

impl Groups {
    /// Asks the store.
    pub(super) async fn of(app: &App, view: &View) -> Result<Self, PageError> {
        let window = Window::new(CAUSES, 0);
        let mut list = app.store.dead_causes(&view.filter(), window.page()).await?;
        let more = window.cut(&mut list);
        Ok(Self { list, more })
    }

    /// How many dead letters they have together; `None` where not all groups are known.
    pub(super) fn total(&self) -> Option<u64> {
        (!self.more).then(|| self.list.iter().map(|group| group.count).sum())
    }

    /// How many dead letters the view has, in words.
    pub(super) fn counted(&self) -> String {
        let known: u64 = self.list.iter().map(|group| group.count).sum();
        let words = plural(known, "letter", "letters");
        if self.more { format!("more than {words}") } else { words }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, the one with the newest dead letter first.
    pub(super) fn table(&self, app: &App, viewer: &Viewer, view: &View, now: DateTime<Utc>) -> Markup {
        html! {
            table.groups {
                caption.visually-hidden { "DeadLetters by cause, the newest first" }
                thead {
                    tr {
                        th scope="col" { "Cause, and what to do" }
                        th scope="col" { "Stage" }
                        th.number scope="col" { "DeadLetters" }
                        th scope="col" { "Oldest" }
                        th scope="col" { "Newest" }
                        @if viewer.is(Role::Operator) { th scope="col" { "" } }
                    }
                }
                tbody {
                    @for group in &self.list { (row(app, viewer, view, group, now)) }
                }
            }
            @if self.more {
                p.muted { "These are the " (CAUSES) " causes with the newest dead letters. Narrow the view to see others." }
            }
        }
    }
}

fn row(app: &App, viewer: &Viewer, view: &View, group: &DeadCause, now: DateTime<Utc>) -> Markup {
    let narrowed = view.of_group(group);
    html! {
        tr {
            td.cause data-label="Cause" {
                a href=(narrowed.address("/letters", 0)) { (error(viewer, &group.error)) }
                p.remedy { span.code { (short(&group.reason, 60)) } " – " (operate::remedy(&app.stages, &group.reason)) }
            }
            td data-label="Stage" { (badge("", &group.stage)) }
            td.number data-label="DeadLetters" { strong { (group.count) } }
            td data-label="Oldest" { (ago(now, group.oldest)) }
            td data-label="Newest" { (ago(now, group.newest)) }
            @if viewer.is(Role::Operator) {
                td.acts { @if view.place != Place::Redriven { (button(viewer, &narrowed)) } }
            }
        }
    }
}

fn button(viewer: &Viewer, narrowed: &View) -> Markup {
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

/// An error, as far as this person may see it.
pub(crate) fn error(viewer: &Viewer, error: &str) -> Markup {
    match viewer.is(Role::Operator) {
        true => short(error, ERROR),
        false => short(&mask::error(error), ERROR),
    }
}

/// What the chosen cause is, above its dead letters: nobody should have to look it up.
pub(super) fn about(app: &App, viewer: &Viewer, group: &DeadCause) -> Markup {
    html! {
        div.notice {
            p { strong { (error(viewer, &group.error)) } }
            p { "What to do: " (operate::remedy(&app.stages, &group.reason)) "." }
            (help::more(&group.reason))
            p.muted { "On the command line: " code { "bilag dead redrive --group " (group.id()) } }
        }
    }
}

impl Groups {
    /// The only one, where there is only one.
    pub(super) fn only(&self) -> Option<&DeadCause> {
        match (self.list.as_slice(), self.more) {
            ([only], false) => Some(only),
            _ => None,
        }
    }
}
