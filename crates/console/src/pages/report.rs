//! `/report`: the receipts of a period, their states, and missing voucher numbers.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Days, NaiveDate, Utc};
use maud::{Markup, html};
use operate::Stage;
use operate::dead_letters::DeadLetterService;
use report::{By, Figures, Group, OMNIUM, Query, Report, Row, Series, Tally};
use sync_store::Period;

use crate::auth::viewer::Viewer;
use crate::caches::Reports;
use crate::clock::Clock;
use crate::components::{Params, address, empty, plural, untrusted};
use crate::error::PageError;
use crate::layout::{Section, page};
use crate::state::AppState;

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/report", get(show)).route("/report.csv", get(csv)).route("/report.json", get(json))
}

/// Maximum period in days.
const MAX_DAYS: i64 = 550;

/// Ranges of missing numbers listed for a series; the CSV lists all.
const RANGES: usize = 50;

/// The query of the page; by default of yesterday and today.
fn query(stages: &[Stage], params: &Params, now: DateTime<Utc>) -> Result<Query, String> {
    let today = now.date_naive();
    let day = |name: &str, default: NaiveDate| match params.get(name) {
        None => Ok(default),
        Some(day) => day.parse().map_err(|_| format!("“{day}” is not a day: expected a format like {today}")),
    };
    let to = day("to", today)?;
    let from = day("from", to.checked_sub_days(Days::new(1)).unwrap_or(to))?;
    if from > to {
        return Err(format!("{from} is after {to}"));
    }
    if (to - from).num_days() > MAX_DAYS {
        return Err(format!(
            "the period is longer than {MAX_DAYS} days: choose a shorter one, or use `bilag report`"
        ));
    }
    let by = match params.get("by") {
        None => Some(By::Day),
        Some("nothing") => None,
        Some(by) => Some(by.parse().map_err(|error: report::UnknownBy| error.to_string())?),
    };
    let target = params.get("target").unwrap_or(OMNIUM);
    if !targets(stages).contains(&target.to_owned()) {
        return Err(format!("unknown target “{target}”"));
    }
    Ok(Query { period: Period { from, to }, by, target: target.to_owned(), tenant: params.text("tenant") })
}

fn targets(stages: &[Stage]) -> Vec<String> {
    stages.iter().filter_map(|stage| Some(stage.target.as_ref()?.as_str().to_owned())).collect()
}

/// What all three handlers need.
#[derive(FromRequestParts)]
#[from_request(state(AppState))]
struct Request {
    #[from_request(via(State))]
    service: Arc<DeadLetterService>,
    #[from_request(via(State))]
    reports: Arc<Reports>,
    #[from_request(via(State))]
    clock: Clock,
    params: Params,
}

impl Request {
    fn query(&self) -> Result<Query, String> {
        query(&self.service.stages, &self.params, self.clock.now())
    }

    async fn report(&self, query: &Query) -> Result<Arc<Report>, PageError> {
        Ok(self.reports.get(self.service.store.as_ref(), query).await?)
    }

    async fn download(&self) -> Result<Arc<Report>, PageError> {
        let query = self.query().map_err(|problem| PageError::Invalid(format!("{problem}.")))?;
        self.report(&query).await
    }
}

async fn csv(_: Viewer, request: Request) -> Result<Response, PageError> {
    let report = request.download().await?;
    Ok(download(&report, "csv", "text/csv; charset=utf-8", report::csv(&report, report::CsvFormat::Rfc4180)))
}

async fn json(_: Viewer, request: Request) -> Result<Response, PageError> {
    let report = request.download().await?;
    let json = format!("{:#}\n", report::json(&report));
    Ok(download(&report, "json", "application/json", untrusted_text::json(&json).into_owned()))
}

fn download(report: &Report, ending: &str, kind: &str, text: String) -> Response {
    let Period { from, to } = report.query.period;
    let disposition = format!("attachment; filename=\"receipts-{from}-{to}.{ending}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], text).into_response()
}

async fn show(viewer: Viewer, request: Request) -> Result<Markup, PageError> {
    let (stages, params) = (&request.service.stages, &request.params);
    let content = match request.query() {
        Err(problem) => html! {
            (form(stages, params, None))
            p.notice.bad role="alert" { (problem) "." }
        },
        Ok(query) => {
            let report = request.report(&query).await?;
            html! { (form(stages, params, Some(&query))) (content(&report)) }
        }
    };
    Ok(page(&viewer, "Report", Section::Report, content))
}

fn form(stages: &[Stage], params: &Params, query: Option<&Query>) -> Markup {
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
                    @for (value, name) in [("day", "day"), ("month", "month"), ("tenant", "tenant"), ("store", "store"), ("type", "type"), ("nothing", "nothing: totals only")] {
                        option value=(value) selected[by == value] { (name) }
                    }
                }
            }
            div {
                label for="target" { "At" }
                select #target name="target" {
                    @for known in targets(stages) { option value=(known) selected[target == known] { (known) } }
                }
            }
            div { label for="tenant" { "Tenant" } input #tenant name="tenant" value=[params.get("tenant")] placeholder="any"; }
            button { "Show" }
        }
    }
}

