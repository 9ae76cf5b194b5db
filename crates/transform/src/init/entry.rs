//! A member of the event: the jq that makes it, and why.

use super::expression::Expression;
use super::members::{self, Evidence, Found, Time};
use super::model::{Lines, Samples};
use super::table::{Form, Table};
use super::units::Units;
use super::{Certainty, Finding};

/// A member of the event, its jq, and why.
pub(super) struct Entry {
    pub(super) target: &'static str,
    pub(super) key: &'static str,
    pub(super) jq: Option<String>,
    pub(super) certainty: Certainty,
    pub(super) why: String,
}

impl Entry {
    pub(super) fn new(
        target: &'static str,
        key: &'static str,
        jq: impl Into<String>,
        evidence: &Evidence,
    ) -> Self {
        let (certainty, why) = match evidence {
            Evidence::AddsUp(why) => (Certainty::AddsUp, why.clone()),
            Evidence::Form(why) => (Certainty::Form, why.clone()),
            Evidence::Name => (Certainty::Check, "by name only".to_owned()),
            Evidence::Assumed(why) => (Certainty::Check, why.clone()),
        };
        Self { target, key, jq: Some(jq.into()), certainty, why }
    }

    pub(super) fn missing(target: &'static str, key: &'static str, why: &str) -> Self {
        Self { target, key, jq: None, certainty: Certainty::Missing, why: why.to_owned() }
    }

    pub(super) fn or_null(&self) -> &str {
        self.jq.as_deref().unwrap_or("null")
    }

    pub(super) fn comment(&self) -> String {
        match self.certainty {
            Certainty::AddsUp => format!("adds up: {}", self.why),
            Certainty::Form => self.why.clone(),
            Certainty::Check => format!("CHECK: {}", self.why),
            Certainty::Missing => format!("NOT FOUND: {}", self.why),
        }
    }

    pub(super) fn finding(self) -> Finding {
        Finding { target: self.target, source: self.jq, certainty: self.certainty, why: self.why }
    }
}

/// What entries are made of.
pub(super) struct Writer<'a> {
    pub(super) samples: &'a Samples,
    pub(super) lines: &'a Lines,
    pub(super) units: Units,
}

impl Writer<'_> {
    pub(super) fn event(&self) -> &Table {
        &self.samples.event
    }

    pub(super) fn table(&self) -> &Table {
        &self.samples.tables[self.lines.table]
    }

    /// An amount as the event has it, in hundredths.
    pub(super) fn money(&self, jq: &str) -> String {
        match self.units {
            Units::Major => format!("({jq} | hundredths)"),
            Units::Minor => format!("({jq} | round)"),
        }
    }

    pub(super) fn amount(&self, table: &Table, expression: &Expression) -> String {
        match expression {
            Expression::Column(i) => self.member(table, *i),
            _ => self.money(&expression.jq(table)),
        }
    }

    /// A member that is an amount. `hundredths` reads texts, too.
    pub(super) fn member(&self, table: &Table, column: usize) -> String {
        let column = &table.columns[column];
        if self.units == Units::Major && column.form == Form::Text && column.whole && !column.is_sum() {
            format!("({} | hundredths)", column.path)
        } else {
            self.money(&column.number())
        }
    }

    /// A text, of a number too.
    pub(super) fn text(table: &Table, column: usize) -> String {
        let column = &table.columns[column];
        let texts = column.cells.iter().flatten().flatten().all(serde_json::Value::is_string);
        if texts { column.path.to_string() } else { format!("({} | tostring)", column.path) }
    }

    pub(super) fn found(target: &'static str, key: &'static str, table: &Table, found: &Found) -> Entry {
        Entry::new(target, key, Self::text(table, found.column), &found.evidence)
    }

    pub(super) fn time(target: &'static str, key: &'static str, table: &Table, found: &Found) -> Entry {
        let column = &table.columns[found.column];
        let zoned = |form: &str| format!("({} | timestamp(\"UTC\"{form}))", column.path);
        let unzoned =
            Evidence::Assumed("the time has no offset: set its zone, as in \"Europe/Oslo\"".to_owned());
        let (jq, evidence) = match members::time(column) {
            Some(Time::Local) if utc(column.path.last()) => (zoned(""), found.evidence.clone()),
            Some(Time::Local) => (zoned(""), unzoned),
            Some(Time::Points { seconds }) => {
                let form = if seconds { "; \"%d.%m.%Y %H:%M:%S\"" } else { "; \"%d.%m.%Y %H:%M\"" };
                (zoned(form), unzoned)
            }
            _ => (format!("({} | timestamp)", column.path), found.evidence.clone()),
        };
        Entry::new(target, key, jq, &evidence)
    }
}

fn utc(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with("gmt") || name.ends_with("utc")
}
