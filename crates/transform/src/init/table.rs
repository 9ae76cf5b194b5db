//! Samples as tables: the members outside of arrays are one table with a row for each sample, and each array of objects
//! is another. A column is what all rows have in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value;

/// A step from an object to what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    At(usize),
    Each,
}

/// Where something is, from the event or from a row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    pub(super) fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// The names on the way, the nearest last.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter().filter_map(|step| if let Step::Key(key) = step { Some(key.as_str()) } else { None })
    }

    pub(super) fn last(&self) -> &str {
        self.names().next_back().unwrap_or_default()
    }

    pub(super) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The values there, one or, after an array, as many as it has.
    fn values<'a>(&self, from: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![from];
        for step in &self.0 {
            found = match step {
                Step::Key(key) => found.into_iter().filter_map(|value| value.get(key)).collect(),
                Step::At(index) => found.into_iter().filter_map(|value| value.get(index)).collect(),
                Step::Each => found.into_iter().filter_map(Value::as_array).flatten().collect(),
            };
        }
        found
    }
}

/// As jq has it: `.order.line_items[]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.0.first(), Some(Step::Key(_))) {
            f.write_str(".")?;
        }
        for step in &self.0 {
            match step {
                Step::Key(key) if is_identifier(key) => write!(f, ".{key}")?,
                // The filter stands between three apostrophes.
                Step::Key(key) => {
                    write!(f, ".{}", Value::from(key.as_str()).to_string().replace('\'', "\\u0027"))?;
                }
                Step::At(index) => write!(f, "[{index}]")?,
                Step::Each => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

fn is_identifier(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// How a column writes its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Number,
    Text,
    /// `"12,50"`.
    Comma,
}

/// What all rows of a table have in one place.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) path: Path,
    /// The scalars by sample and row; none where they are absent, null, false or empty. None of an array within the row.
    pub(super) cells: Vec<Vec<Option<Value>>>,
    /// The same as numbers, what is absent as zero; of an array within the row, its sum.
    pub(super) numbers: Option<Numbers>,
    pub(super) form: Form,
    /// Whether each row has it.
    pub(super) whole: bool,
}

/// Numbers by sample and row.
pub(super) type Numbers = Vec<Vec<Decimal>>;

impl Column {
    pub(super) fn is_sum(&self) -> bool {
        self.path.0.contains(&Step::Each)
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().flatten().flatten().filter_map(Value::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cells.iter().flatten().all(Option::is_none)
    }

    /// As a number in jq.
    pub(super) fn number(&self) -> String {
        let read = |path: &str| match self.form {
            Form::Number => path.to_owned(),
            Form::Text => format!("({path} | tonumber)"),
            Form::Comma => format!("({path} | tostring | sub(\",\"; \".\") | tonumber)"),
        };
        if let Some(each) = self.path.0.iter().rposition(|step| *step == Step::Each) {
            let (array, member) = self.path.0.split_at(each);
            let (array, member) = (Path(array.to_vec()), Path(member[1..].to_vec()));
            return format!("(add(({array} // [])[] | {}) // 0)", read(&member.to_string()));
        }
        let path = self.path.to_string();
        if self.whole { read(&path) } else { read(&format!("({path} // 0)")) }
    }
}

/// An array of objects, or the members outside of arrays.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) path: Path,
    pub(super) columns: Vec<Column>,
    /// The rows of each sample.
    pub(super) rows: Vec<usize>,
}

impl Table {
    pub(super) fn name(&self) -> &str {
        self.path.last()
    }

    /// The columns of numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, &Column, &Numbers)> {
        let numbers = |(i, column): (usize, _)| {
            let column: &Column = column;
            Some((i, column, column.numbers.as_ref()?))
        };
        self.columns.iter().enumerate().filter_map(numbers)
    }

    /// Its rows in jq.
    pub(super) fn each(&self) -> String {
        let Some((Step::Each, array)) = self.path.0.split_last() else { return ".".to_owned() };
        let array = Path(array.to_vec());
        if self.rows.contains(&0) { format!("({array} // [])[]") } else { format!("{array}[]") }
    }
}

