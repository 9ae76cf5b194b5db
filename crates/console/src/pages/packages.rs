//! `/packages`: the packages of the OMS, from packed to printed.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::letters_about;
use sync_store::{
    DeadLetterFilter, PackageFilter, PackageKey, PackageRound, PackageState, Page, Place, State as Record,
};

use super::{letters, receipts};
use crate::PageError;
use crate::access::Viewer;
use crate::layout::{Section, page};
use crate::parts::{
    Facts, Params, Segment, Window, address, ago, badge, empty, foreign, segment, short, when,
};
use crate::server::App;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/packages", get(list)).route("/packages/{oms}/{id}", get(show))
}

/// Rounds on a page.
const ROUNDS: u32 = 50;

const UNKNOWN: &str = "No package of this OMS and id was heard. The id is the one in the OMS; the list of packages finds \
                       one by its number, too.";

/// The address of a package's page.
pub(crate) fn address_of(key: &PackageKey) -> String {
    format!("/packages/{}/{}", segment(&key.oms), key.package_id)
}

async fn list(State(app): State<App>, viewer: Viewer, params: Params) -> Result<Markup, PageError> {
    let (now, patience) = (app.clock.now(), app.patience);
    let state = params.get("state");
    let waiting = state == Some("waiting");
    let filter = PackageFilter {
        state: state.and_then(|state| state.parse().ok()),
        package: params.text("q"),
        waiting_for: waiting.then_some(patience),
    };
    let counts = app.store.package_counts().await?;
    let window = Window::new(ROUNDS, params.offset());
    let mut rounds = app.store.packages(&filter, window.page()).await?;
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
                "These were asked for a second time, longer ago than the patience of " (patience.as_secs() / 60) " min, and have no receipt. Find out at the invoice service why it sends none; "
                code { "bilag packages ask ID" } " asks once more, under the same key."
            }
        }
        @if rounds.is_empty() {
            (nothing(counts.is_empty(), waiting))
        } @else {
            (table(&rounds, patience, now))
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
            "No package was heard yet.",
            html! {
                p { "Packages come from Akinon's OMS, and are asked for by the stage " code { "packed" } ". Where there is no OMS, this stays empty." }
            },
        ),
        (_, true) => empty(
            "No package waits for a person.",
            html! { p { "Every one that was asked for has its receipt, or is within its patience." } },
        ),
        _ => empty("No package is like this.", html! { p { a href="/packages" { "Show all packages" } } }),
    }
}

/// How far a package has come, as people say it.
fn standing(round: &PackageRound, patience: Duration, now: DateTime<Utc>) -> (&'static str, &'static str) {
    let overdue =
        round.asked_at.is_some_and(|asked| (now - asked).to_std().is_ok_and(|since| since > patience));
    match (round.state, round.written_back) {
        (PackageState::Asked, _) if overdue && round.accepted_times > 1 => ("bad", "waiting"),
        (PackageState::Issued, Some(Record::Complete)) => ("ok", "written back"),
        (PackageState::Issued, Some(Record::Dead)) => ("bad", "not written back"),
        (PackageState::Issued, _) => ("ok", "issued"),
        (PackageState::Dead, _) => ("bad", "dead"),
        (PackageState::Superseded, _) => ("off", "superseded"),
        (state, _) => ("warn", state.as_str()),
    }
}

