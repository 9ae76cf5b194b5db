//! `/packages`: the packages of the OMS, from packed to written back.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::{dead_letters_about, package_status};
use sync_store::{
    DeadLetterFilter, PackageFilter, PackageKey, PackageRound, PackageState, Page, Place, State as Record,
};

use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::components::{
    Facts, Params, Segment, Window, address, ago, badge, dead_letter_path, empty, package_path, receipt_path,
    short, untrusted, when, with_code,
};
use crate::error::PageError;
use crate::layout::{Section, page};
use crate::state::{AppState, Settings, Store};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/packages", get(list)).route("/packages/{oms}/{id}", get(show))
}

/// Rounds on a page.
const ROUNDS: u32 = 50;

const UNKNOWN: &str = "No event of this package was received. The id is the OMS's; the list of packages can be searched \
                       by number, too.";

async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    params: Params,
) -> Result<Markup, PageError> {
    let (now, timeout) = (clock.now(), settings.package_timeout);
    let state = params.get("state");
    let waiting = state == Some("waiting");
    let filter = PackageFilter {
        state: state.and_then(|state| state.parse().ok()),
        package: params.text("q"),
        waiting_for: waiting.then_some(timeout),
    };
    let counts = store.package_counts().await?;
    let window = Window::new(ROUNDS, params.offset());
    let mut rounds = store.packages(&filter, window.page()).await?;
    let more = window.cut(&mut rounds);
    let counted = |state| counts.iter().find(|count| count.state == state).map_or(0, |count| count.count);
    let tab = |value: &'static str, name: &str, count: Option<u64>| {
        html! {
            a href=(address("/packages", &[("state", Some(value).filter(|value| !value.is_empty()))]))
                aria-current=[(state.unwrap_or_default() == value).then_some("true")] {
                (name) @if let Some(count) = count { " " span.muted { (count) } }
            }
        }
    };
    let content = html! {
        nav.tabs aria-label="States" {
            (tab("", "All", None))
            (tab("waiting", "Waiting", None))
            @for state in PackageState::ALL { (tab(state.as_str(), state.as_str(), Some(counted(state)))) }
        }
        form.bar role="search" method="get" action="/packages" {
            div.wide {
                label for="q" { "Package" }
                input #q type="search" name="q" value=[params.get("q")] placeholder="id or number";
            }
            button { "Find" }
            @if filter.package.is_some() { a.button.quiet href="/packages" { "Show all" } }
        }
        @if waiting {
            p.notice {
                "No receipt within " (timeout.as_secs() / 60) " min after the second request. Check the invoice service; "
                code { "bilag packages ask ID" } " repeats the request with the same key."
            }
        }
        @if rounds.is_empty() {
            (nothing(counts.is_empty(), waiting))
        } @else {
            (table(&rounds, timeout, now))
            (window.links(rounds.len(), more, |offset| {
                let offset = offset.to_string();
                address("/packages", &[("state", state), ("q", params.get("q")), ("offset", Some(&offset))])
            }))
        }
    };
    Ok(page(&viewer, "Packages", Section::Packages, content))
}

fn nothing(none_at_all: bool, waiting: bool) -> Markup {
    match (none_at_all, waiting) {
        (true, _) => empty(
            "No packages yet.",
            html! {
                p { "Packages come from Akinon's OMS through the stage " code { "packed" } "." }
            },
        ),
        (_, true) => empty(
            "No packages are waiting.",
            html! { p { "Every requested package has its receipt, or is within the timeout." } },
        ),
        _ => empty("No matching packages.", html! { p { a href="/packages" { "Show all packages" } } }),
    }
}

/// Colour and word for the state of a round.
fn status(round: &PackageRound, timeout: Duration, now: DateTime<Utc>) -> (&'static str, &'static str) {
    let word = package_status(round, timeout, now);
    let kind = match word {
        "waiting" | "not written back" | "dead" => "bad",
        "written back" | "issued" => "ok",
        "superseded" => "off",
        _ => "warn",
    };
    (kind, word)
}