/// The table of the members outside of arrays, and those of the arrays.
pub(super) fn tables(samples: &[Value]) -> (Table, Vec<Table>) {
    let mut arrays = BTreeSet::new();
    for sample in samples {
        find_arrays(sample, &Path::default(), &mut arrays);
    }
    let table = |path: Path| {
        let rows: Vec<Vec<&Value>> = samples.iter().map(|sample| path.values(sample)).collect();
        Table { columns: columns(&rows), rows: rows.iter().map(Vec::len).collect(), path }
    };
    let mut event = table(Path::default());
    event.columns.retain(|column| !column.is_sum());
    (event, arrays.into_iter().map(table).collect())
}

fn find_arrays(value: &Value, path: &Path, arrays: &mut BTreeSet<Path>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                find_arrays(value, &path.then(Step::Key(key.clone())), arrays);
            }
        }
        Value::Array(values) => {
            let each = path.then(Step::Each);
            for value in values.iter().filter(|value| value.is_object()) {
                arrays.insert(each.clone());
                find_arrays(value, &each, arrays);
            }
        }
        _ => {}
    }
}

fn columns(rows: &[Vec<&Value>]) -> Vec<Column> {
    let mut found = BTreeMap::new();
    for row in rows.iter().flatten() {
        find_columns(row, &Path::default(), &mut found);
    }
    found.into_keys().filter_map(|path| column(path, rows)).collect()
}

/// More of an array of scalars is no reference to another record.
const PAIR: usize = 2;

fn find_columns(value: &Value, path: &Path, found: &mut BTreeMap<Path, ()>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                find_columns(value, &path.then(Step::Key(key.clone())), found);
            }
        }
        Value::Array(values) if values.iter().any(Value::is_object) => {
            for value in values.iter().filter(|_| !path.0.contains(&Step::Each)) {
                find_columns(value, &path.then(Step::Each), found);
            }
        }
        Value::Array(values) if values.len() <= PAIR && !path.0.contains(&Step::Each) => {
            for (index, value) in values.iter().enumerate() {
                find_columns(value, &path.then(Step::At(index)), found);
            }
        }
        Value::Array(_) => {}
        _ => {
            found.insert(path.clone(), ());
        }
    }
}

fn column(path: Path, rows: &[Vec<&Value>]) -> Option<Column> {
    let said =
        |value: &&Value| !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("");
    let values: Vec<Vec<Vec<&Value>>> = rows
        .iter()
        .map(|rows| rows.iter().map(|row| path.values(row).into_iter().filter(said).collect()).collect())
        .collect();
    let all = || values.iter().flatten().flatten();
    let form = all().try_fold(None, |form, value| {
        let (_, this) = decimal(value)?;
        Some(match form {
            Some(before) if before != this => {
                Some(if [before, this].contains(&Form::Comma) { Form::Comma } else { Form::Text })
            }
            _ => Some(this),
        })
    });
    let number =
        |values: &Vec<&Value>| values.iter().filter_map(|value| decimal(value)).map(|(n, _)| n).sum();
    let numbers =
        form.flatten().map(|_| values.iter().map(|rows| rows.iter().map(number).collect()).collect());
    let whole = values.iter().flatten().all(|values| !values.is_empty());
    let is_sum = path.0.contains(&Step::Each);
    if is_sum && numbers.is_none() {
        return None;
    }
    let cell = |values: Vec<&Value>| if is_sum { None } else { values.first().map(|&value| value.clone()) };
    Some(Column {
        path,
        numbers,
        form: form.flatten().unwrap_or(Form::Number),
        whole,
        cells: values.into_iter().map(|rows| rows.into_iter().map(cell).collect()).collect(),
    })
}

/// A number, or a text that is one: digits with at most one point or comma.
fn decimal(value: &Value) -> Option<(Decimal, Form)> {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.parse()
                .or_else(|_| Decimal::from_scientific(&text))
                .ok()
                .map(|number| (number, Form::Number))
        }
        Value::String(text) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            let plain = digits.starts_with(|c: char| c.is_ascii_digit())
                && digits.ends_with(|c: char| c.is_ascii_digit())
                && digits.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
                && digits.matches(['.', ',']).count() <= 1;
            let form = if text.contains(',') { Form::Comma } else { Form::Text };
            plain.then(|| text.replace(',', ".").parse().ok().map(|number| (number, form))).flatten()
        }
        _ => None,
    }
}
