//! A report as CSV (RFC 4180): one table with one heading, for spreadsheets and scripts.

use crate::{Figures, Group, Report, Row};

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

/// The report. The column `line` says what a line is: `row`, `total`, `gap` (voucher numbers that are
/// missing), `repeated` (a voucher number that several receipts have, how many under `heard`), `not_checked` (how many vouchers fit no series, under `heard`).
pub fn csv(report: &Report) -> String {
    let mut text = String::new();
    write(&mut text, &HEADING);
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
            write(&mut text, &line);
        }
    }
    for again in &report.gaps.repeated {
        let mut line = [""; HEADING.len()];
        (line[0], line[2], line[3]) = ("repeated", &again.tenant, &again.store);
        let receipts = again.receipts.to_string();
        (line[6], line[16], line[17]) = (&receipts, &again.voucher, &again.voucher);
        write(&mut text, &line);
    }
    let unchecked = report.gaps.unchecked.to_string();
    let mut line = [""; HEADING.len()];
    (line[0], line[6]) = ("not_checked", &unchecked);
    write(&mut text, &line);
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
    let Figures { heard, complete, skipped, dead, on_their_way } = &row.figures;
    for tally in [heard, complete, skipped, dead, on_their_way] {
        line.push(tally.count.to_string());
        // Without a currency there is no amount.
        line.push(row.currency.as_ref().map_or_else(String::new, |_| format!("{:.2}", tally.sum)));
    }
    line.resize(HEADING.len(), String::new());
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    write(text, &line);
}

fn write(text: &mut String, line: &[&str]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
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