fn content(report: &Report) -> Markup {
    let query = &report.query;
    let (from, to) = (query.period.from.to_string(), query.period.to.to_string());
    let by = query.by.map_or("nothing", By::as_str);
    let params = [
        ("from", Some(&*from)),
        ("to", Some(&*to)),
        ("by", Some(by)),
        ("target", Some(&*query.target)),
        ("tenant", query.tenant.as_deref()),
    ];
    let counts = report.counts();
    html! {
        p { "Receipts settled from " strong { (from) } " to " strong { (to) } " inclusive, and their state at " strong { (untrusted(&query.target)) } ". Days are in the stores’ time zones." }
        @if report.totals.is_empty() {
            (empty("No receipts of this period were received.", html! { p { "Choose another period, or see " a href="/receipts" { "the latest receipts" } "." } }))
        } @else {
            (adds_up(&counts, report.adds_up()))
            (table(report))
        }
        (broken(report))
        (vouchers(report))
        p.actions {
            a.button.quiet href=(address("/report.csv", &params)) download { "Download CSV" }
            a.button.quiet href=(address("/report.json", &params)) download { "Download JSON" }
        }
    }
}

fn adds_up(counts: &Figures, adds_up: bool) -> Markup {
    let Figures { received, complete, skipped, dead, on_their_way } = counts;
    html! {
        p.notice.(if !adds_up { "bad" } else if dead.count > 0 { "warn" } else { "ok" }) {
            strong { (received.count) } " received " (if adds_up { "=" } else { "IS NOT" }) " "
            (complete.count) " complete + " (skipped.count) " skipped + " (dead.count) " dead + "
            (on_their_way.count) " in progress"
            @if !adds_up { ". This is a bug: report it." }
        }
    }
}

fn table(report: &Report) -> Markup {
    let first = report.query.by.map_or("", |by| match by {
        By::Day => "Day",
        By::Month => "Month",
        By::Tenant => "Tenant",
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

const HEADINGS: [&str; 5] = ["Received", "Complete", "Skipped", "Dead", "In progress"];

fn line(row: &Row) -> Markup {
    let Figures { received, complete, skipped, dead, on_their_way } = &row.figures;
    let group = if row.group == Group::All { "total".to_owned() } else { row.group.to_string() };
    html! {
        tr {
            th scope="row" { (untrusted(&group)) }
            td data-label="Currency" { @match &row.currency { Some(currency) => (untrusted(currency)), None => span.none { "–" } } }
            @for (name, tally) in HEADINGS.into_iter().zip([received, complete, skipped, dead, on_their_way]) {
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
    if gaps.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Voucher numbers" }
        @if gaps.missing() > 0 {
            p.notice.warn {
                strong { (plural(gaps.missing(), "number is missing", "numbers are missing")) } ". A missing number may be a receipt without an event, or with an invalid one: check the till and the " a href="/letters" { "dead letters" } ". It may also belong to another till of the store, or be unused. Numbers before the first and after the last are not detected."
            }
        }
        @if !gaps.repeated.is_empty() {
            p.notice.warn {
                strong { (plural(gaps.repeated.len() as u64, "number was", "numbers were")) " used for several receipts" } ". Their invoices have the same number, and their documents the same name: check the till."
            }
            ul {
                @for again in gaps.repeated.iter().take(RANGES) {
                    li {
                        (untrusted(&format!("{}/{}", again.tenant, again.store))) ": "
                        a href=(address("/receipts", &[("q", Some(&*again.voucher))])) { (untrusted(&again.voucher)) }
                        " is used for " (again.receipts) " receipts"
                    }
                }
            }
            @if gaps.repeated.len() > RANGES { p.muted { "and " (gaps.repeated.len() - RANGES) " more, which the CSV lists" } }
        }
        table {
            thead { tr { th scope="col" { "Store" } th scope="col" { "Series" } th.number scope="col" { "Received" } th scope="col" { "Missing" } } }
            tbody { @for series in &gaps.series { (numbers(series)) } }
        }
        @for of in &gaps.unchecked {
            p.muted { (untrusted(&format!("{}/{}", of.tenant, of.store))) ": " (of.vouchers) " not checked: numbers outside any series." }
        }
    }
}

fn numbers(series: &Series) -> Markup {
    let Series { tenant, store, first, last, vouchers, missing } = series;
    html! {
        tr {
            th scope="row" data-label="Store" { (untrusted(&format!("{tenant}/{store}"))) }
            td data-label="Series" { (untrusted(first)) " to " (untrusted(last)) }
            td.number data-label="Received" { (vouchers) }
            td data-label="Missing" {
                @if missing.is_empty() { span.none { "none" } }
                @for range in missing.iter().take(RANGES) { span.range { (untrusted(&range.to_string())) } " " }
                @if missing.len() > RANGES { "and " (missing.len() - RANGES) " more ranges, which the CSV lists" }
            }
        }
    }
}
