//! `/`: the chain as a diagram, with the status of each stage.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::Stage;
use operate::dead_letters::DeadLetterService;

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::chain::{ChainMonitor, ChainStatus, Pause, Source, StageDepth};
use crate::clock::Clock;
use crate::components::{ago, span, untrusted};
use crate::layout::{Section, page};
use crate::redaction::Redacted;
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show))
}

async fn show(
    State(chain): State<Arc<ChainMonitor>>,
    State(service): State<Arc<DeadLetterService>>,
    State(clock): State<Clock>,
    viewer: Viewer,
) -> Markup {
    let status = chain.status().await;
    let now = clock.now();
    let stages: Vec<_> = service.stages.iter().map(|stage| StageView::of(stage, &viewer, &status)).collect();
    let content = html! {
        div #chain data-refresh="5" {
            (problems(&status))
            (summary(&stages, &status))
            (diagram(&stages, now))
            p.muted { (sources(&status)) " " (span(status.at, now)) " ago." }
        }
    };
    page(&viewer, "The chain", Section::Chain, content)
}

/// What is unavailable, and what that means.
fn problems(status: &ChainStatus) -> Markup {
    html! {
        @if let Err(why) = &status.broker {
            div.notice.bad role="alert" {
                p { strong { "The broker is unavailable. " } (why) "." }
                p { "Queue lengths are unknown; dead letters are counted from the store. The consumers wait for the \
                     broker too, and resume by themselves." }
            }
        }
        @if let Err(why) = &status.store {
            div.notice.bad role="alert" {
                p { strong { "The store is unavailable. " } (why) "." }
                p { "Ages of dead letters and records are unknown. Consumers that need the store pause, and resume by \
                     themselves." }
            }
        }
        @if let Ok(numbers) = &status.broker && let Some(alarm) = &numbers.alarm {
            div.notice.bad role="alert" {
                p { strong { "The broker has an alarm. " } (untrusted(alarm)) "." }
                p { "It accepts no messages until the alarm ends: consumers and redrives wait, and resume by themselves.                      Free memory or disk space on its node." }
            }
        }
        @if let Ok(numbers) = &status.broker && let Source::Amqp(Some(why)) = &numbers.source {
            div.notice.warn { p { (why) ". Until it answers, the numbers come from AMQP." } }
        }
    }
}

/// What needs an operator, in one sentence.
fn summary(stages: &[StageView<'_>], status: &ChainStatus) -> Markup {
    let dead: u64 = stages.iter().filter_map(StageView::dead).sum();
    let without_consumer: Vec<_> =
        stages.iter().filter(|stage| stage.lacks_consumer()).map(|stage| stage.name()).collect();
    let paused: Vec<_> =
        stages.iter().filter(|stage| stage.pause.is_some()).map(|stage| stage.name()).collect();
    let known = status.broker.is_ok() || status.store.is_ok();
    html! {
        p.summary {
            @if !known { "The status of the chain is unknown." }
            @else if dead == 0 { "No dead letters." }
            @else {
                a.loud href="/letters" { (dead) @if dead == 1 { " dead letter" } @else { " dead letters" } }
                "."
            }
            @if !without_consumer.is_empty() { " No consumer runs for " strong { (without_consumer.join(", ")) } "." }
            @if !paused.is_empty() { " Paused: " strong { (paused.join(", ")) } "." }
        }
    }
}

fn sources(status: &ChainStatus) -> &'static str {
    match (&status.broker, &status.store) {
        (Ok(numbers), Ok(_)) if numbers.source == Source::Management => {
            "From the broker's management API, which updates every few seconds, and the store,"
        }
        (Ok(_), Ok(_)) => "From the broker, by AMQP, and the store,",
        (Ok(_), Err(_)) => "From the broker only,",
        (Err(_), Ok(_)) => "From the store only,",
        (Err(_), Err(_)) => "Requested",
    }
}

/// The stage beside the chain, which indexes the dead letters of all others.
const DEAD: &str = "dead";

/// From the bus to the targets. Stages with a target are the end of the chain, the one before them renders, and
/// all others consume from the bus: a further consumer is placed by itself.
fn diagram(stages: &[StageView<'_>], now: DateTime<Utc>) -> Markup {
    let (beside, chain): (Vec<_>, Vec<_>) = stages.iter().partition(|stage| stage.name() == DEAD);
    let (targets, steps): (Vec<_>, Vec<_>) =
        chain.into_iter().partition(|stage| stage.stage.target.is_some());
    let (renderer, consumers) = match steps.split_last() {
        Some((renderer, consumers)) => (Some(*renderer), consumers),
        None => (None, &[][..]),
    };
    html! {
        div.chain data-list="" {
            div.end { strong { "your bus" } span { "events" } }
            (arrow())
            div.column {
                @for (i, stage) in consumers.iter().enumerate() {
                    @if i > 0 { p.down { "its receipt" } }
                    (stage.card(now))
                }
            }
            (arrow())
            @if let Some(renderer) = renderer {
                div.column { (renderer.card(now)) }
                (arrow())
            }
            div.column {
                @for stage in &targets {
                    (stage.card(now))
                }
            }
        }
        @for stage in &beside {
            div.beside {
                p.muted { "Beside the chain: indexes a copy of every dead letter; the dead letter itself stays in its queue." }
                (stage.card(now))
            }
        }
    }
}

fn arrow() -> Markup {
    html! {
        svg.arrow viewBox="0 0 28 16" aria-hidden="true" focusable="false" {
            path d="M1 8h22M17 2l7 6-7 6" {}
        }
    }
}

/// Status of a stage. `None` is unknown.
struct StageView<'a> {
    stage: &'a Stage,
    disabled_reason: Option<&'static str>,
    depth: Option<StageDepth>,
    broker_answers: bool,
    indexed: Option<u64>,
    oldest_dead: Option<DateTime<Utc>>,
    in_progress: Option<DateTime<Utc>>,
    pause: Option<&'a Pause>,
    tenants: &'a [Redacted],
    viewer: &'a Viewer,
}

