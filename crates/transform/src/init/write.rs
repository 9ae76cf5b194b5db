//! Writes a proposal: the TOML entry and its filter, each line with its reason.

use std::fmt::Write as _;

use super::Proposal;
use super::entry::{Entry, Writer};
use super::model::{Lines, Samples};

pub(super) fn proposal(samples: &Samples, lines: &Lines, envelopes: &[&str]) -> Proposal {
    let (units, unit_evidence) = samples.units(lines);
    let writer = Writer { samples, lines, units };
    let head = writer.head();
    let totals = writer.totals();
    let items = writer.items();
    let extras: Vec<(String, Vec<Entry>)> =
        lines.extras.iter().map(|(table, amounts)| writer.extra(*table, amounts)).collect();
    let settlements = writer.settlements();
    let units = Entry::new("amounts", "", writer.money("12.5"), &unit_evidence);

    let mut filter = String::new();
    let _ = writeln!(filter, "# Amounts: {}.", units.comment());
    writer.definitions(&mut filter);
    filter.push_str("{\n  tenant: {\n");
    members_of(&mut filter, 4, [&head.tenant], true);
    filter.push_str("    country: {");
    let _ = writeln!(filter, " currency: {} }} # {}", head.currency.or_null(), head.currency.comment());
    filter.push_str("  },\n  orderReceipt: {\n");
    members_of(&mut filter, 4, &head.receipt, true);
    filter.push_str("    order: {\n");
    members_of(&mut filter, 6, &head.order, true);
    let _ = writeln!(filter, "      store: {{ uid: {} }} # {}", head.store.or_null(), head.store.comment());
    filter.push_str("    },\n    orderTotals: {\n");
    members_of(&mut filter, 6, &totals, false);
    filter.push_str("    },\n    items: ([\n");
    rows(&mut filter, &writer.table().each(), &writer.bindings(), &items, !extras.is_empty());
    for (i, (each, entries)) in extras.iter().enumerate() {
        rows(&mut filter, each, &[], entries, i + 1 < extras.len());
    }
    filter.push_str("    ] | numbered),\n    settlements: ([\n");
    for (i, (each, entries)) in settlements.iter().enumerate() {
        rows(&mut filter, each, &[], entries, i + 1 < settlements.len());
    }
    filter.push_str("    ] | numbered)\n  }\n}\n");

    let mut text = String::from(
        "# Proposed from samples, to be finished by a person. A line that says CHECK is a guess; NOT FOUND is yours to write.\n\
         [[transform]]\nname = \"proposed\" # its name in errors and logs\n\
         # key = \"shop.orders.paid\" # the routing key of these events; without it, any\n",
    );
    if !envelopes.is_empty() {
        let names: Vec<String> = envelopes.iter().map(|name| format!("\"{name}\"")).collect();
        let _ = writeln!(text, "unwrap = [{}]", names.join(", "));
    }
    let _ = write!(text, "filter = '''\n{filter}'''\n");
    let head =
        [head.tenant, head.currency].into_iter().chain(head.receipt).chain(head.order).chain([head.store]);
    let entries = [units].into_iter().chain(head).chain(totals).chain(items);
    let entries = entries.chain(extras.into_iter().chain(settlements).flat_map(|(_, entries)| entries));
    Proposal { text, findings: entries.map(Entry::finding).collect() }
}

/// Members of an object, of which more follow or not.
fn members_of<'a>(
    filter: &mut String,
    indent: usize,
    entries: impl IntoIterator<Item = &'a Entry>,
    more: bool,
) {
    let mut entries = entries.into_iter().peekable();
    while let Some(entry) = entries.next() {
        let comma = if more || entries.peek().is_some() { "," } else { "" };
        let _ =
            writeln!(filter, "{:indent$}{}: {}{comma} # {}", "", entry.key, entry.or_null(), entry.comment());
    }
}

/// An object for each row.
fn rows(filter: &mut String, each: &str, bindings: &[String], entries: &[Entry], more: bool) {
    let _ = writeln!(filter, "      ({each}");
    for binding in bindings {
        let _ = writeln!(filter, "        | {binding}");
    }
    filter.push_str("        | {\n");
    members_of(filter, 12, entries, false);
    let _ = writeln!(filter, "          }}){}", if more { "," } else { "" });
}

impl Writer<'_> {
    fn definitions(&self, filter: &mut String) {
        let rates: Vec<String> = self.samples.rates(self.lines).iter().map(i64::to_string).collect();
        let _ = writeln!(
            filter,
            "# The VAT rates of the samples, in hundredths of a percent: complete them.\n\
             def rates: [{}];\n\
             # The rate that is nearest to what the VAT is of the net amount.\n\
             def rate($net; $vat): if $net == 0 then 0 else rates | min_by(. - $vat * 10000 / $net | abs) end;\n\
             # The kind of a means of payment, by words in its name: write your own names.\n\
             def kind: ascii_downcase\n  \
               | if test(\"gift|gave|presentkort|gutschein\") then \"GIFT_CARD\" elif test(\"card|kort|karte|visa|master\") then \"CARD\"\n    \
               elif test(\"cash|kontant|bar\\\\b\") then \"CASH\" elif test(\"invoice|faktura|rechnung\") then \"INVOICE\" else \"OTHER\" end;\n\
             # Rows without a uid of their own are numbered.\n\
             def numbered: to_entries | map({{ uid: \"\\(.key + 1)\" }} + .value);\n\
             . as $event |",
            rates.join(", ")
        );
    }
}
