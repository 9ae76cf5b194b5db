//! `/report`: what was heard in a period, what became of it, and which voucher numbers are missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Days, NaiveDate, Utc};
use maud::{Markup, html};
use report::{By, Figures, Group, OMNIUM, Query, Report, Row, Series, Tally};
use sync_store::{Period, SyncStore};
use tokio::sync::Mutex;

use crate::PageError;
use crate::access::Viewer;
use crate::layout::{Section, page};
use crate::parts::{Params, address, empty, foreign, plural};
use crate::server::App;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/report", get(show)).route("/report.csv", get(csv)).route("/report.json", get(json))
}

/// The longest period in days: one and a half years take a while to be asked for day by day.
const DAYS: i64 = 550;

/// Ranges of missing numbers that are listed for a series; the CSV lists all.
const RANGES: usize = 50;

/// What is asked, as the page's query has it; yesterday and today where it says nothing.
fn query(app: &App, params: &Params, now: DateTime<Utc>) -> Result<Query, String> {
    let today = now.date_naive();
    let day = |name: &str, default: NaiveDate| match params.get(name) {
        None => Ok(default),
        Some(day) => day.parse().map_err(|_| format!("“{day}” is no day: write it as {today}")),
    };
    let to = day("to", today)?;
    let from = day("from", to.checked_sub_days(Days::new(1)).unwrap_or(to))?;
    if from > to {
        return Err(format!("{from} is after {to}: the first day comes first"));
    }
    if (to - from).num_days() > DAYS {
        return Err(format!(
            "that is longer than {DAYS} days: ask for a shorter period, or use `bilag report`"
        ));
    }
    let by = match params.get("by") {
        None => Some(By::Day),
        Some("nothing") => None,
        Some(by) => Some(by.parse().map_err(|error: report::UnknownBy| error.to_string())?),
    };
    let target = params.get("target").unwrap_or(OMNIUM);
    if !targets(app).contains(&target.to_owned()) {
        return Err(format!("there is no target “{target}”"));
    }
    Ok(Query { period: Period { from, to }, by, target: target.to_owned(), tenant: params.text("tenant") })
}

fn targets(app: &App) -> Vec<String> {
    app.stages.iter().filter_map(|stage| Some(stage.target.as_ref()?.as_str().to_owned())).collect()
}

/// The report that was made last. One is made at a time, because each holds all receipts of its days;
/// who asks meanwhile waits, and who asks for the same is told the same.
#[derive(Default)]
pub(crate) struct LastReport(Mutex<Option<(Instant, Arc<Report>)>>);

/// So long it is told again.
const KEPT: Duration = Duration::from_secs(10);

impl LastReport {
    async fn of(&self, store: &dyn SyncStore, query: &Query) -> Result<Arc<Report>, PageError> {
        let mut last = self.0.lock().await;
        if let Some((made, report)) = &*last
            && made.elapsed() < KEPT
            && report.query == *query
        {
            return Ok(Arc::clone(report));
        }
        // It goes before the next one is made.
        *last = None;
        let report = Arc::new(report::report(store, query).await?);
        *last = Some((Instant::now(), Arc::clone(&report)));
        Ok(report)
    }
}

async fn made(app: &App, params: &Params) -> Result<Arc<Report>, PageError> {
    let query =
        query(app, params, app.clock.now()).map_err(|problem| PageError::Invalid(format!("{problem}.")))?;
    app.report.of(app.store.as_ref(), &query).await
}

async fn csv(State(app): State<App>, _: Viewer, params: Params) -> Result<Response, PageError> {
    let report = made(&app, &params).await?;
    Ok(download(&report, "csv", "text/csv; charset=utf-8", report::csv(&report)))
}

async fn json(State(app): State<App>, _: Viewer, params: Params) -> Result<Response, PageError> {
    let report = made(&app, &params).await?;
    let json = format!("{:#}\n", report::json(&report));
    Ok(download(&report, "json", "application/json", untrusted_text::json(&json).into_owned()))
}

