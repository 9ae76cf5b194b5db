//! A report written down, as CSV for spreadsheets and as JSON for scripts.

use serde_json::{Value, json};

use crate::{By, Figures, Group, Report, Row, Tally};

/// The columns. What does not apply to a line is empty.
const HEADING: [&str; 19] = [
    "line",
    "day",
    "tenant",
    "store",
    "type",
    "currency",
    "heard",
    "heard_sum",
    "complete",
    "complete_sum",
    "skipped",
    "skipped_sum",
    "dead",
    "dead_sum",
    "on_their_way",
    "on_their_way_sum",
    "first_voucher",
    "last_voucher",
    "missing",
];

/// The report as CSV (RFC 4180): one table with one heading.
///
/// The column `line` is `row`, `total`, `gap` (missing voucher numbers), `repeated` (a voucher number that several
/// receipts have, their number under `heard`), or `not_checked` (vouchers that fit no series, their number under
/// `heard`).
pub fn csv(report: &Report) -> String {
    let mut text = String::new();
    write_line(&mut text, &HEADING);
    for row in &report.rows {
        write_row(&mut text, "row", row);
    }
    for row in &report.totals {
        write_row(&mut text, "total", row);
    }
    for series in &report.gaps.series {
        for missing in &series.missing {
            let mut line = [""; HEADING.len()];
            (line[0], line[2], line[3]) = ("gap", &series.tenant, &series.store);
            let count = missing.count.to_string();
            (line[16], line[17], line[18]) = (&missing.first, &missing.last, &count);
            write_line(&mut text, &line);
        }
    }
    for again in &report.gaps.repeated {
        let mut line = [""; HEADING.len()];
        (line[0], line[2], line[3]) = ("repeated", &again.tenant, &again.store);
        let receipts = again.receipts.to_string();
        (line[6], line[16], line[17]) = (&receipts, &again.voucher, &again.voucher);
        write_line(&mut text, &line);
    }
    let unchecked = report.gaps.unchecked.to_string();
    let mut line = [""; HEADING.len()];
    (line[0], line[6]) = ("not_checked", &unchecked);
    write_line(&mut text, &line);
    text
}

fn write_row(text: &mut String, kind: &str, row: &Row) {
    let (mut day, mut tenant, mut store, mut order_type) = Default::default();
    match &row.group {
        Group::Day(is) => day = is.to_string(),
        Group::Store { tenant: of, store: is } => (tenant, store) = (of.clone(), is.clone()),
        Group::Type(is) => order_type = is.clone(),
        Group::All | Group::Unknown => {}
    }
    let currency = row.currency.clone().unwrap_or_default();
    let mut line: Vec<String> = vec![kind.to_owned(), day, tenant, store, order_type, currency];
    let Figures { received, complete, skipped, dead, on_their_way } = &row.figures;
    for tally in [received, complete, skipped, dead, on_their_way] {
        line.push(tally.count.to_string());
        // Without a currency there is no amount.
        line.push(row.currency.as_ref().map_or_else(String::new, |_| format!("{:.2}", tally.sum)));
    }
    line.resize(HEADING.len(), String::new());
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    write_line(text, &line);
}

fn write_line(text: &mut String, line: &[&str]) {
    let cells: Vec<String> = line.iter().map(|cell| quoted(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// A cell, on one line whatever is in it. What a spreadsheet would take for a formula gets an apostrophe before
/// it; numbers do not.
fn quoted(cell: &str) -> String {
    let cell = &*untrusted_text::line(cell);
    let is_number = cell.parse::<rust_decimal::Decimal>().is_ok();
    let is_formula = cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) && !is_number;
    let cell = if is_formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// The report as JSON. Sums are strings with two decimals, so that no reader makes floats of them.
pub fn json(report: &Report) -> Value {
    let query = &report.query;
    let broken = &report.broken;
    json!({
        "from": query.period.from,
        "to": query.period.to,
        "by": query.by.map(By::as_str),
        "target": query.target,
        "tenant": query.tenant,
        "rows": report.rows.iter().map(json_row).collect::<Vec<_>>(),
        "totals": report.totals.iter().map(json_row).collect::<Vec<_>>(),
        "addsUp": report.adds_up(),
        "broken": {
            "onlyBroken": broken.only_broken,
            "unreadable": broken.unreadable,
            "discarded": broken.discarded,
            "disputed": broken.disputed,
        },
        "vouchers": {
            "series": report.gaps.series.iter().map(|series| json!({
                "tenant": series.tenant,
                "store": series.store,
                "first": series.first,
                "last": series.last,
                "heard": series.vouchers,
                "missing": series.missing.iter().map(|missing| json!({
                    "first": missing.first, "last": missing.last, "count": missing.count,
                })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "missing": report.gaps.missing(),
            "notChecked": report.gaps.unchecked,
            "repeated": report.gaps.repeated.iter().map(|again| json!({
                "tenant": again.tenant, "store": again.store, "voucher": again.voucher,
                "receipts": again.receipts,
            })).collect::<Vec<_>>(),
        },
    })
}

fn json_row(row: &Row) -> Value {
    let tally = |tally: &Tally| {
        // Without a currency there is no amount.
        let sum = row.currency.as_ref().map(|_| format!("{:.2}", tally.sum));
        json!({ "count": tally.count, "sum": sum })
    };
    let mut value = json!({
        "currency": row.currency,
        "heard": tally(&row.figures.received),
        "complete": tally(&row.figures.complete),
        "skipped": tally(&row.figures.skipped),
        "dead": tally(&row.figures.dead),
        "onTheirWay": tally(&row.figures.on_their_way),
    });
    match &row.group {
        Group::All => {}
        Group::Day(day) => value["day"] = json!(day),
        Group::Store { tenant, store } => (value["tenant"], value["store"]) = (json!(tenant), json!(store)),
        Group::Type(kind) => value["type"] = json!(kind),
        Group::Unknown => value["notKnown"] = json!(true),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_defuses_cells() {
        for (cell, written) in [
            ("", ""),
            ("store 7", "store 7"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            // A cell is a line: scripts that read line by line are not led astray.
            ("a\nb\u{1b}[31m\u{202e}", "a\\nb\\u{1b}[31m\\u{202e}"),
            ("-3499.00", "-3499.00"),
            ("=1+1", "'=1+1"),
            ("-x,\"", "\"'-x,\"\"\""),
        ] {
            assert_eq!(quoted(cell), written, "{cell:?}");
        }
    }
}