fn table(rounds: &[PackageRound], patience: Duration, now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Package" } th scope="col" { "Number" } th.number scope="col" { "Round" }
                    th scope="col" { "State" } th.number scope="col" { "Asked" } th scope="col" { "Voucher" }
                    th scope="col" { "Last touched" }
                }
            }
            tbody {
                @for round in rounds {
                    @let (kind, word) = standing(round, patience, now);
                    tr {
                        th scope="row" data-label="Package" { a href=(address_of(&round.key)) { (foreign(&round.key.to_string())) } }
                        td data-label="Number" { (short(&round.number, 60)) }
                        td.number data-label="Round" { (round.round) }
                        td data-label="State" { (badge(kind, word)) }
                        td.number data-label="Asked" { (round.asked_times) "×" }
                        td data-label="Voucher" {
                            @match (&round.receipt, &round.voucher_number) {
                                (Some(key), Some(voucher)) => a href=(receipts::address_of(key)) { (short(voucher, 60)) },
                                (Some(key), None) => a href=(receipts::address_of(key)) { (short(&key.to_string(), 60)) },
                                _ => span.none { "–" },
                            }
                        }
                        td data-label="Last touched" { (ago(now, round.updated_at)) }
                    }
                }
            }
        }
    }
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path((Segment(oms), id)): Path<(Segment, String)>,
) -> Result<Markup, PageError> {
    let id = id.parse().map_err(|_| PageError::NotFound(UNKNOWN))?;
    let key = PackageKey::new(oms, id);
    let rounds = app.store.package(&key).await?;
    if rounds.is_empty() {
        return Err(PageError::NotFound(UNKNOWN));
    }
    let now = app.clock.now();
    let mut holding = Vec::new();
    for round in &rounds {
        holding.push(held_by(&app, round).await?);
    }
    let content = html! {
        @for (round, letters) in rounds.iter().zip(&holding) {
            @let (kind, word) = standing(round, app.patience, now);
            section.card aria-labelledby={ "round-" (round.round) } {
                h2 id={ "round-" (round.round) } { "Round " (round.round) " " (badge(kind, word)) }
                @if let Some(todo) = todo(round, word) { p.notice.warn { (todo) } }
                @if !letters.is_empty() {
                    p.notice.bad {
                        "Held by " @for id in letters { " " a href=(letters::address_of(id)) { "dead letter " (foreign(id)) } }
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
        format!("Find out at the invoice service why it sends no receipt; `bilag packages ask {id}` asks again, under the same key.")
    })
}

/// The dead letters that hold a round up: where it died itself, and where its receipt is not written back.
async fn held_by(app: &App, round: &PackageRound) -> Result<Vec<String>, PageError> {
    Ok(match (&round.receipt, round.state, round.written_back) {
        (_, PackageState::Dead, _) => {
            let filter = DeadLetterFilter { text: Some(round.key.to_string()), ..Default::default() };
            let letters = app.store.dead_letters(&filter, Page::first(100)).await?;
            let its = letters.into_iter().filter(|noted| noted.letter.package.as_ref() == Some(&round.key));
            its.map(|noted| noted.letter.id).collect()
        }
        (Some(receipt), _, Some(Record::Dead)) => {
            let letters = letters_about(app.store.as_ref(), receipt).await?;
            let waiting = letters.into_iter().filter(|noted| noted.place == Place::Dead);
            waiting.map(|noted| noted.letter.id).collect()
        }
        _ => Vec::new(),
    })
}

fn facts(round: &PackageRound, now: DateTime<Utc>) -> Facts {
    let death = round.death.as_ref();
    Facts::default()
        .with("Number", foreign(&round.number))
        .maybe(
            "Key",
            (round.round > 0)
                .then(|| html! { code { (foreign(&format!("{}/{}", round.key, round.round))) } }),
        )
        .maybe("Heard", (round.round > 0).then(|| when(now, round.created_at)))
        .maybe("Never heard as packed", (round.round == 0).then_some("its receipt came, and named it"))
        .with("Asked", html! { (round.asked_times) "×" })
        .maybe("Accepted", round.asked_at.map(|time| when(now, time)))
        .maybe(
            "Receipt",
            round
                .receipt
                .as_ref()
                .map(|key| html! { a href=(receipts::address_of(key)) { (foreign(&key.to_string())) } }),
        )
        .maybe("Voucher", round.voucher_number.as_deref().map(foreign))
        .maybe("Issued", round.issued_at.map(|time| when(now, time)))
        .maybe("Write-back", round.written_back.map(|state| state.to_string()))
        .maybe("Died in", death.map(|death| foreign(&death.stage)))
        .maybe("Reason", death.map(|death| foreign(&death.reason)))
        .with("Last touched", when(now, round.updated_at))
}