fn table(rounds: &[PackageRound], timeout: Duration, now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Package" } th scope="col" { "Number" } th.number scope="col" { "Round" }
                    th scope="col" { "State" } th.number scope="col" { "Requested" } th scope="col" { "Voucher" }
                    th scope="col" { "Last change" }
                }
            }
            tbody {
                @for round in rounds {
                    @let (kind, word) = status(round, timeout, now);
                    tr {
                        th scope="row" data-label="Package" { a href=(package_path(&round.key)) { (untrusted(&round.key.to_string())) } }
                        td data-label="Number" { (short(&round.number, 60)) }
                        td.number data-label="Round" { (round.round) }
                        td data-label="State" { (badge(kind, word)) }
                        td.number data-label="Requested" { (round.asked_times) "×" }
                        td data-label="Voucher" {
                            @match (&round.receipt, &round.voucher_number) {
                                (Some(key), Some(voucher)) => a href=(receipt_path(key)) { (short(voucher, 60)) },
                                (Some(key), None) => a href=(receipt_path(key)) { (short(&key.to_string(), 60)) },
                                _ => span.none { "–" },
                            }
                        }
                        td data-label="Last change" { (ago(now, round.updated_at)) }
                    }
                }
            }
        }
    }
}

async fn show(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    Path((Segment(oms), id)): Path<(Segment, String)>,
) -> Result<Markup, PageError> {
    let id = id.parse().map_err(|_| PageError::NotFound(UNKNOWN))?;
    let key = PackageKey::new(oms, id);
    let rounds = store.package(&key).await?;
    if rounds.is_empty() {
        return Err(PageError::NotFound(UNKNOWN));
    }
    let now = clock.now();
    let mut blocked_by = Vec::new();
    for round in &rounds {
        blocked_by.push(dead_letters(&store, round).await?);
    }
    let content = html! {
        @for (round, letters) in rounds.iter().zip(&blocked_by) {
            @let (kind, word) = status(round, settings.package_timeout, now);
            section.card aria-labelledby={ "round-" (round.round) } {
                h2 id={ "round-" (round.round) } { "Round " (round.round) " " (badge(kind, word)) }
                @if let Some(todo) = todo(round, word) { p.notice.warn { (with_code(&todo)) } }
                @if !letters.is_empty() {
                    p.notice.bad {
                        "Blocked by " @for id in letters { " " a href=(dead_letter_path(id)) { "dead letter " (untrusted(id)) } }
                    }
                }
                (facts(round, now))
            }
        }
    };
    Ok(page(&viewer, &format!("Package {key}"), Section::Packages, content))
}

fn todo(round: &PackageRound, word: &str) -> Option<String> {
    let id = round.key.package_id;
    (word == "waiting").then(|| {
        format!("Check why the invoice service sends no receipt; `bilag packages ask {id}` repeats the request with the same key.")
    })
}

/// Dead letters of the round itself, or of its receipt that was not written back.
async fn dead_letters(store: &Store, round: &PackageRound) -> Result<Vec<String>, PageError> {
    Ok(match (&round.receipt, round.state, round.written_back) {
        (_, PackageState::Dead, _) => {
            let filter = DeadLetterFilter { text: Some(round.key.to_string()), ..Default::default() };
            let letters = store.dead_letters(&filter, Page::first(100)).await?;
            let its = letters.into_iter().filter(|noted| noted.letter.package.as_ref() == Some(&round.key));
            its.map(|noted| noted.letter.id).collect()
        }
        (Some(receipt), _, Some(Record::Dead)) => {
            let letters = dead_letters_about(store.as_ref(), receipt).await?;
            let waiting = letters.into_iter().filter(|noted| noted.place == Place::Dead);
            waiting.map(|noted| noted.letter.id).collect()
        }
        _ => Vec::new(),
    })
}

fn facts(round: &PackageRound, now: DateTime<Utc>) -> Facts {
    let death = round.death.as_ref();
    Facts::default()
        .with("Number", untrusted(&round.number))
        .maybe(
            "Key",
            (round.round > 0)
                .then(|| html! { code { (untrusted(&format!("{}/{}", round.key, round.round))) } }),
        )
        .maybe("Received", (round.round > 0).then(|| when(now, round.created_at)))
        .maybe("Not received as packed", (round.round == 0).then_some("known from its receipt"))
        .with("Requested", html! { (round.asked_times) "×" })
        .maybe("Accepted", round.asked_at.map(|time| when(now, time)))
        .maybe(
            "Receipt",
            round
                .receipt
                .as_ref()
                .map(|key| html! { a href=(receipt_path(key)) { (untrusted(&key.to_string())) } }),
        )
        .maybe("Voucher", round.voucher_number.as_deref().map(untrusted))
        .maybe("Issued", round.issued_at.map(|time| when(now, time)))
        .maybe("Write-back", round.written_back.map(|state| state.to_string()))
        .maybe("Died in", death.map(|death| untrusted(&death.stage)))
        .maybe("Reason", death.map(|death| untrusted(&death.reason)))
        .with("Last change", when(now, round.updated_at))
}
