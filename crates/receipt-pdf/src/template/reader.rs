//! Reading a TOML table key by key, remembering which keys there can be.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;

/// The mistakes found so far, and the source they are found in.
pub(super) struct Report<'s> {
    source: &'s str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'s> Report<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, mistakes: RefCell::default() }
    }

    pub(super) fn add(&self, line: usize, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { line, message: message.into() });
    }

    /// The line of a place in the source, from 1.
    pub(super) fn line(&self, span: Range<usize>) -> usize {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }
}

/// One table of the template. Every key that is asked for is a key it can have.
pub(super) struct Reader<'a, 's> {
    pub(super) report: &'a Report<'s>,
    table: &'a DeTable<'s>,
    /// What the table describes, as in "a text block".
    what: String,
    pub(super) line: usize,
    known: RefCell<Vec<&'static str>>,
}

/// A value and the line it stands on.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

impl<'a, 's> Reader<'a, 's> {
    pub(super) fn new(report: &'a Report<'s>, table: &'a DeTable<'s>, line: usize, what: &str) -> Self {
        Self { report, table, what: what.to_owned(), line, known: RefCell::default() }
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        known.dedup();
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let message =
                format!("unknown key `{}`: {} takes {}", key.get_ref(), self.what, known.join(", "));
            self.report.add(self.report.line(key.span()), message);
        }
    }

    pub(super) fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'s>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(super) fn text(&self, key: &'static str) -> Option<At<&'a str>> {
        let value = self.value(key)?;
        let line = self.report.line(value.span());
        match value.get_ref() {
            DeValue::String(text) => Some(At { value: text.as_ref(), line }),
            _ => self.refuse(key, line, "a text in quotes"),
        }
    }

    pub(super) fn required_text(&self, key: &'static str) -> Option<At<&'a str>> {
        let text = self.text(key);
        if self.table.get(key).is_none() {
            self.report.add(self.line, format!("{} needs the key `{key}`, a text in quotes", self.what));
        }
        text
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.refuse(key, self.report.line(value.span()), "true or false"),
        }
    }

    pub(super) fn number(&self, key: &'static str, range: Range<f32>) -> Option<f32> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        let wanted = || format!("a number from {} to {}", range.start, range.end);
        number.or_else(|| self.refuse(key, self.report.line(value.span()), &wanted()))
    }

    /// The tables of an array, with what each describes.
    pub(super) fn tables(&self, key: &'static str, what: &str) -> Vec<Reader<'a, 's>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let line = self.report.line(value.span());
        let DeValue::Array(array) = value.get_ref() else {
            self.refuse::<()>(key, line, "a list of tables");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in array {
            let line = self.report.line(value.span());
            match value.get_ref() {
                DeValue::Table(table) => tables.push(Reader::new(self.report, table, line, what)),
                _ => drop(self.refuse::<()>(key, line, "a list of tables")),
            }
        }
        tables
    }

    pub(super) fn table(&self, key: &'static str, what: &str) -> Option<Reader<'a, 's>> {
        let value = self.value(key)?;
        let line = self.report.line(value.span());
        match value.get_ref() {
            DeValue::Table(table) => Some(Reader::new(self.report, table, line, what)),
            _ => self.refuse(key, line, "a table"),
        }
    }

    /// All keys of the table with the lines they stand on, for tables whose keys are free.
    pub(super) fn entries(&self) -> impl Iterator<Item = (At<&'a str>, &'a Spanned<DeValue<'s>>)> {
        self.table.iter().map(|(key, value)| {
            (At { value: key.get_ref().as_ref(), line: self.report.line(key.span()) }, value)
        })
    }

    /// Calls the table something more precise.
    pub(super) fn rename(&mut self, what: String) {
        self.what = what;
    }

    /// Reports a value that is not what the key takes.
    pub(super) fn refuse<T>(&self, key: &str, line: usize, wanted: &str) -> Option<T> {
        self.report.add(line, format!("`{key}` of {} is {wanted}", self.what));
        None
    }
}
