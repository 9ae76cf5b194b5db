//! One table of the file, read key by key.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{At, Mistake};

/// The mistakes found so far, and the source they are found in.
pub(crate) struct Report<'s> {
    source: &'s str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, mistakes: RefCell::default() }
    }

    pub(crate) fn add(&self, line: usize, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { line, message: message.into() });
    }

    /// The line of a place in the source, from 1.
    pub(crate) fn line(&self, span: Range<usize>) -> usize {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// Whether no mistake has been found so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    /// All mistakes, by line.
    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort();
        mistakes
    }
}

/// One table.
pub(crate) struct Reader<'a, 's> {
    report: &'a Report<'s>,
    table: &'a DeTable<'s>,
    /// Whose it is, as in "tenant 7".
    what: String,
    pub(crate) line: usize,
}

impl<'a, 's> Reader<'a, 's> {
    /// Reports every key that is none of these.
    pub(crate) fn new(
        report: &'a Report<'s>,
        table: &'a DeTable<'s>,
        line: usize,
        what: impl Into<String>,
        keys: &[&str],
    ) -> Self {
        let what = what.into();
        for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            let message = format!("unknown key `{}`: {what} takes {}", key.get_ref(), keys.join(", "));
            report.add(report.line(key.span()), message);
        }
        Self { report, table, what, line }
    }

    pub(crate) fn text(&self, key: &str) -> Option<At<String>> {
        let (value, line) = self.value(key)?;
        match value {
            DeValue::String(text) if !text.is_empty() => Some(At { value: text.to_string(), line }),
            _ => self.refuse(key, line, "is a text in quotes, and not empty"),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let (value, line) = self.value(key)?;
        match value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.refuse(key, line, "is true or false"),
        }
    }

    pub(crate) fn number(&self, key: &str, range: std::ops::RangeInclusive<u16>) -> Option<u16> {
        let (value, line) = self.value(key)?;
        let number = match value {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|number| range.contains(number)),
            _ => None,
        };
        let wanted = || format!("is a whole number from {} to {}", range.start(), range.end());
        number.or_else(|| self.refuse(key, line, &wanted()))
    }

    /// A key's value and its line.
    pub(crate) fn value(&self, key: &str) -> Option<(&'a DeValue<'s>, usize)> {
        let value: &Spanned<_> = self.table.get(key)?;
        Some((value.get_ref(), self.report.line(value.span())))
    }

    /// Reports what a key takes, never what it has.
    pub(crate) fn refuse<T>(&self, key: &str, line: usize, wanted: &str) -> Option<T> {
        self.report.add(line, format!("`{key}` of {} {wanted}", self.what));
        None
    }

    /// Reports something about the table.
    pub(crate) fn complain(&self, problem: &str) {
        self.report.add(self.line, format!("{} {problem}", self.what));
    }
}
