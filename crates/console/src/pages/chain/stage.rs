//! One stage, as the picture shows it.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::Stage;

use crate::access::{Role, Viewer};
use crate::chain::{Gathered, Pause, StageDepth};
use crate::mask::Told;
use crate::parts::{ago, foreign};
use crate::server::App;

/// What is known of a stage. A number that is `None` is not known now.
pub(super) struct StageView<'a> {
    pub(super) stage: &'a Stage,
    off: Option<&'static str>,
    depth: Option<StageDepth>,
    broker_answers: bool,
    noted: Option<u64>,
    oldest_dead: Option<DateTime<Utc>>,
    on_its_way: Option<DateTime<Utc>>,
    pub(super) pause: Option<&'a Pause>,
    tenants: &'a [Told],
    viewer: &'a Viewer,
}

impl<'a> StageView<'a> {
    pub(super) fn of(app: &App, viewer: &'a Viewer, stage: &'a Stage, gathered: &'a Gathered) -> Self {
        let store = gathered.store.as_ref().ok();
        let dead = store.and_then(|store| store.dead.get(stage.name));
        let depth = gathered.broker.as_ref().ok().and_then(|broker| broker.of(stage.name));
        // Another process may have other settings: what is listened to is in use.
        let listened = depth.is_some_and(|depth| depth.consumers > 0);
        Self {
            stage,
            off: app.off.get(stage.name).copied().filter(|_| !listened),
            depth,
            broker_answers: gathered.broker.is_ok(),
            noted: store.map(|_| dead.map_or(0, |(count, _)| *count)),
            oldest_dead: dead.map(|(_, oldest)| *oldest),
            on_its_way: store.and_then(|store| store.on_its_way.get(stage.name)).copied(),
            pause: store.and_then(|store| store.pauses.get(stage.name)),
            tenants: store.and_then(|store| store.tenants.get(stage.name)).map_or(&[], Vec::as_slice),
            viewer,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.stage.name
    }

    /// Dead letters that wait: those in the queue; those in the index where the queue cannot be asked.
    pub(super) fn dead(&self) -> Option<u64> {
        if self.broker_answers { Some(self.depth.map_or(0, |depth| depth.dead)) } else { self.noted }
    }

    /// Whether it should run and nobody listens. One that is paused runs, and does not listen.
    pub(super) fn is_unheard(&self) -> bool {
        let unheard = self.depth.is_none_or(|depth| depth.consumers == 0);
        self.broker_answers && self.off.is_none() && self.pause.is_none() && unheard
    }

    /// The stage in its frame.
    pub(super) fn card(&self, now: DateTime<Utc>) -> Markup {
        let letters = format!("/letters?stage={}", self.name());
        let dead = self.dead();
        html! {
            article.stage .off[self.off.is_some()] aria-labelledby=(self.heading()) {
                header {
                    h2 id=(self.heading()) { (self.name()) }
                    (self.badge())
                }
                p.about { (self.stage.about) }
                @if let Some(off) = self.off {
                    p.why { "Not in use: " (off) "." }
                }
                @if let Some(pause) = self.pause {
                    p.why { (foreign(pause.text.to(self.viewer))) }
                } @else if self.is_unheard() {
                    p.why { (self.unheard()) }
                }
                @for tenant in self.tenants {
                    p.why { (foreign(tenant.to(self.viewer))) }
                }
                @if self.off.is_none() || self.depth.is_some() {
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
                    @if self.viewer.is(Role::Operator) { (self.hold()) }
                }
            }
        }
    }

    /// The way to holding it up, and to letting it go on.
    fn hold(&self) -> Markup {
        let by_hand = self.pause.is_some_and(|pause| pause.by_hand);
        html! {
            a.hold href={ "/stages/" (self.name()) "/pause" } {
                (if by_hand { "Resume" } else { "Pause" }) span.visually-hidden { " " (self.name()) } "…"
            }
        }
    }

    /// What it may mean that nobody listens.
    fn unheard(&self) -> &'static str {
        match self.depth {
            None => "Its queue is not there yet: its consumer declares it when it starts.",
            Some(_) => "Nobody listens to its queue: its consumer does not run. Its log says why.",
        }
    }

    fn heading(&self) -> String {
        format!("stage-{}", self.name())
    }

    /// In a word, how it is.
    fn badge(&self) -> Markup {
        let consumers = self.depth.map(|depth| depth.consumers);
        html! {
            @if self.off.is_some() { span.badge.off { "not in use" } }
            @else if self.pause.is_some() { span.badge.warn { "paused" } }
            @else if !self.broker_answers { span.badge { "not known" } }
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
        let lag = self.noted.filter(|noted| self.dead().is_some_and(|dead| dead != *noted));
        html! {
            ul.ages {
                @if let Some(oldest) = dead { li { "oldest dead: " (ago(now, oldest)) } }
                @if let Some(oldest) = self.on_its_way { li { "on its way, last touched " (ago(now, oldest)) } }
                @if let Some(noted) = lag { li { "the index has " (noted) " of them" } }
            }
        }
    }
}

fn number(value: Option<u64>) -> Markup {
    html! { @match value { Some(value) => (value), None => span.none title="not known" { "–" } } }
}
