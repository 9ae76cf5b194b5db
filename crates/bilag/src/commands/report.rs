//! `bilag report`: what was received, what became of it, and which voucher numbers are missing.

use report::{CsvFormat, Figures, Group, Query, Repeated, Report, Row, Series, Tally, Unchecked};
use sync_store::Period;

use crate::chain::stages;
use crate::cli::{ReportArgs, ReportFormat};
use crate::output::{self, Column, Failed, say, say_bytes, table, tell};

/// Ranges of missing numbers printed for a series; a till that was set back has thousands.
const MAX_RANGES: usize = 20;

/// Reports on a period.
pub async fn run(args: ReportArgs) -> Result<(), Failed> {
    let query = query(&args)?;
    let csv = match args.locale {
        None => CsvFormat::Rfc4180,
        Some(_) if args.format == ReportFormat::Csv => CsvFormat::DecimalComma,
        Some(_) => return Err(Failed::used_wrongly("--locale", "for --format csv only")),
    };
    let store = args.store.open().await?;
    let zones = args.tenants.zones();
    let filled = report::fill(store.as_ref(), &zones, |count| {
        if count.is_multiple_of(10_000) {
            tell(format_args!("{count} receipts of an earlier version prepared for reports"));
        }
    });
    filled.await.map_err(Failed::plainly)?;
    if args.against.is_some() {
        return super::report_flow::run(&args, store.as_ref()).await;
    }
    let report = report::report(store.as_ref(), &query).await.map_err(Failed::plainly)?;
    match args.format {
        _ if args.json => output::json(&report::json(&report)),
        ReportFormat::Json => output::json(&report::json(&report)),
        ReportFormat::Csv => say_bytes(report::csv(&report, csv).as_bytes()),
        ReportFormat::Table => print(&report),
    }
    if !args.strict || report.is_settled() {
        return Ok(());
    }
    let counts = report.counts();
    let repeated = match report.gaps.repeated.len() {
        0 => String::new(),
        count => format!(", {count} duplicated"),
    };
    Err(Failed::plainly(format!(
        "not complete: {} dead, {} in progress, {} voucher number(s) missing{repeated}",
        counts.dead.count,
        counts.on_their_way.count,
        report.gaps.missing()
    )))
}

fn query(args: &ReportArgs) -> Result<Query, Failed> {
    let ReportArgs { from, to, by, target, tenant, .. } = args;
    if from > to {
        return Err(Failed::used_wrongly("--from", format!("{from} is after --to {to}")));
    }
    let targets: Vec<_> = stages().iter().filter_map(|stage| stage.target.clone()).collect();
    if !targets.iter().any(|known| known.as_str() == target) {
        let known: Vec<_> = targets.iter().map(|target| target.as_str()).collect();
        return Err(Failed::used_wrongly("--target", format!("unknown target: use {}", known.join(", "))));
    }
    let period = Period { from: *from, to: *to };
    Ok(Query { period, by: *by, target: target.clone(), tenant: tenant.clone() })
}

fn print(report: &Report) {
    let Query { period, target, tenant, .. } = &report.query;
    let whose = tenant.as_ref().map_or_else(String::new, |tenant| format!(", tenant {tenant}"));
    say(format_args!(
        "receipts settled from {} to {}, by outcome at {target}{whose}",
        period.from, period.to
    ));
    say("");
    if report.totals.is_empty() {
        say("none received");
    } else {
        figures(report);
        adds_up(&report.counts(), report.adds_up());
    }
    broken(report);
    vouchers(report);
}

fn figures(report: &Report) {
    let first = report.query.by.map_or("", report::By::as_str);
    let mut columns = vec![Column::Left(first), Column::Left("currency")];
    for heading in ["received", "complete", "skipped", "dead", "in progress"] {
        columns.extend([Column::Right(heading), Column::Right("amount")]);
    }
    let rows: Vec<_> = report.rows.iter().chain(&report.totals).map(cells).collect();
    output::test_header();
    table(&columns, &rows);
}

fn cells(row: &Row) -> Vec<String> {
    let group = if row.group == Group::All { "total".to_owned() } else { row.group.to_string() };
    let mut cells = vec![group, row.currency.clone().unwrap_or_else(|| "–".to_owned())];
    let Figures { received, complete, skipped, dead, on_their_way } = &row.figures;
    for Tally { count, sum } in [received, complete, skipped, dead, on_their_way] {
        cells.push(count.to_string());
        cells.push(row.currency.as_ref().map_or_else(|| "–".to_owned(), |_| format!("{sum:.2}")));
    }
    cells
}

fn adds_up(counts: &Figures, adds_up: bool) {
    let Figures { received, complete, skipped, dead, on_their_way } = counts;
    let parts = format!(
        "{} received {} {} complete + {} skipped + {} dead + {} in progress",
        received.count,
        if adds_up { "=" } else { "IS NOT" },
        complete.count,
        skipped.count,
        dead.count,
        on_their_way.count
    );
    say(format_args!("\n{parts}"));
}

fn broken(report: &Report) {
    for (count, what) in report.beside() {
        say(format_args!("{count} {what}"));
    }
}

fn vouchers(report: &Report) {
    let gaps = &report.gaps;
    if gaps.is_empty() {
        return;
    }
    say("\nvoucher numbers");
    gaps.series.iter().for_each(numbers);
    for Repeated { tenant, store, voucher, receipts } in gaps.repeated.iter().take(MAX_RANGES) {
        say(format_args!(
            "  {tenant}/{store}: {voucher} is the number of {receipts} receipts: `bilag sync list --search {voucher}` lists them"
        ));
    }
    if gaps.repeated.len() > MAX_RANGES {
        say(format_args!(
            "  and {} more numbers of several receipts, which --format csv lists",
            gaps.repeated.len() - MAX_RANGES
        ));
    }
    for Unchecked { tenant, store, vouchers } in &gaps.unchecked {
        say(format_args!("  {tenant}/{store}: {vouchers} not checked: numbers outside any series"));
    }
    if gaps.missing() > 0 {
        say("");
        for line in [
            "A missing number may be a receipt without an event, or with only invalid events: check the till and",
            "`bilag dead list`. It may be harmless: a number of another till of the store, or one never assigned.",
            "Numbers before the first and after the last are not checked.",
        ] {
            say(line);
        }
    }
}

fn numbers(series: &Series) {
    let Series { tenant, store, first, last, vouchers, missing } = series;
    let range = format!("{tenant}/{store}: {first} to {last}, {vouchers} received");
    if missing.is_empty() {
        return say(format_args!("  {range}, none missing"));
    }
    let mut ranges: Vec<_> = missing.iter().take(MAX_RANGES).map(ToString::to_string).collect();
    if missing.len() > MAX_RANGES {
        ranges.push(format!("and {} more ranges, which --format csv lists", missing.len() - MAX_RANGES));
    }
    say(format_args!("  {range}: {}", ranges.join(", ")));
}
