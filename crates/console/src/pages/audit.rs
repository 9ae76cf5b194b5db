//! `/audit`: the audit log.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{AuditEntry, AuditFilter};

use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::components::{Params, Window, address, dead_letter_path, empty, short, untrusted, when};
use crate::error::PageError;
use crate::layout::{Section, page};
use crate::state::{AppState, Store};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/audit", get(show))
}

/// Entries on a page.
const ACTS: u32 = 50;

/// Dead letters named in an entry; all are counted.
const NAMED: usize = 5;

async fn show(
    State(store): State<Store>,
    State(clock): State<Clock>,
    viewer: Viewer,
    params: Params,
) -> Result<Markup, PageError> {
    let now = clock.now();
    let (who, act) = (params.get("who"), params.get("act"));
    let window = Window::new(ACTS, params.offset());
    let is_narrow = who.is_some() || act.is_some();
    let filter = AuditFilter { who: who.map(str::to_owned), act: act.map(str::to_owned) };
    let mut acts = store.find_audit_entries(&filter, window.page()).await?;
    let more = window.cut(&mut acts);
    let content = html! {
        form.bar role="search" method="get" action="/audit" {
            div { label for="who" { "Who" } input #who type="search" name="who" value=[who]; }
            div {
                label for="act" { "What" }
                select #act name="act" {
                    option value="" { "any" }
                    @for known in ACTS_KNOWN { option value=(known) selected[act == Some(known)] { (known) } }
                }
            }
            button { "Show" }
            @if is_narrow { a.button.quiet href="/audit" { "Show all" } }
        }
        @if acts.is_empty() {
            @if is_narrow || params.offset() > 0 {
                (empty("No matching entries.", html! { p { a href="/audit" { "Show all entries" } } }))
            } @else {
                (empty("The audit log is empty.", html! {
                    p { "Redriving, discarding, restoring, editing and exporting dead letters, pausing stages, and logins are logged before they happen." }
                }))
            }
        } @else {
            (table(&acts, now))
        }
        (window.links(acts.len(), more, |offset| {
            let offset = offset.to_string();
            address("/audit", &[("who", who), ("act", act), ("offset", Some(&offset))])
        }))
        p.muted { "Running and recent jobs of this console: " a href="/jobs" { "jobs" } "." }
    };
    Ok(page(&viewer, "Audit", Section::Audit, content))
}

/// Logged acts, for the filter.
const ACTS_KNOWN: [&str; 11] = [
    "redrive", "discard", "restore", "edit", "export", "stop", "pause", "resume", "login", "logout", "revoke",
];

fn table(acts: &[AuditEntry], now: DateTime<Utc>) -> Markup {
    html! {
        table.acts-done {
            thead {
                tr {
                    th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" }
                    th scope="col" { "Where" } th.number scope="col" { "Dead letters" } th scope="col" { "Details" }
                }
            }
            tbody {
                @for act in acts {
                    tr {
                        td data-label="When" { (when(now, act.done_at)) }
                        td data-label="Who" { (short(&act.who, 80)) }
                        td data-label="What" { strong { (short(&act.act, 40)) } }
                        td data-label="Where" { (short(&act.stage, 40)) }
                        td.number data-label="Dead letters" { @if !act.letters.is_empty() { (act.letters.len()) } }
                        td data-label="Details" {
                            (short(&act.detail, 300))
                            @for id in act.letters.iter().take(NAMED) { " " a href=(dead_letter_path(id)) { (untrusted(id)) } }
                            @if act.letters.len() > NAMED { " …" }
                        }
                    }
                }
            }
        }
    }
}
