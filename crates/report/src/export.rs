//! A report written down, as CSV for spreadsheets and as JSON for scripts.

use rust_decimal::Decimal;
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

/// How CSV is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvFormat {
    /// By RFC 4180: commas, and decimal points.
    #[default]
    Rfc4180,
    /// As spreadsheets open it where the comma is the decimal sign: a byte order mark, semicolons, and decimal commas.
    DecimalComma,
}

/// The report as CSV: one table with one heading.
///
/// The column `line` is `row`, `total`, `gap` (missing voucher numbers), `repeated` (a voucher number that several
/// receipts have, their number under `heard`), or `not_checked` (vouchers of a store that fit no series, their number
/// under `heard`). Of rows by month, `day` has the month.
pub fn csv(report: &Report, format: CsvFormat) -> String {
    let mut table = Table { text: String::new(), format };
    if format == CsvFormat::DecimalComma {
        table.text.push('\u{feff}');
    }
    table.line(&HEADING);
    for row in &report.rows {
        table.row("row", row);
    }
    for row in &report.totals {
        table.row("total", row);
    }
    for series in &report.gaps.series {
        for missing in &series.missing {
            let mut line = [""; HEADING.len()];
            (line[0], line[2], line[3]) = ("gap", &series.tenant, &series.store);
            let count = missing.count.to_string();
            (line[16], line[17], line[18]) = (&missing.first, &missing.last, &count);
            table.line(&line);
        }
    }
    for again in &report.gaps.repeated {
        let mut line = [""; HEADING.len()];
        (line[0], line[2], line[3]) = ("repeated", &again.tenant, &again.store);
        let receipts = again.receipts.to_string();
        (line[6], line[16], line[17]) = (&receipts, &again.voucher, &again.voucher);
        table.line(&line);
    }
    for unchecked in &report.gaps.unchecked {
        let mut line = [""; HEADING.len()];
        (line[0], line[2], line[3]) = ("not_checked", &unchecked.tenant, &unchecked.store);
        let vouchers = unchecked.vouchers.to_string();
        line[6] = &vouchers;
        table.line(&line);
    }
    table.text
}

/// CSV in the making.
struct Table {
    text: String,
    format: CsvFormat,
}

impl Table {
    fn row(&mut self, kind: &str, row: &Row) {
        let (mut day, mut tenant, mut store, mut order_type) = Default::default();
        match &row.group {
            Group::Day(_) | Group::Month(_) => day = row.group.to_string(),
            Group::Tenant(is) => tenant = is.clone(),
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
            line.push(row.currency.as_ref().map_or_else(String::new, |_| self.amount(tally.sum)));
        }
        line.resize(HEADING.len(), String::new());
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        self.line(&line);
    }

    fn amount(&self, sum: Decimal) -> String {
        let amount = format!("{sum:.2}");
        match self.format {
            CsvFormat::Rfc4180 => amount,
            CsvFormat::DecimalComma => amount.replace('.', ","),
        }
    }

    fn line(&mut self, line: &[&str]) {
        let cells: Vec<String> = line.iter().map(|cell| quoted(cell, self.format)).collect();
        self.text.push_str(&cells.join(self.format.separator()));
        self.text.push_str("\r\n");
    }
}

impl CsvFormat {
    fn separator(self) -> &'static str {
        match self {
            Self::Rfc4180 => ",",
            Self::DecimalComma => ";",
        }
    }

    fn is_number(self, cell: &str) -> bool {
        match self {
            Self::Rfc4180 => cell.parse::<Decimal>().is_ok(),
            Self::DecimalComma => cell.replace(',', ".").parse::<Decimal>().is_ok(),
        }
    }
}

/// What formulas begin with.
const FORMULA_SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A cell, on one line whatever is in it. What a spreadsheet would take for a formula gets an apostrophe before
/// it, also behind what separates cells elsewhere; numbers do not.
fn quoted(cell: &str, format: CsvFormat) -> String {
    let cell = &*untrusted_text::line(cell);
    let mut defused = String::with_capacity(cell.len() + 1);
    let mut begins = !format.is_number(cell);
    for sign in cell.chars() {
        if begins && FORMULA_SIGNS.contains(&sign) {
            defused.push('\'');
        }
        defused.push(sign);
        begins = matches!(sign, ',' | ';' | '\t');
    }
    let cell = defused;
    let has_separator = cell.contains(format.separator()) || cell.contains('"');
    if has_separator { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
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
            "notChecked": report.gaps.unchecked.iter().map(|of| of.vouchers).sum::<u64>(),
            "notCheckedByStore": report.gaps.unchecked.iter().map(|of| json!({
                "tenant": of.tenant, "store": of.store, "vouchers": of.vouchers,
            })).collect::<Vec<_>>(),
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
        Group::Month(_) => value["month"] = json!(row.group.to_string()),
        Group::Tenant(tenant) => value["tenant"] = json!(tenant),
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
            ("x;=1+1", "x;'=1+1"),
        ] {
            assert_eq!(quoted(cell, CsvFormat::Rfc4180), written, "{cell:?}");
        }
    }

    #[test]
    fn decimal_commas_are_numbers_where_semicolons_separate() {
        for (cell, written) in [
            ("a,b", "a,b"),
            ("a;b", "\"a;b\""),
            ("-3499,00", "-3499,00"),
            ("-1;2", "\"'-1;2\""),
            ("x,=1", "x,'=1"),
        ] {
            assert_eq!(quoted(cell, CsvFormat::DecimalComma), written, "{cell:?}");
        }
    }
}
