//! The first page: the chain as a picture, with its numbers.

mod picture;
mod stage;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};

use crate::Viewer;
use crate::chain::{Gathered, Source};
use crate::layout::{Section, page};
use crate::server::App;
use crate::time::span;

use stage::StageView;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(show))
}

async fn show(State(app): State<App>, viewer: Viewer) -> Markup {
    let gathered = app.chain.gather(&app).await;
    let now = app.clock.now();
    let stages: Vec<_> =
        app.stages.iter().map(|stage| StageView::of(&app, &viewer, stage, &gathered)).collect();
    let content = html! {
        div #chain data-refresh="5" {
            (troubles(&gathered))
            (summary(&stages, &gathered))
            (picture::of(&stages, now))
            p.muted { (sources(&gathered)) " " (span(gathered.at, now)) " ago." }
        }
    };
    page(&viewer, "The chain", Section::Chain, content)
}

/// What could not be asked, and what that means.
fn troubles(gathered: &Gathered) -> Markup {
    html! {
        @if let Err(why) = &gathered.broker {
            div.notice.bad role="alert" {
                p { strong { "The broker cannot be asked. " } (why) "." }
                p { "What waits in its queues is not known now; dead letters are counted as the store has them. The \
                     consumers wait for the broker as well, and go on by themselves." }
            }
        }
        @if let Err(why) = &gathered.store {
            div.notice.bad role="alert" {
                p { strong { "The store cannot be asked. " } (why) "." }
                p { "How old letters and records are is not known now. The consumers that need the store pause, and \
                     go on by themselves." }
            }
        }
        @if let Ok(numbers) = &gathered.broker && let Source::Amqp(Some(why)) = &numbers.source {
            div.notice.warn { p { (why) ". The numbers come by AMQP until it answers." } }
        }
    }
}

/// In one sentence, what a person must look at.
fn summary(stages: &[StageView<'_>], gathered: &Gathered) -> Markup {
    let dead: u64 = stages.iter().filter_map(StageView::dead).sum();
    let unheard: Vec<_> =
        stages.iter().filter(|stage| stage.is_unheard()).map(|stage| stage.name()).collect();
    let paused: Vec<_> =
        stages.iter().filter(|stage| stage.pause.is_some()).map(|stage| stage.name()).collect();
    let known = gathered.broker.is_ok() || gathered.store.is_ok();
    html! {
        p.summary {
            @if !known { "Nothing is known of the chain now." }
            @else if dead == 0 { "No dead letter waits for a person." }
            @else {
                a.loud href="/letters" { (dead) @if dead == 1 { " dead letter waits" } @else { " dead letters wait" } }
                " for a person."
            }
            @if !unheard.is_empty() { " No consumer runs for " strong { (unheard.join(", ")) } "." }
            @if !paused.is_empty() { " Paused: " strong { (paused.join(", ")) } "." }
        }
    }
}

/// Where the numbers come from.
fn sources(gathered: &Gathered) -> &'static str {
    match (&gathered.broker, &gathered.store) {
        (Ok(numbers), Ok(_)) if numbers.source == Source::Management => {
            "Numbers of the broker's management API, which counts every few seconds, and of the store,"
        }
        (Ok(_), Ok(_)) => "Numbers of the broker, by AMQP, and of the store,",
        (Ok(_), Err(_)) => "Numbers of the broker alone,",
        (Err(_), Ok(_)) => "Numbers of the store alone,",
        (Err(_), Err(_)) => "Asked",
    }
}
