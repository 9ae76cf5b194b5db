//! `/receipts/TENANT/UID`: one receipt, its delivery to each target, and its document.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, Utc};
use events::ReceiptSettled;
use maud::{Markup, html};
use operate::dead_letters::{DeadLetterService, decoded};
use operate::stages::{StageStatus, holding_up};
use operate::{Blocker, DeliveryStatus, dead_letters_about, delivery_status};
use sync_store::{
    Key, NotedDeadLetter, Page, Place, Receipt, Record, RecordFilter, State as RecordState, SyncStore,
};
use tokio::task::spawn_blocking;

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::components::{
    Facts, Segment, ago, amount, badge, dead_letter_path, document, error_text, event, moment, pdf_response,
    receipt_path, short, untrusted, when,
};
use crate::error::PageError;
use crate::layout::{Section, page};
use crate::redaction::Redacted;
use crate::state::{AppState, EInvoice, Settings, Store};

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/receipts/{tenant}/{uid}", get(show))
        .route("/receipts/{tenant}/{uid}/document.pdf", get(pdf))
}

const UNKNOWN: &str = "No event of this receipt was received, or none with a readable uid: if the till has issued it, see \
                       the dead letters.";

/// `GET /receipts/TENANT/UID`.
async fn show(
    State(service): State<Arc<DeadLetterService>>,
    State(clock): State<Clock>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    Path((Segment(tenant), Segment(uid))): Path<(Segment, Segment)>,
) -> Result<Markup, PageError> {
    let (key, now) = (Key::new(tenant, uid), clock.now());
    let store = service.store.as_ref();
    let records = records(store, &key).await?;
    let kept = store.receipt(&key).await?;
    if records.is_empty() && kept.is_none() {
        return Err(PageError::NotFound(UNKNOWN));
    }
    let pruned = store.pruned_at(&key).await?;
    let dead_letters = dead_letters_about(store, &key).await?;
    let status = |record| (record, delivery_status(record, &dead_letters, &service.stages, now));
    let deliveries: Vec<_> = records.iter().map(status).collect();
    let stages = operate::stages::status(store, &service.stages).await?;
    let decoded = kept.as_ref().and_then(|kept| decoded(&kept.body));
    let facts = kept.as_ref().map(|kept| &kept.facts);
    // Pruned receipts lack what they had.
    let of_document = kept.as_ref().filter(|_| pruned.is_none() && viewer.is(Role::Operator));
    let of_document = of_document.and_then(|kept| events::decoded::<ReceiptSettled>(&kept.body));
    let title =
        facts.map_or_else(|| format!("Receipt {key}"), |facts| format!("Receipt {}", facts.voucher_number));
    let content = html! {
        (Facts::default()
            .maybe("Voucher", facts.map(|facts| untrusted(&facts.voucher_number)))
            .maybe("Order", facts.map(|facts| untrusted(&facts.order_number)))
            .maybe("Store", facts.map(|facts| untrusted(&facts.store_uid)))
            .maybe("Amount", facts.map(|facts| amount(facts.amount, &facts.currency)))
            .maybe("Received", facts.map(|facts| when(now, facts.heard_at)))
            .with("Tenant and uid", html! { code { (untrusted(&key.to_string())) } }))
        @if let Some(pruned) = pruned {
            p.notice { "Personal data was removed " (when(now, pruned)) "." }
        }
        @if kept.is_none() {
            p.notice.warn { "Only invalid events of this receipt were received: see its dead letters below." }
        }
        h2 { "Delivery" }
        @if deliveries.is_empty() { p { "No target wants it." } }
        div.ways { @for (record, status) in &deliveries { (delivery(&viewer, record, status, &held_up_by(&stages, record, status, kept.as_ref()), now)) } }
        @if !dead_letters.is_empty() {
            h2 { "Dead letters" }
            (dead_letter_table(&viewer, &dead_letters, now))
        }
        @if let Some(decoded) = &decoded {
            h2 { "Content" }
            @if !viewer.is(Role::Operator) { p.notice { "Personal data is hidden from viewers." } }
            (event(&viewer, decoded))
        }
        @if let Some(facts) = facts && viewer.is(Role::Operator) {
            h2 { "Document" }
            p.muted { "A copy: rendered again from the received receipt, with the template of this console." }
            @if let Some(event) = of_document { (e_invoice((settings.e_invoice)(&event))) }
            (document(&format!("{}/document.pdf", receipt_path(&key)), &events::file_name(&facts.voucher_number)))
        }
    };
    Ok(page(&viewer, &title, Section::Receipts, content))
}

