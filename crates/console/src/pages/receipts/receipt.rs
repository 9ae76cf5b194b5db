//! `/receipts/TENANT/UID`: one receipt, its way to each target, and what is holding it.

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use operate::letters::decoded;
use operate::{Holding, Way, letters_about, way};
use sync_store::{Key, NotedDeadLetter, Page, Place, Record, RecordFilter, State as Standing};

use super::{address_of, state};
use crate::PageError;
use crate::access::{Role, Viewer};
use crate::layout::{Section, page};
use crate::pages::letters;
use crate::parts::{Facts, Segment, ago, amount, badge, foreign, moment, short, when};
use crate::server::App;

const UNKNOWN: &str = "No receipt of this tenant and uid was heard. If the till has issued it, it was never announced, \
                       or only a message was heard from which no uid could be read: look among the dead letters.";

/// `GET /receipts/TENANT/UID`.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path((Segment(tenant), Segment(uid))): Path<(Segment, Segment)>,
) -> Result<Markup, PageError> {
    let (key, now) = (Key::new(tenant, uid), app.clock.now());
    let records = records(&app, &key).await?;
    let kept = app.store.receipt(&key).await?;
    if records.is_empty() && kept.is_none() {
        return Err(PageError::NotFound(UNKNOWN));
    }
    let pruned = app.store.pruned_at(&key).await?;
    let about = letters_about(app.store.as_ref(), &key).await?;
    let ways: Vec<_> = records.iter().map(|record| (record, way(record, &about, &app.stages, now))).collect();
    let decoded = kept.as_ref().and_then(|kept| decoded(&kept.body));
    let facts = kept.as_ref().map(|kept| &kept.facts);
    let title =
        facts.map_or_else(|| format!("Receipt {key}"), |facts| format!("Receipt {}", facts.voucher_number));
    let content = html! {
        (Facts::default()
            .maybe("Voucher", facts.map(|facts| foreign(&facts.voucher_number)))
            .maybe("Order", facts.map(|facts| foreign(&facts.order_number)))
            .maybe("Store", facts.map(|facts| foreign(&facts.store_uid)))
            .maybe("Amount", facts.map(|facts| amount(facts.amount, &facts.currency)))
            .maybe("Heard", facts.map(|facts| when(now, facts.heard_at)))
            .with("Tenant and uid", html! { code { (foreign(&key.to_string())) } }))
        @if let Some(pruned) = pruned {
            p.notice { "Its personal data was removed " (when(now, pruned)) "." }
        }
        @if kept.is_none() {
            p.notice.warn { "Only broken events of this receipt were heard. Its dead letters below say what is wrong with them." }
        }
        h2 { "Its way" }
        @if ways.is_empty() { p { "No target has a record of it: it is wanted nowhere." } }
        div.ways { @for (record, way) in &ways { (one_way(record, way, now)) } }
        @if !about.is_empty() {
            h2 { "Its dead letters" }
            (letters_table(&viewer, &about, now))
        }
        @if let Some(decoded) = &decoded {
            h2 { "What it says" }
            @if !viewer.is(Role::Operator) { p.notice { "What is personal is withheld from viewers." } }
            (letters::read(&viewer, decoded))
        }
        @if let Some(facts) = facts && viewer.is(Role::Operator) {
            h2 { "Document" }
            p.muted { "Made anew from the receipt as it was heard, with the template of this console." }
            (letters::document(&format!("{}/document.pdf", address_of(&key)), &events::file_name(&facts.voucher_number)))
        }
    };
    Ok(page(&viewer, &title, Section::Receipts, content))
}

/// Its records, by target.
async fn records(app: &App, key: &Key) -> Result<Vec<Record>, PageError> {
    let filter = RecordFilter {
        receipt: Some(key.receipt_uid.clone()),
        tenant_uid: Some(key.tenant_uid.clone()),
        ..Default::default()
    };
    let found = app.store.records(&filter, Page::first(100)).await?;
    // A voucher number may be the uid of another.
    let its = found.into_iter().map(|listed| listed.record).filter(|record| record.key == *key);
    let mut its: Vec<_> = its.collect();
    its.sort_by(|one, other| one.target.cmp(&other.target));
    Ok(its)
}

