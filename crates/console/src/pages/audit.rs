//! `/audit`: who did what, and when.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{AuditEntry, AuditFilter};

use super::letters;
use crate::PageError;
use crate::access::Viewer;
use crate::layout::{Section, page};
use crate::parts::{Params, Window, address, empty, foreign, short, when};
use crate::server::App;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/audit", get(show))
}

/// Acts on a page.
const ACTS: u32 = 50;

/// DeadLetters of an act that are named; all are counted.
const NAMED: usize = 5;

async fn show(State(app): State<App>, viewer: Viewer, params: Params) -> Result<Markup, PageError> {
    let now = app.clock.now();
    let (who, act) = (params.get("who"), params.get("act"));
    let window = Window::new(ACTS, params.offset());
    let is_narrow = who.is_some() || act.is_some();
    let filter = AuditFilter { who: who.map(str::to_owned), act: act.map(str::to_owned) };
    let mut acts = app.store.find_audit_entries(&filter, window.page()).await?;
    let more = window.cut(&mut acts);
    let content = html! {
        form.bar role="search" method="get" action="/audit" {
            div { label for="who" { "Who" } input #who type="search" name="who" value=[who]; }
            div {
                label for="act" { "What" }
                select #act name="act" {
                    option value="" { "anything" }
                    @for known in ACTS_KNOWN { option value=(known) selected[act == Some(known)] { (known) } }
                }
            }
            button { "Show" }
            @if is_narrow { a.button.quiet href="/audit" { "Show all" } }
        }
        @if acts.is_empty() {
            @if is_narrow || params.offset() > 0 {
                (empty("Nothing of this kind was done.", html! { p { a href="/audit" { "Show all acts" } } }))
            } @else {
                (empty("Nobody has done anything yet.", html! {
                    p { "Who redrives, discards, restores, edits or exports dead letters, pauses a stage, or logs in here is written down before it happens." }
                }))
            }
        } @else {
            (table(&acts, now))
        }
        (window.links(acts.len(), more, |offset| {
            let offset = offset.to_string();
            address("/audit", &[("who", who), ("act", act), ("offset", Some(&offset))])
        }))
        p.muted { "What this console is doing now is under " a href="/jobs" { "jobs" } "." }
    };
    Ok(page(&viewer, "Audit", Section::Audit, content))
}

/// Acts that are written down, as people choose them.
const ACTS_KNOWN: [&str; 11] = [
    "redrive", "discard", "restore", "edit", "export", "stop", "pause", "resume", "login", "logout", "revoke",
];

fn table(acts: &[AuditEntry], now: DateTime<Utc>) -> Markup {
    html! {
        table.acts-done {
            thead {
                tr {
                    th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" }
                    th scope="col" { "Where" } th.number scope="col" { "DeadLetters" } th scope="col" { "Which, or why" }
                }
            }
            tbody {
                @for act in acts {
                    tr {
                        td data-label="When" { (when(now, act.done_at)) }
                        td data-label="Who" { (short(&act.who, 80)) }
                        td data-label="What" { strong { (short(&act.act, 40)) } }
                        td data-label="Where" { (short(&act.stage, 40)) }
                        td.number data-label="DeadLetters" { @if !act.letters.is_empty() { (act.letters.len()) } }
                        td data-label="Which, or why" {
                            (short(&act.detail, 300))
                            @for id in act.letters.iter().take(NAMED) { " " a href=(letters::address_of(id)) { (foreign(id)) } }
                            @if act.letters.len() > NAMED { " …" }
                        }
                    }
                }
            }
        }
    }
}