/// Records of the receipt, by target.
async fn records(store: &dyn SyncStore, key: &Key) -> Result<Vec<Record>, PageError> {
    let filter = RecordFilter {
        receipt: Some(key.receipt_uid.clone()),
        tenant_uid: Some(key.tenant_uid.clone()),
        ..Default::default()
    };
    let found = store.records(&filter, Page::first(100)).await?;
    // The voucher number of another may be this uid.
    let its = found.into_iter().map(|listed| listed.record).filter(|record| record.key == *key);
    let mut its: Vec<_> = its.collect();
    its.sort_by(|one, other| one.target.cmp(&other.target));
    Ok(its)
}

/// What a receipt in a queue waits for.
fn held_up_by(
    stages: &[StageStatus],
    record: &Record,
    status: &DeliveryStatus,
    kept: Option<&Receipt>,
) -> Vec<Redacted> {
    if !status.blocker.is_queue() {
        return Vec::new();
    }
    let store = kept.map(|kept| kept.facts.store_uid.as_str());
    holding_up(stages, &record.target, &record.key, store).iter().map(Redacted::from).collect()
}

fn delivery(
    viewer: &Viewer,
    record: &Record,
    status: &DeliveryStatus,
    held_up_by: &[Redacted],
    now: DateTime<Utc>,
) -> Markup {
    html! {
        section.card aria-labelledby={ "to-" (status.target) } {
            h3 id={ "to-" (status.target) } { "To " (untrusted(&status.target)) " " (state(status.state)) }
            ol.steps { @for step in steps(record) { (step) } }
            p.holding.(colour(&status.blocker)) { (blocker(&status.blocker)) }
            @for why in held_up_by {
                p.holding.waits { "Held up: " (untrusted(why.for_viewer(viewer))) "." }
            }
            p.muted { "Since " (when(now, status.since)) }
        }
    }
}

/// Steps of a delivery, done or not.
fn steps(record: &Record) -> Vec<Markup> {
    let step = |done: bool, name: &str, what: Markup| {
        html! {
            li.done[done] { span.name { (name) } @if !done { span.visually-hidden { " (not yet)" } } " " (what) }
        }
    };
    let complete = record.state == RecordState::Complete;
    let invoice = record.invoice_id.as_deref();
    let received = match record.heard_count {
        0 => html! { "no valid event" },
        1 => html! { (moment(record.created_at)) },
        count => html! { (moment(record.created_at)) ", " (count) " times" },
    };
    let mut steps = vec![step(record.heard_count > 0, "received", received)];
    if record.state == RecordState::Skipped {
        return steps;
    }
    if record.target == report::OMNIUM {
        let id = html! { @if let Some(id) = invoice { code { (untrusted(id)) } } };
        steps.push(step(complete || invoice.is_some(), "invoice", id));
        let file = html! { @if let Some(name) = &record.file_name { code { (untrusted(name)) } } };
        steps.push(step(
            complete,
            if record.state == RecordState::Attaching { "file (being attached)" } else { "file" },
            file,
        ));
    }
    let at = html! { @if let Some(time) = record.completed_at { (moment(time)) } };
    steps.push(step(complete, "complete", at));
    steps
}

fn colour(blocker: &Blocker) -> &'static str {
    match blocker {
        Blocker::Nothing | Blocker::NotWanted => "calm",
        Blocker::Handler { .. } | Blocker::Queue { .. } | Blocker::Redriven { .. } => "waits",
        Blocker::DeadLetter { .. } | Blocker::Discarded { .. } | Blocker::UnknownDeadLetter => "stuck",
    }
}

