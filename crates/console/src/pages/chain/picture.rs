//! The picture: from the bus to the targets, each stage in its place.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::stage::StageView;

/// The stage beside the chain, which hears the dead letters of all others.
const DEAD: &str = "dead";

/// Stages with a target are the chain's end, and the one before them makes what they carry. All before
/// that hear the bus. So a further consumer finds its place by itself.
pub(super) fn of(stages: &[StageView<'_>], now: DateTime<Utc>) -> Markup {
    let (beside, chain): (Vec<_>, Vec<_>) = stages.iter().partition(|stage| stage.name() == DEAD);
    let (targets, steps): (Vec<_>, Vec<_>) =
        chain.into_iter().partition(|stage| stage.stage.target.is_some());
    let (maker, heard) = match steps.split_last() {
        Some((maker, heard)) => (Some(*maker), heard),
        None => (None, &[][..]),
    };
    html! {
        div.chain data-list="" {
            div.end { strong { "your bus" } span { "events come in" } }
            (arrow())
            div.column {
                @for (i, stage) in heard.iter().enumerate() {
                    @if i > 0 { p.down { "its receipt" } }
                    (stage.card(now))
                }
            }
            (arrow())
            @if let Some(maker) = maker {
                div.column { (maker.card(now)) }
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
                p.muted { "Beside the chain: a copy of every dead letter comes here; the dead letter itself stays where it is." }
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
