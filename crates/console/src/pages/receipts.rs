//! `/receipts`: the latest receipts, and the search by voucher, order, uid or customer.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{FoundReceipt, Listed, RecordFilter, SearchScope, StateCount};

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::components::{Params, Window, address, ago, amount, empty, receipt_path, short, untrusted};
use crate::error::PageError;
use crate::layout::{Section, page};
use crate::pages::receipt::state;
use crate::state::{AppState, Store};

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/receipts", get(show))
}

/// Receipts on a page.
const RECEIPTS: u32 = 50;

/// `GET /receipts`. A search with one result redirects to it.
async fn show(
    State(store): State<Store>,
    State(clock): State<Clock>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, PageError> {
    let now = clock.now();
    let window = Window::new(RECEIPTS, params.offset());
    let (q, in_state) = (params.get("q"), params.get("state").and_then(|state| state.parse().ok()));
    let mut found = match q {
        Some(text) => store.search(text, sought(&viewer), None, window.page()).await?,
        None => {
            let filter = RecordFilter { state: in_state, ..Default::default() };
            store.records(&filter, window.page()).await?.into_iter().map(one).collect()
        }
    };
    if let ([only], Some(_), 0) = (found.as_slice(), q, params.offset()) {
        return Ok(Redirect::to(&receipt_path(&only.key)).into_response());
    }
    let more = window.cut(&mut found);
    let shown = found.len();
    let found = group(found);
    let counts = match q {
        Some(_) => Vec::new(),
        None => store.counts().await?,
    };
    let content = html! {
        form.bar role="search" method="get" action="/receipts" {
            div.wide {
                label for="q" { "Receipt" }
                input #q type="search" name="q" value=[q] placeholder=(match sought(&viewer) {
                    SearchScope::Everywhere => "voucher, order, uid or customer",
                    SearchScope::WithoutCustomers => "voucher, order or uid",
                });
                @if sought(&viewer) == SearchScope::WithoutCustomers {
                    p.muted { "Viewers cannot search customers." }
                }
            }
            button { "Find" }
            @if q.is_some() || in_state.is_some() { a.button.quiet href="/receipts" { "Show the latest" } }
        }
        @if !counts.is_empty() { (states(&counts)) }
        @if found.is_empty() {
            (nothing(q, sought(&viewer), counts.is_empty()))
        } @else {
            h2 {
                @match (q, in_state) {
                    (Some(text), _) => { "Receipts matching “" (short(text, 60)) "”" },
                    (None, Some(state)) => { "Receipts in state " (state.to_string().replace('_', " ")) ", latest first" },
                    (None, None) => "Latest receipts",
                }
            }
            (table(&found, now))
            (window.links(shown, more, |offset| {
                let offset = offset.to_string();
                address("/receipts", &[("q", q), ("state", params.get("state")), ("offset", Some(&offset))])
            }))
        }
    };
    Ok(page(&viewer, "Receipts", Section::Receipts, content).into_response())
}

/// Viewers must not learn by searching what is redacted for them.
fn sought(viewer: &Viewer) -> SearchScope {
    if viewer.is(Role::Operator) { SearchScope::Everywhere } else { SearchScope::WithoutCustomers }
}

fn one(listed: Listed) -> FoundReceipt {
    FoundReceipt { key: listed.record.key.clone(), facts: listed.receipt, records: vec![listed.record] }
}

/// Joins the records of each receipt, one for each target.
fn group(found: Vec<FoundReceipt>) -> Vec<FoundReceipt> {
    let mut receipts: Vec<FoundReceipt> = Vec::new();
    for next in found {
        match receipts.iter_mut().find(|receipt| receipt.key == next.key) {
            Some(receipt) => receipt.records.extend(next.records),
            None => receipts.push(next),
        }
    }
    for receipt in &mut receipts {
        receipt.records.sort_by(|one, other| one.target.cmp(&other.target));
    }
    receipts
}

/// Number of records by target and state.
fn states(counts: &[StateCount]) -> Markup {
    html! {
        ul.counts-by-state aria-label="Records by target and state" {
            @for count in counts {
                li {
                    a href=(address("/receipts", &[("state", Some(count.state.as_str()))])) {
                        (untrusted(&count.target)) " " (state(count.state)) " " strong { (count.count) }
                    }
                }
            }
        }
    }
}

fn nothing(q: Option<&str>, sought: SearchScope, none_at_all: bool) -> Markup {
    match (q, none_at_all) {
        (Some(text), _) => empty(
            "No matching receipts.",
            html! {
                p { "No receipt has “" (short(text, 80)) "” as voucher number, order number or uid" @if sought == SearchScope::Everywhere { ", or in the customer’s name, number, e-mail or phone" } "." }
                p { "Its event may be missing or invalid: see the " a href=(address("/letters", &[("text", Some(text))])) { "dead letters" } "." }
            },
        ),
        (None, true) => empty(
            "No receipts yet.",
            html! {
                p { "Receipts come from the bus through the stage " code { "receipt" } ". If there are sales, check " a href="/" { "the chain" } ": its consumer may not be running." }
            },
        ),
        (None, false) => {
            empty("No receipts in this state.", html! { p { a href="/receipts" { "Show the latest" } } })
        }
    }
}

fn table(found: &[FoundReceipt], now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Voucher" } th scope="col" { "Order" } th scope="col" { "Store" }
                    th.number scope="col" { "Amount" } th scope="col" { "State by target" } th scope="col" { "Received" }
                    th scope="col" { "Receipt" }
                }
            }
            tbody { @for receipt in found { (row(receipt, now)) } }
        }
    }
}

fn row(receipt: &FoundReceipt, now: DateTime<Utc>) -> Markup {
    let facts = receipt.facts.as_ref();
    let none = html! { span.none { "–" } };
    let received =
        facts.map(|facts| facts.heard_at).or(receipt.records.iter().map(|record| record.created_at).min());
    html! {
        tr {
            th scope="row" data-label="Voucher" {
                a href=(receipt_path(&receipt.key)) {
                    @match facts { Some(facts) => (short(&facts.voucher_number, 60)), None => "no valid event" }
                }
            }
            td data-label="Order" { @match facts { Some(facts) => (short(&facts.order_number, 60)), None => (none) } }
            td data-label="Store" { @match facts { Some(facts) => (short(&facts.store_uid, 40)), None => (none) } }
            td.number data-label="Amount" { @match facts { Some(facts) => (amount(facts.amount, &facts.currency)), None => (none) } }
            td data-label="State by target" {
                @for record in &receipt.records { span.target { (untrusted(&record.target)) " " (state(record.state)) " " } }
            }
            td data-label="Received" { @match received { Some(time) => (ago(now, time)), None => (none) } }
            td data-label="Receipt" { span.muted { (short(&receipt.key.to_string(), 60)) } }
        }
    }
}