fn one_way(record: &Record, way: &Way, now: DateTime<Utc>) -> Markup {
    html! {
        section.card aria-labelledby={ "to-" (way.target) } {
            h3 id={ "to-" (way.target) } { "To " (foreign(&way.target)) " " (state(way.state)) }
            ol.steps { @for step in steps(record) { (step) } }
            p.holding.(kind(&way.holding)) { (holding(&way.holding)) }
            p.muted { "Since " (when(now, way.since)) }
        }
    }
}

/// The steps on a way, those that are done with what is known of them.
fn steps(record: &Record) -> Vec<Markup> {
    let step = |done: bool, name: &str, what: Markup| {
        html! {
            li.done[done] { span.name { (name) } @if !done { span.visually-hidden { " (not yet)" } } " " (what) }
        }
    };
    let complete = record.state == Standing::Complete;
    let invoice = record.invoice_id.as_deref();
    let heard = match record.heard_count {
        0 => html! { "never unbroken" },
        1 => html! { (moment(record.created_at)) },
        count => html! { (moment(record.created_at)) ", " (count) " times" },
    };
    let mut steps = vec![step(record.heard_count > 0, "heard", heard)];
    if record.state == Standing::Skipped {
        return steps;
    }
    if record.target == report::OMNIUM {
        let id = html! { @if let Some(id) = invoice { code { (foreign(id)) } } };
        steps.push(step(complete || invoice.is_some(), "invoice", id));
        let file = html! { @if let Some(name) = &record.file_name { code { (foreign(name)) } } };
        steps.push(step(
            complete,
            if record.state == Standing::Attaching { "file (being attached)" } else { "file" },
            file,
        ));
    }
    let at = html! { @if let Some(time) = record.completed_at { (moment(time)) } };
    steps.push(step(complete, "complete", at));
    steps
}

fn kind(holding: &Holding) -> &'static str {
    match holding {
        Holding::Nothing | Holding::NotWanted => "calm",
        Holding::Handled { .. } | Holding::Queued { .. } | Holding::Redriven { .. } => "waits",
        Holding::Dead { .. } | Holding::Discarded { .. } | Holding::DeadLetterUnknown => "stuck",
    }
}

/// What is holding it, with the way to what goes on from here.
fn holding(holding: &Holding) -> Markup {
    let links = |ids: &[String]| {
        html! {
            @for id in ids { " " a href=(letters::address_of(id)) { (foreign(id)) } }
        }
    };
    match holding {
        Holding::Nothing => html! { "Nothing is holding it: it has arrived." },
        Holding::NotWanted => html! { "It is not wanted there." },
        Holding::Handled { until } => {
            html! { "A handler is at it, until " (moment(*until)) " at the latest." }
        }
        Holding::Queued { interrupted } => html! {
            @if *interrupted { "Its handler stopped in the middle. " }
            "Its message waits in a queue or in a retry queue. Where it got lost, it is sent on again by itself."
        },
        Holding::Dead { letters, remedy } => html! {
            strong { "Its dead letter waits for a person:" } (links(letters)) ". What to do: " (remedy) "."
        },
        Holding::Redriven { letters } => html! {
            "Its dead letter was sent back to its queue, and was not handled yet:" (links(letters)) "."
        },
        Holding::Discarded { letters } => html! {
            strong { "Its dead letter was discarded." } " Nothing goes on until it is restored:" (links(letters)) "."
        },
        Holding::DeadLetterUnknown => html! {
            strong { "It is dead, and the index knows no dead letter of it. " } code { "bilag dead reindex" } " looks through the queues."
        },
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Dead => "waits for a person",
        Place::Redriven => "redriven",
        Place::Discarded => "discarded",
    }
}

fn letters_table(viewer: &Viewer, letters: &[NotedDeadLetter], now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "DeadLetter" } th scope="col" { "Error" } th scope="col" { "Stage" } th scope="col" { "Place" } th scope="col" { "Died" } } }
            tbody {
                @for noted in letters {
                    @let letter = &noted.letter;
                    tr {
                        th.tight scope="row" data-label="DeadLetter" { a href=(letters::address_of(&letter.id)) { (short(&letter.id, 40)) } }
                        td data-label="Error" { (letters::error(viewer, &letter.error)) }
                        td data-label="Stage" { (badge("", &letter.stage)) }
                        td.tight data-label="Place" { (place(noted.place)) }
                        td.tight data-label="Died" { (ago(now, letter.last_failed_at.unwrap_or(noted.noted_at))) }
                    }
                }
            }
        }
    }
}
