//! A report as JSON. Sums are texts with two decimals, so that no reader makes floats of them.

use serde_json::{Value, json};

use crate::{Group, Report, Row, Tally};

/// The report.
pub fn json(report: &Report) -> Value {
    let query = &report.query;
    let broken = &report.broken;
    json!({
        "from": query.period.from,
        "to": query.period.to,
        "by": query.by.map(crate::By::as_str),
        "target": query.target,
        "tenant": query.tenant,
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "totals": report.totals.iter().map(row).collect::<Vec<_>>(),
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

fn row(row: &Row) -> Value {
    let tally = |tally: &Tally| {
        // Without a currency there is no amount.
        let sum = row.currency.as_ref().map(|_| format!("{:.2}", tally.sum));
        json!({ "count": tally.count, "sum": sum })
    };
    let mut value = json!({
        "currency": row.currency,
        "heard": tally(&row.figures.heard),
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
