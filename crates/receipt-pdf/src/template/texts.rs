//! The texts of a template: minijinja, compiled at load, with the labels of one language.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::machinery::{Token, tokenize};
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use crate::error::RenderError;
use crate::language::Language;
use crate::numbers;
use events::check_digit::{self, KID_LONGEST, KidRule};

/// What evaluating one text may cost: instructions, and 64 bytes of data each. The largest receipt, of
/// thousands of lines, takes a quarter of it in its table; all of it takes a fraction of a second.
const FUEL: u64 = 2_000_000;

/// The longest text that a template may come to, in bytes: twice the largest event.
const LONGEST: usize = 2 * 1024 * 1024;

/// Every filter that a text may use: ours, then Jinja's.
#[rustfmt::skip]
pub(crate) const FILTERS: [&str; 56] = [
    "money", "quantity", "percent", "date", "time", "datetime", "plus_days", "kid",
    "abs", "attr", "batch", "bool", "capitalize", "chain", "count", "d", "default", "dictsort", "e", "escape",
    "first", "float", "format", "groupby", "indent", "int", "items", "join", "last", "length", "lines", "list",
    "lower", "map", "max", "min", "pprint", "reject", "rejectattr", "replace", "reverse", "round", "safe",
    "select", "selectattr", "slice", "sort", "split", "string", "sum", "title", "trim", "unique", "upper",
    "urlencode", "zip",
];

/// Every function that a text may call.
pub(crate) const FUNCTIONS: [&str; 3] = ["dict", "namespace", "range"];

/// The function that lays evaluated labels over the others. No text can spell its name.
const LABELS_WITH: &str = "labels_with";

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
    environment.add_filter("money", move |state: &State<'_, '_>, n: Number| {
        let currency = state.lookup("receipt").and_then(|receipt| receipt.get_attr("currency").ok());
        let currency = currency.as_ref().and_then(Value::as_str).unwrap_or_default();
        or_empty(n.map(|n| numbers::money(n, currency, language)))
    });
    environment.add_filter("quantity", move |n: Number| or_empty(n.map(|n| numbers::quantity(n, language))));
    environment.add_filter("percent", move |n: Number| or_empty(n.map(|n| numbers::percent(n, language))));
    environment.add_filter("plus_days", plus_days);
    environment.add_filter("kid", kid);
    environment.add_function(LABELS_WITH, labels_with);
    for (name, date, time) in [("date", true, false), ("time", false, true), ("datetime", true, true)] {
        environment.add_filter(name, move |text: Option<String>| moment(text, language, date, time));
    }
    environment
}

/// Whether a text of the template's own labels has anything to evaluate.
pub(super) fn is_program(label: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| label.contains(start))
}

/// What comes before a text for the labels that it uses and that are texts themselves: each is evaluated, and
/// stands in its place among the labels.
pub(super) fn prelude<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let (mut set, mut with) = (String::new(), String::new());
    for (i, (key, source)) in labels.enumerate() {
        set.push_str(&format!("{{% set label_{i} %}}{source}{{% endset %}}"));
        with.push_str(&format!(", {key}=label_{i}"));
    }
    if set.is_empty() { set } else { format!("{set}{{% set labels = {LABELS_WITH}(labels{with}) %}}") }
}

fn labels_with(labels: Value, evaluated: Kwargs) -> Result<Value, Error> {
    let mut all = BTreeMap::new();
    for key in labels.try_iter()? {
        all.insert(key.clone(), labels.get_item(&key)?);
    }
    for key in evaluated.args() {
        all.insert(Value::from(key), evaluated.get(key)?);
    }
    Ok(Value::from_pairs(all))
}

/// A filter or function that there is not.
pub(super) struct UnknownName<'a> {
    pub(super) name: &'a str,
    /// Its line within the text, from 0.
    pub(super) line: usize,
    pub(super) message: String,
}

/// The filters and functions of a text that there are not: the engine looks for them only where it comes to them.
pub(super) fn unknown_names(text: &str) -> Vec<UnknownName<'_>> {
    const KEYWORDS: [&str; 12] =
        ["and", "elif", "else", "filter", "for", "if", "in", "is", "not", "or", "set", "with"];
    let tokens: Vec<_> = tokenize(text, false, Default::default()).map_while(Result::ok).collect();
    let mut unknown = Vec::new();
    for (i, (token, span)) in tokens.iter().enumerate() {
        let Token::Ident(name) = token else { continue };
        let before = i.checked_sub(1).map(|i| &tokens[i].0);
        let is_called = matches!(tokens.get(i + 1), Some((Token::ParenOpen, _)));
        let (kind, known): (_, &[&str]) = match before {
            Some(Token::Pipe | Token::Ident("filter")) => ("filter", &FILTERS),
            Some(Token::Dot | Token::Ident("is" | "not")) => continue,
            _ if is_called && !KEYWORDS.contains(name) => ("function", &FUNCTIONS),
            _ => continue,
        };
        if !known.contains(name) {
            let line = usize::from(span.start_line).saturating_sub(1);
            let message = format!("unknown {kind} `{name}`: there are {}", known.join(", "));
            unknown.push(UnknownName { name, line, message });
        }
    }
    unknown
}

/// A time some days later, or earlier, at the same time of the day.
fn plus_days(text: Option<String>, days: i64) -> Result<String, Error> {
    let Some(text) = text else { return Ok(String::new()) };
    let beyond = || Error::new(ErrorKind::InvalidOperation, "so many days lead beyond the calendar");
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        let moved = chrono::TimeDelta::try_days(days).and_then(|days| day.checked_add_signed(days));
        return moved.map(|day| day.to_string()).ok_or_else(beyond);
    }
    let time = time(&text)?;
    let moved = chrono::TimeDelta::try_days(days).and_then(|days| time.checked_add_signed(days));
    moved.map(|moved| moved.to_rfc3339()).ok_or_else(beyond)
}

/// A payment reference: see [`check_digit::kid`]. Empty where there is none.
fn kid(value: Option<String>, rule: &str, length: Option<usize>) -> Result<String, Error> {
    let wrong = |problem| Error::new(ErrorKind::InvalidOperation, problem);
    let rule = KidRule::from_name(rule).ok_or_else(|| wrong("kid takes \"mod10\" or \"mod11\""))?;
    if length.is_some_and(|length| !(2..=KID_LONGEST).contains(&length)) {
        return Err(wrong("a KID has 2 to 25 digits"));
    }
    Ok(check_digit::kid(rule, &value.unwrap_or_default(), length).unwrap_or_default())
}

fn time(text: &str) -> Result<chrono::DateTime<chrono::FixedOffset>, Error> {
    chrono::DateTime::parse_from_rfc3339(text).map_err(|_| {
        Error::new(ErrorKind::InvalidOperation, "not a time: use receipt.createdAt or receipt.settledAt")
    })
}

/// Date, time or both of a time in RFC 3339. Its offset is shown only where it is UTC: any other is
/// the clock of the place.
fn moment(
    text: Option<String>,
    language: Language,
    with_date: bool,
    with_time: bool,
) -> Result<String, Error> {
    let Some(text) = text else { return Ok(String::new()) };
    let conventions = language.conventions();
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return Ok(if with_date { day.format(conventions.date).to_string() } else { String::new() });
    }
    let moment = time(&text)?;
    let mut parts = Vec::new();
    if with_date {
        parts.push(moment.format(conventions.date).to_string());
    }
    if with_time {
        parts.push(moment.format(conventions.time).to_string());
        if moment.offset().local_minus_utc() == 0 {
            parts.push("UTC".to_owned());
        }
    }
    Ok(parts.join("\u{a0}"))
}
