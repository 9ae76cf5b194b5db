//! The texts of a template: minijinja, compiled at load, with the labels of one language.

use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::language::Language;
use crate::numbers;
use crate::render::RenderError;

/// What evaluating one text may cost: instructions, and 64 bytes of data each. The largest receipt, of
/// thousands of lines, takes a quarter of it in its table; all of it takes a fraction of a second.
const FUEL: u64 = 2_000_000;

/// The longest text that a template may come to, in bytes: twice the largest event.
const LONGEST: usize = 2 * 1024 * 1024;

/// A compiled text, by its name in the template's environments.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// The template that it is of.
    pub(crate) template: Arc<str>,
    /// Line of the file, from 1.
    pub(crate) line: usize,
}

impl Program {
    /// The text for one receipt.
    pub(crate) fn render(
        &self,
        texts: Option<&Environment<'static>>,
        variables: &Value,
    ) -> Result<String, RenderError> {
        let (template, line) = (|| self.template.to_string(), self.line);
        let failed = |source: Error| match source.kind() {
            ErrorKind::OutOfFuel => RenderError::Endless { template: template(), line },
            _ => RenderError::Text { template: template(), line, source },
        };
        let texts =
            texts.ok_or_else(|| failed(Error::new(ErrorKind::TemplateNotFound, "no such language")))?;
        let program = texts.get_template(&self.name);
        let text = program.and_then(|program| program.render(variables.clone())).map_err(failed)?;
        if text.len() > LONGEST { Err(RenderError::TooLong { template: template(), line }) } else { Ok(text) }
    }
}

/// An environment with the filters of a language, and nothing compiled in it yet.
pub(crate) fn environment(language: Language, labels: Value) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(|out, _, value| match value.as_str() {
        Some(text) => Ok(out.write_str(text)?),
        None if value.is_none() => Ok(()),
        None => Ok(write!(out, "{value}")?),
    });
    environment.add_global("labels", labels);
    type Number = Option<i64>;
    let or_empty = |text: Option<String>| text.unwrap_or_default();
    environment.add_filter("money", move |n: Number| or_empty(n.map(|n| numbers::money(n, language))));
    environment.add_filter("quantity", move |n: Number| or_empty(n.map(|n| numbers::quantity(n, language))));
    environment.add_filter("percent", move |n: Number| or_empty(n.map(|n| numbers::percent(n, language))));
    for (name, date, time) in [("date", true, false), ("time", false, true), ("datetime", true, true)] {
        environment.add_filter(name, move |text: Option<String>| moment(text, language, date, time));
    }
    environment
}

/// Date, time or both of a time in RFC 3339. Its offset is shown only where it is UTC: any other is
/// the clock of the place.
fn moment(text: Option<String>, language: Language, date: bool, time: bool) -> Result<String, Error> {
    let Some(text) = text else { return Ok(String::new()) };
    let moment = chrono::DateTime::parse_from_rfc3339(&text)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not a time"))?;
    let conventions = language.conventions();
    let mut parts = Vec::new();
    if date {
        parts.push(moment.format(conventions.date).to_string());
    }
    if time {
        parts.push(moment.format(conventions.time).to_string());
        if moment.offset().local_minus_utc() == 0 {
            parts.push("UTC".to_owned());
        }
    }
    Ok(parts.join("\u{a0}"))
}
