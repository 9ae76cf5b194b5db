//! A statement with its arguments, and the database that runs it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::Row;
use crate::{Page, StoreError};

/// What the store needs of a database.
#[async_trait]
pub(crate) trait Database: Send + Sync + 'static {
    /// Runs the statement as one transaction. What it answers is on the disk.
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement that changes nothing.
    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError>;

    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// See [`crate::SyncStore::describe`].
    fn describe(&self) -> String;
}

/// Where the two databases' SQL differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Knows no writing statement inside another; several in one text run one after the other.
    Sqlite,
    /// Knows them, and takes one round trip for each text.
    Postgres,
}

impl Dialect {
    /// The database's clock, in milliseconds since 1970: one clock for all who share leases. SQLite
    /// asks the machine's, which all of its processes share.
    pub(crate) fn now(self) -> &'static str {
        match self {
            Self::Sqlite => "cast(unixepoch('subsec') * 1000 as integer)",
            Self::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        }
    }

    /// A query of the texts in an argument that [`Statement::texts`] gave.
    pub(crate) fn texts(self, argument: usize) -> String {
        match self {
            Self::Sqlite => format!("select value from json_each(${argument})"),
            Self::Postgres => format!("select jsonb_array_elements_text(cast(${argument} as text)::jsonb)"),
        }
    }
}

/// SQL and its arguments `$1`, `$2` …
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) args: Vec<Value>,
}

/// An argument.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Vec<u8>),
}

impl Statement {
    pub(crate) fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), args: Vec::new() }
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.optional_text(Some(text))
    }

    /// PostgreSQL keeps no NUL in a text. Both databases get the same in its place.
    pub(crate) fn optional_text(self, text: Option<&str>) -> Self {
        self.with(Value::Text(text.map(|text| text.replace('\0', "\u{fffd}"))))
    }

    /// Any number of texts in one argument, as JSON, so that the statement stays the same.
    pub(crate) fn texts(self, texts: &[String]) -> Self {
        let quoted: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
        self.text(&format!("[{}]", quoted.join(",")))
    }

    pub(crate) fn int(self, int: impl Into<i64>) -> Self {
        self.with(Value::Int(Some(int.into())))
    }

    pub(crate) fn time(self, time: Option<DateTime<Utc>>) -> Self {
        self.with(Value::Int(time.map(|time| time.timestamp_millis())))
    }

    /// In milliseconds; a part of one counts as a whole one.
    pub(crate) fn duration(self, duration: Duration) -> Self {
        self.int(i64::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(i64::MAX / 4))
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        self.with(Value::Bytes(bytes.to_vec()))
    }

    /// One condition more, where there is something to match; `$` stands for it. What does not
    /// matter stays out of the text, so that the database can choose its index.
    pub(crate) fn matching(mut self, condition: &str, text: Option<&str>) -> Self {
        let Some(text) = text else { return self };
        let argument = format!("${}", self.args.len() + 1);
        self.sql = format!("{} and ({})", self.sql, condition.replace('$', &argument));
        self.text(text)
    }

    /// A part of the rows, in this order.
    pub(crate) fn page(mut self, order: &str, page: Page) -> Self {
        let next = self.args.len() + 1;
        self.sql = format!("{} order by {order} limit ${next} offset ${}", self.sql, next + 1);
        self.int(page.limit).int(page.offset)
    }

    fn with(mut self, value: Value) -> Self {
        self.args.push(value);
        self
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            // PostgreSQL keeps no NUL.
            '\0' => json.push('\u{fffd}'),
            c if c.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