fn download(report: &Report, ending: &str, kind: &str, text: String) -> Response {
    let Period { from, to } = report.query.period;
    let disposition = format!("attachment; filename=\"receipts-{from}-{to}.{ending}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], text).into_response()
}

async fn show(State(app): State<App>, viewer: Viewer, params: Params) -> Result<Markup, PageError> {
    let query = query(&app, &params, app.clock.now());
    let content = match query {
        Err(problem) => html! {
            (form(&app, &params, None))
            p.notice.bad role="alert" { (problem) "." }
        },
        Ok(query) => {
            let report = app.report.of(app.store.as_ref(), &query).await?;
            html! { (form(&app, &params, Some(&query))) (shown(&report)) }
        }
    };
    Ok(page(&viewer, "Report", Section::Report, content))
}

fn form(app: &App, params: &Params, query: Option<&Query>) -> Markup {
    let day = |name: &str, day: Option<NaiveDate>| params.text(name).or(day.map(|day| day.to_string()));
    let by = params.get("by").unwrap_or("day");
    let target = params.get("target").unwrap_or(OMNIUM);
    html! {
        form.bar method="get" action="/report" {
            div { label for="from" { "From" } input #from type="date" name="from" value=[day("from", query.map(|query| query.period.from))]; }
            div { label for="to" { "To" } input #to type="date" name="to" value=[day("to", query.map(|query| query.period.to))]; }
            div {
                label for="by" { "By" }
                select #by name="by" {
                    @for (value, name) in [("day", "day"), ("store", "store"), ("type", "type"), ("nothing", "nothing: totals alone")] {
                        option value=(value) selected[by == value] { (name) }
                    }
                }
            }
            div {
                label for="target" { "At" }
                select #target name="target" {
                    @for known in targets(app) { option value=(known) selected[target == known] { (known) } }
                }
            }
            div { label for="tenant" { "Tenant" } input #tenant name="tenant" value=[params.get("tenant")] placeholder="any"; }
            button { "Show" }
        }
    }
}

fn shown(report: &Report) -> Markup {
    let query = &report.query;
    let (from, to) = (query.period.from.to_string(), query.period.to.to_string());
    let by = query.by.map_or("nothing", By::as_str);
    let asked = [
        ("from", Some(&*from)),
        ("to", Some(&*to)),
        ("by", Some(by)),
        ("target", Some(&*query.target)),
        ("tenant", query.tenant.as_deref()),
    ];
    let counts = report.counts();
    html! {
        p { "Receipts settled from " strong { (from) } " to " strong { (to) } ", both included, and what became of them at " strong { (foreign(&query.target)) } ". The days are the stores’ own." }
        @if report.totals.is_empty() {
            (empty("No receipt was heard that was settled in this period.", html! { p { "Choose other days, or look at " a href="/receipts" { "the latest receipts" } "." } }))
        } @else {
            (adds_up(&counts, report.adds_up()))
            (table(report))
        }
        (broken(report))
        (vouchers(report))
        p.actions {
            a.button.quiet href=(address("/report.csv", &asked)) download { "Download CSV" }
            a.button.quiet href=(address("/report.json", &asked)) download { "Download JSON" }
        }
    }
}

fn adds_up(counts: &Figures, adds_up: bool) -> Markup {
    let Figures { received: heard, complete, skipped, dead, on_their_way } = counts;
    html! {
        p.notice.(if !adds_up { "bad" } else if dead.count > 0 { "warn" } else { "ok" }) {
            strong { (heard.count) } " heard " (if adds_up { "=" } else { "IS NOT" }) " "
            (complete.count) " complete + " (skipped.count) " skipped + " (dead.count) " dead + "
            (on_their_way.count) " on their way"
            @if !adds_up { ". This is a defect: report it." }
        }
    }
}

fn table(report: &Report) -> Markup {
    let first = report.query.by.map_or("", |by| match by {
        By::Day => "Day",
        By::Store => "Store",
        By::Type => "Type",
    });
    html! {
        table.figures {
            thead {
                tr {
                    th scope="col" { (first) } th scope="col" { "Currency" }
                    @for heading in HEADINGS { th.number scope="col" { (heading) } }
                }
            }
            tbody { @for row in &report.rows { (line(row)) } }
            tfoot { @for row in &report.totals { (line(row)) } }
        }
    }
}

const HEADINGS: [&str; 5] = ["Heard", "Complete", "Skipped", "Dead", "On their way"];

fn line(row: &Row) -> Markup {
    let Figures { received: heard, complete, skipped, dead, on_their_way } = &row.figures;
    let group = if row.group == Group::All { "total".to_owned() } else { row.group.to_string() };
    html! {
        tr {
            th scope="row" { (foreign(&group)) }
            td data-label="Currency" { @match &row.currency { Some(currency) => (foreign(currency)), None => span.none { "–" } } }
            @for (name, tally) in HEADINGS.into_iter().zip([heard, complete, skipped, dead, on_their_way]) {
                td.number data-label=(name) { (figure(tally, row.currency.is_some(), name == "Dead")) }
            }
        }
    }
}

fn figure(tally: &Tally, has_amount: bool, is_dead: bool) -> Markup {
    html! {
        @if tally.count == 0 { span.none { "0" } } @else {
            strong.loud[is_dead] { (tally.count) }
            @if has_amount { br; span.muted { (format!("{:.2}", tally.sum)) } }
        }
    }
}

fn broken(report: &Report) -> Markup {
    let told: Vec<_> = report.beside().collect();
    html! {
        @if !told.is_empty() { ul { @for (count, what) in told { li { strong { (count) } " " (what) } } } }
    }
}

fn vouchers(report: &Report) -> Markup {
    let gaps = &report.gaps;
    if gaps.series.is_empty() && gaps.unchecked == 0 && gaps.repeated.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Voucher numbers" }
        @if gaps.missing() > 0 {
            p.notice.warn {
                strong { (plural(gaps.missing(), "number is missing", "numbers are missing")) } ". A missing number may be a receipt that was never announced, or was heard broken: look at the till, and among the " a href="/letters" { "dead letters" } ". It may be nothing: a number of another till of the store, or one that was given to no receipt. Numbers before the first and after the last cannot be seen to be missing."
            }
        }
        @if !gaps.repeated.is_empty() {
            p.notice.warn {
                strong { (plural(gaps.repeated.len() as u64, "number was", "numbers were")) " given to several receipts" } ". Their invoices have the same number, and their documents the same name: look at the till."
            }
            ul {
                @for again in gaps.repeated.iter().take(RANGES) {
                    li {
                        (foreign(&format!("{}/{}", again.tenant, again.store))) ": "
                        a href=(address("/receipts", &[("q", Some(&*again.voucher))])) { (foreign(&again.voucher)) }
                        " is the number of " (again.receipts) " receipts"
                    }
                }
            }
            @if gaps.repeated.len() > RANGES { p.muted { "and " (gaps.repeated.len() - RANGES) " more, which the CSV lists" } }
        }
        table {
            thead { tr { th scope="col" { "Store" } th scope="col" { "Series" } th.number scope="col" { "Heard" } th scope="col" { "Missing" } } }
            tbody { @for series in &gaps.series { (numbers(series)) } }
        }
        @if gaps.unchecked > 0 { p.muted { (gaps.unchecked) " not checked: numbers that belong to no series." } }
    }
}

fn numbers(series: &Series) -> Markup {
    let Series { tenant, store, first, last, vouchers, missing } = series;
    html! {
        tr {
            th scope="row" data-label="Store" { (foreign(&format!("{tenant}/{store}"))) }
            td data-label="Series" { (foreign(first)) " to " (foreign(last)) }
            td.number data-label="Heard" { (vouchers) }
            td data-label="Missing" {
                @if missing.is_empty() { span.none { "none" } }
                @for range in missing.iter().take(RANGES) { span.range { (foreign(&range.to_string())) } " " }
                @if missing.len() > RANGES { "and " (missing.len() - RANGES) " more ranges, which the CSV lists" }
            }
        }
    }
}