/// What a delivery waits for, with links.
fn blocker(blocker: &Blocker) -> Markup {
    let links = |ids: &[String]| {
        html! {
            @for id in ids { " " a href=(dead_letter_path(id)) { (untrusted(id)) } }
        }
    };
    match blocker {
        Blocker::Nothing => html! { "It has arrived." },
        Blocker::NotWanted => html! { "The target does not want it." },
        Blocker::Handler { until } => {
            html! { "A handler has the lease until " (moment(*until)) "." }
        }
        Blocker::Queue { interrupted } => html! {
            @if *interrupted { "The last handler did not finish. " }
            "Its message waits in a work queue or a retry queue. If it was lost, the sync cycle sends it again."
        },
        Blocker::DeadLetter { ids, remedy } => html! {
            strong { "Its dead letter waits for an operator:" } (links(ids)) ". What to do: " (remedy) "."
        },
        Blocker::Redriven { ids } => html! {
            "Its dead letter was redriven and is not handled yet:" (links(ids)) "."
        },
        Blocker::Discarded { ids } => html! {
            strong { "Its dead letter was discarded." } " Nothing happens until it is restored:" (links(ids)) "."
        },
        Blocker::UnknownDeadLetter => html! {
            strong { "It is dead, and the index has no dead letter of it. " } code { "bilag dead reindex" } " searches the queues."
        },
    }
}

/// Whether the document contains an e-invoice, and what it lacks for one.
fn e_invoice(found: EInvoice) -> Markup {
    let (kind, said, reasons) = match found {
        EInvoice::NotDue => return html! {},
        EInvoice::Contained => return html! { p.muted { "Contains an e-invoice by EN 16931." } },
        EInvoice::Missing(reasons) => ("notice warn", "It contains no e-invoice by EN 16931:", reasons),
        EInvoice::Refused(reasons) => (
            "notice bad",
            "There is no document: an e-invoice by EN 16931 is required, and cannot be made:",
            reasons,
        ),
    };
    html! {
        div class=(kind) {
            p { (said) }
            ul { @for reason in &reasons { li { (untrusted(reason)) } } }
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Dead => "waiting",
        Place::Redriven => "redriven",
        Place::Discarded => "discarded",
    }
}

fn dead_letter_table(viewer: &Viewer, letters: &[NotedDeadLetter], now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead { tr { th scope="col" { "Dead letter" } th scope="col" { "Error" } th scope="col" { "Stage" } th scope="col" { "Place" } th scope="col" { "Died" } } }
            tbody {
                @for noted in letters {
                    @let letter = &noted.letter;
                    tr {
                        th.tight scope="row" data-label="Dead letter" { a href=(dead_letter_path(&letter.id)) { (short(&letter.id, 40)) } }
                        td data-label="Error" { (error_text(viewer, &letter.error)) }
                        td data-label="Stage" { (badge("", &letter.stage)) }
                        td.tight data-label="Place" { (place(noted.place)) }
                        td.tight data-label="Died" { (ago(now, letter.last_failed_at.unwrap_or(noted.noted_at))) }
                    }
                }
            }
        }
    }
}

const NO_RECEIPT: &str = "No valid event of this receipt was received: there is nothing to render.";

const PRUNED: &str = "The receipt's personal data was removed: it cannot be rendered.";

/// `GET /receipts/TENANT/UID/document.pdf`: rendered again from the received receipt, as a copy. Contains personal data.
async fn pdf(
    State(store): State<Store>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    Path((Segment(tenant), Segment(uid))): Path<(Segment, Segment)>,
) -> Result<Response, PageError> {
    viewer.may(Role::Operator)?;
    let key = Key::new(tenant, uid);
    let kept = store.receipt(&key).await?.ok_or(PageError::NotFound(NO_RECEIPT))?;
    if store.pruned_at(&key).await?.is_some() {
        return Err(PageError::NotFound(PRUNED));
    }
    let event: ReceiptSettled = events::decode(&kept.body)
        .map_err(|error| PageError::Invalid(format!("The stored receipt cannot be decoded: {error}.")))?;
    let file_name = event.order_receipt.file_name();
    // Rendering is CPU-bound.
    let rendered = spawn_blocking(move || (settings.render)(&event.as_copy())).await;
    match rendered {
        Ok(Ok(pdf)) => Ok(pdf_response(&file_name, pdf)),
        Ok(Err(error)) => {
            Err(PageError::Invalid(format!("The document cannot be rendered: {}.", amqp::chain(&*error))))
        }
        Err(_) => Err(PageError::Invalid("The document cannot be rendered: internal error.".to_owned())),
    }
}

/// State of a record in its colour.
pub(crate) fn state(state: RecordState) -> Markup {
    let kind = match state {
        RecordState::Complete => "ok",
        RecordState::Dead => "bad",
        RecordState::Skipped => "off",
        RecordState::Pending | RecordState::InvoiceCreated | RecordState::Attaching => "warn",
    };
    badge(kind, &state.as_str().replace('_', " "))
}
