//! `/receipts`: the latest receipts, and the search by voucher, order, uid or customer.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use sync_store::{FoundReceipt, Listed, RecordFilter, SearchScope, StateCount};

use super::{address_of, state};
use crate::PageError;
use crate::access::{Role, Viewer};
use crate::layout::{Section, page};
use crate::parts::{Params, Window, address, ago, amount, empty, foreign, short};
use crate::server::App;

/// Receipts on a page.
const RECEIPTS: u32 = 50;

/// `GET /receipts`. A search with one hit leads to it.
pub(super) async fn show(
    State(app): State<App>,
    viewer: Viewer,
    params: Params,
) -> Result<Response, PageError> {
    let now = app.clock.now();
    let window = Window::new(RECEIPTS, params.offset());
    let (q, in_state) = (params.get("q"), params.get("state").and_then(|state| state.parse().ok()));
    let mut found = match q {
        Some(text) => app.store.search(text, sought(&viewer), None, window.page()).await?,
        None => {
            let filter = RecordFilter { state: in_state, ..Default::default() };
            app.store.records(&filter, window.page()).await?.into_iter().map(one).collect()
        }
    };
    if let ([only], Some(_), 0) = (found.as_slice(), q, params.offset()) {
        return Ok(Redirect::to(&address_of(&only.key)).into_response());
    }
    let more = window.cut(&mut found);
    let shown = found.len();
    let found = together(found);
    let counts = match q {
        Some(_) => Vec::new(),
        None => app.store.counts().await?,
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
                    p.muted { "Customers are not searched: what is known of them is not shown to viewers." }
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
                    (Some(text), _) => { "Receipts found by “" (short(text, 60)) "”" },
                    (None, Some(state)) => { "Receipts that are " (state.to_string().replace('_', " ")) ", the latest first" },
                    (None, None) => "The latest receipts",
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

/// Viewers do not learn by searching what is not shown to them.
fn sought(viewer: &Viewer) -> SearchScope {
    if viewer.is(Role::Operator) { SearchScope::Everywhere } else { SearchScope::WithoutCustomers }
}

fn one(listed: Listed) -> FoundReceipt {
    FoundReceipt { key: listed.record.key.clone(), facts: listed.receipt, records: vec![listed.record] }
}

/// A receipt has a record for each target; those that follow each other are one line.
fn together(found: Vec<FoundReceipt>) -> Vec<FoundReceipt> {
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

/// How many records are in each state, by target.
fn states(counts: &[StateCount]) -> Markup {
    html! {
        ul.counts-by-state aria-label="Records by target and state" {
            @for count in counts {
                li {
                    a href=(address("/receipts", &[("state", Some(count.state.as_str()))])) {
                        (foreign(&count.target)) " " (state(count.state)) " " strong { (count.count) }
                    }
                }
            }
        }
    }
}

fn nothing(q: Option<&str>, sought: SearchScope, none_at_all: bool) -> Markup {
    match (q, none_at_all) {
        (Some(text), _) => empty(
            "No receipt is found.",
            html! {
                p { "Nothing that was heard has “" (short(text, 80)) "” as its voucher, order number or uid" @if sought == SearchScope::Everywhere { ", or in its customer’s name, number, e-mail or telephone" } "." }
                p { "It may not have been announced, or only broken events of it: look among the " a href=(address("/letters", &[("text", Some(text))])) { "dead letters" } "." }
            },
        ),
        (None, true) => empty(
            "No receipt has been heard yet.",
            html! {
                p { "They come from the bus to the stage " code { "receipt" } ". If the tills sell, look at " a href="/" { "the chain" } ": its consumer may not be running." }
            },
        ),
        (None, false) => {
            empty("No receipt is like this.", html! { p { a href="/receipts" { "Show the latest" } } })
        }
    }
}

fn table(found: &[FoundReceipt], now: DateTime<Utc>) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th scope="col" { "Voucher" } th scope="col" { "Order" } th scope="col" { "Store" }
                    th.number scope="col" { "Amount" } th scope="col" { "State by target" } th scope="col" { "Heard" }
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
    let heard =
        facts.map(|facts| facts.heard_at).or(receipt.records.iter().map(|record| record.created_at).min());
    html! {
        tr {
            th scope="row" data-label="Voucher" {
                a href=(address_of(&receipt.key)) {
                    @match facts { Some(facts) => (short(&facts.voucher_number, 60)), None => "never heard unbroken" }
                }
            }
            td data-label="Order" { @match facts { Some(facts) => (short(&facts.order_number, 60)), None => (none) } }
            td data-label="Store" { @match facts { Some(facts) => (short(&facts.store_uid, 40)), None => (none) } }
            td.number data-label="Amount" { @match facts { Some(facts) => (amount(facts.amount, &facts.currency)), None => (none) } }
            td data-label="State by target" {
                @for record in &receipt.records { span.target { (foreign(&record.target)) " " (state(record.state)) " " } }
            }
            td data-label="Heard" { @match heard { Some(time) => (ago(now, time)), None => (none) } }
            td data-label="Receipt" { span.muted { (short(&receipt.key.to_string(), 60)) } }
        }
    }
}