impl<'a> StageView<'a> {
    fn of(stage: &'a Stage, viewer: &'a Viewer, status: &'a ChainStatus) -> Self {
        let store = status.store.as_ref().ok();
        let dead = store.and_then(|store| store.dead.get(stage.name));
        let depth = status.broker.as_ref().ok().and_then(|broker| broker.of(stage.name));
        // Another process may have other settings: a stage with a consumer is in use.
        let is_consumed = depth.is_some_and(|depth| depth.consumers > 0);
        Self {
            stage,
            disabled_reason: stage.disabled_reason.filter(|_| !is_consumed),
            depth,
            broker_answers: status.broker.is_ok(),
            indexed: store.map(|_| dead.map_or(0, |(count, _)| *count)),
            oldest_dead: dead.map(|(_, oldest)| *oldest),
            in_progress: store.and_then(|store| store.in_progress.get(stage.name)).copied(),
            pause: store.and_then(|store| store.pauses.get(stage.name)),
            tenants: store.and_then(|store| store.tenants.get(stage.name)).map_or(&[], Vec::as_slice),
            viewer,
        }
    }

    fn name(&self) -> &'static str {
        self.stage.name
    }

    /// Number in the queue, or in the index if the broker is unavailable.
    fn dead(&self) -> Option<u64> {
        if self.broker_answers { Some(self.depth.map_or(0, |depth| depth.dead)) } else { self.indexed }
    }

    /// Should run and has no consumer. A paused stage runs, and does not consume.
    fn lacks_consumer(&self) -> bool {
        let lacks = self.depth.is_none_or(|depth| depth.consumers == 0);
        self.broker_answers && self.disabled_reason.is_none() && self.pause.is_none() && lacks
    }

    fn card(&self, now: DateTime<Utc>) -> Markup {
        let letters = format!("/letters?stage={}", self.name());
        let dead = self.dead();
        html! {
            article.stage .off[self.disabled_reason.is_some()] aria-labelledby=(self.heading()) {
                header {
                    h2 id=(self.heading()) { (self.name()) }
                    (self.badge())
                }
                p.about { (self.stage.about) }
                @if let Some(reason) = self.disabled_reason {
                    p.why { "Not in use: " (reason) "." }
                }
                @if let Some(pause) = self.pause {
                    p.why { (untrusted(pause.text.for_viewer(self.viewer))) }
                } @else if self.lacks_consumer() {
                    p.why { (self.why_no_consumer()) }
                }
                @for tenant in self.tenants {
                    p.why { (untrusted(tenant.for_viewer(self.viewer))) }
                }
                @if self.disabled_reason.is_none() || self.depth.is_some() {
                    dl.counts {
                        div { dt { "waiting" } dd { (number(self.depth.map(|depth| depth.waiting))) } }
                        @if let Some(in_flight) = self.depth.and_then(|depth| depth.in_flight) {
                            div { dt { "in flight" } dd { (in_flight) } }
                        }
                        div { dt { "in retry" } dd { (number(self.depth.map(|depth| depth.in_retry))) } }
                        div .loud[dead.is_some_and(|dead| dead > 0)] {
                            dt { "dead" }
                            dd {
                                a href=(letters) {
                                    (number(dead)) span.visually-hidden { " dead letters of " (self.name()) }
                                }
                            }
                        }
                    }
                    (self.ages(now))
                    @if self.viewer.is(Role::Operator) { (self.pause_link()) }
                }
            }
        }
    }

    fn pause_link(&self) -> Markup {
        let by_hand = self.pause.is_some_and(|pause| pause.by_hand);
        html! {
            a.hold href={ "/stages/" (self.name()) "/pause" } {
                (if by_hand { "Resume" } else { "Pause" }) span.visually-hidden { " " (self.name()) } "…"
            }
        }
    }

    fn why_no_consumer(&self) -> &'static str {
        match self.depth {
            None => "Its queue does not exist yet: its consumer declares it at startup.",
            Some(_) => "No live consumers: see the log of its process.",
        }
    }

    fn heading(&self) -> String {
        format!("stage-{}", self.name())
    }

    fn badge(&self) -> Markup {
        let consumers = self.depth.map(|depth| depth.consumers);
        html! {
            @if self.disabled_reason.is_some() { span.badge.off { "not in use" } }
            @else if self.pause.is_some() { span.badge.warn { "paused" } }
            @else if !self.broker_answers { span.badge { "unknown" } }
            @else {
                @match consumers {
                    Some(1) => span.badge.ok { "1 consumer" },
                    Some(0) | None => span.badge.bad { "no consumer" },
                    Some(count) => span.badge.ok { (count) " consumers" },
                }
            }
        }
    }

    fn ages(&self, now: DateTime<Utc>) -> Markup {
        let dead = self.oldest_dead.filter(|_| self.dead().is_none_or(|dead| dead > 0));
        let lag = self.indexed.filter(|indexed| self.dead().is_some_and(|dead| dead != *indexed));
        html! {
            ul.ages {
                @if let Some(oldest) = dead { li { "oldest dead: " (ago(now, oldest)) } }
                @if let Some(oldest) = self.in_progress { li { "oldest in progress: " (ago(now, oldest)) } }
                @if let Some(indexed) = lag { li { "the index has " (indexed) " of them" } }
            }
        }
    }
}

fn number(value: Option<u64>) -> Markup {
    html! { @match value { Some(value) => (value), None => span.none title="unknown" { "–" } } }
}
