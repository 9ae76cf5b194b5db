//! A TOML document read key by key, with the line of every mistake and never a value from the document.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Parses a document and gives its root table to `read`.
///
/// # Errors
/// All mistakes, by line. After a syntax error `read` is not called: the rest may have been parsed wrongly.
pub fn read_toml<'s, T>(
    source: &'s str,
    read: impl for<'a> FnOnce(&'a Report<'s>, &'a DeTable<'s>) -> T,
) -> Result<T, Vec<Mistake>> {
    let report = Report { source, mistakes: RefCell::default() };
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        let line = report.line(error.span().unwrap_or_default());
        report.add(line, format!("not TOML: {}", error.message()));
    }
    let value = errors.is_empty().then(|| read(&report, document.get_ref()));
    let mut mistakes = report.mistakes.into_inner();
    mistakes.sort();
    mistakes.dedup();
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => Err(mistakes),
    }
}

/// One table. The keys that are read are the keys it may have.
pub struct TomlReader<'a, 's> {
    report: &'a Report<'s>,
    table: &'a DeTable<'s>,
    /// What the table describes, as in "tenant 7".
    what: String,
    line: usize,
    known: RefCell<Vec<&'static str>>,
}

/// A value and its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: usize,
}

impl<T: ToOwned + ?Sized> At<&T> {
    /// The same, borrowed from nobody.
    pub fn owned(self) -> At<T::Owned> {
        At { value: self.value.to_owned(), line: self.line }
    }
}

/// One mistake in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// From 1.
    pub line: usize,
    /// What is wrong, and what is allowed there.
    pub message: String,
}

/// The mistakes found so far, and the source they are found in.
pub struct Report<'s> {
    source: &'s str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Report<'_> {
    /// Adds a mistake.
    pub fn add(&self, line: usize, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { line, message: message.into() });
    }

    /// The line of a span, from 1.
    pub fn line(&self, span: Range<usize>) -> usize {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    /// Whether there is no mistake so far.
    pub fn is_clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }
}

impl<'a, 's> TomlReader<'a, 's> {
    /// Reads a table that begins on this line and that mistakes call `what`.
    pub fn new(report: &'a Report<'s>, table: &'a DeTable<'s>, line: usize, what: impl Into<String>) -> Self {
        Self { report, table, what: what.into(), line, known: RefCell::default() }
    }

    /// Reports the keys that were not read.
    pub fn finish(self) {
        let mut known = self.known.into_inner();
        known.sort_unstable();
        known.dedup();
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let message =
                format!("unknown key `{}`: {} takes {}", key.get_ref(), self.what, known.join(", "));
            self.report.add(self.report.line(key.span()), message);
        }
    }

    /// The value of a key, whatever its type.
    pub fn value(&self, key: &'static str) -> Option<At<&'a DeValue<'s>>> {
        self.known.borrow_mut().push(key);
        let value: &Spanned<_> = self.table.get(key)?;
        Some(At { value: value.get_ref(), line: self.report.line(value.span()) })
    }

    /// A string.
    pub fn text(&self, key: &'static str) -> Option<At<&'a str>> {
        let At { value, line } = self.value(key)?;
        match value {
            DeValue::String(text) => Some(At { value: text.as_ref(), line }),
            _ => self.refuse(key, line, "a text in quotes"),
        }
    }

    /// A string that must be there.
    pub fn required_text(&self, key: &'static str) -> Option<At<&'a str>> {
        let text = self.text(key);
        if self.table.get(key).is_none() {
            self.complain(&format!("needs the key `{key}`, a text in quotes"));
        }
        text
    }

    /// A boolean.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let At { value, line } = self.value(key)?;
        match value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.refuse(key, line, "true or false"),
        }
    }

    /// A number within the range.
    pub fn number(&self, key: &'static str, range: RangeInclusive<f32>) -> Option<f32> {
        let At { value, line } = self.value(key)?;
        let number = match value {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let wanted = || format!("a number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).or_else(|| self.refuse(key, line, &wanted()))
    }

    /// A whole number within the range.
    pub fn integer(&self, key: &'static str, range: RangeInclusive<u16>) -> Option<u16> {
        let At { value, line } = self.value(key)?;
        let number = match value {
            DeValue::Integer(number) => number.as_str().parse().ok().filter(|number| range.contains(number)),
            _ => None,
        };
        let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
        number.or_else(|| self.refuse(key, line, &wanted()))
    }

    /// The tables of an array, each of which mistakes call `what`.
    pub fn tables(&self, key: &'static str, what: &str) -> Vec<Self> {
        let Some(At { value, line }) = self.value(key) else { return Vec::new() };
        let DeValue::Array(array) = value else {
            self.refuse::<()>(key, line, "a list of tables");
            return Vec::new();
        };
        let read = |value: &'a Spanned<DeValue<'s>>| {
            let line = self.report.line(value.span());
            match value.get_ref() {
                DeValue::Table(table) => Some(Self::new(self.report, table, line, what)),
                _ => self.refuse(key, line, "a list of tables"),
            }
        };
        array.iter().filter_map(read).collect()
    }

    /// A table, which mistakes call `what`.
    pub fn table(&self, key: &'static str, what: &str) -> Option<Self> {
        let At { value, line } = self.value(key)?;
        match value {
            DeValue::Table(table) => Some(Self::new(self.report, table, line, what)),
            _ => self.refuse(key, line, "a table"),
        }
    }

    /// Every key with its line and its value, for tables whose keys are free.
    pub fn entries(&self) -> impl Iterator<Item = (At<&'a str>, &'a DeValue<'s>)> {
        self.table.iter().map(|(key, value)| {
            (At { value: key.get_ref().as_ref(), line: self.report.line(key.span()) }, value.get_ref())
        })
    }

    /// Where mistakes go.
    pub fn report(&self) -> &'a Report<'s> {
        self.report
    }

    /// The line the table begins on.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The line of a key's value, or that of the table where it has no such key.
    pub fn line_of(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.line, |value| self.report.line(value.span()))
    }

    /// Has mistakes call the table something more precise.
    pub fn rename(&mut self, what: String) {
        self.what = what;
    }

    /// Reports what a key takes.
    pub fn refuse<T>(&self, key: &str, line: usize, wanted: &str) -> Option<T> {
        self.report.add(line, format!("`{key}` of {} is {wanted}", self.what));
        None
    }

    /// Reports something about the table.
    pub fn complain(&self, problem: &str) {
        self.report.add(self.line, format!("{} {problem}", self.what));
    }
}
