//! A store over any SQL database: statements that both SQLite and PostgreSQL understand, and rows that are read by
//! the names of their columns.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};
use thiserror::Error;

use crate::{
    Death, Key, LeaseHolder, PackageKey, PackageState, Page, Place, State, Step, StoreError, StoreInfo,
    SyncStore,
};

/// A store over one database.
pub(crate) struct SqlStore<D>(pub(crate) D);

impl<D: Database> SqlStore<D> {
    pub(crate) fn dialect(&self) -> Dialect {
        self.0.dialect()
    }

    /// Runs a query, and reads all of its rows.
    pub(crate) async fn list<T>(&self, query: Statement, read: ReadRow<T>) -> Result<Vec<T>, StoreError> {
        let rows = self.0.read(query).await?;
        self.decoded(rows.iter().map(read).collect())
    }

    /// Runs a query, and reads its first row.
    pub(crate) async fn find<T>(&self, query: Statement, read: ReadRow<T>) -> Result<Option<T>, StoreError> {
        let rows = self.0.read(query).await?;
        self.decoded(rows.first().map(read).transpose())
    }

    /// Runs a query that has a row in any case, and reads it.
    pub(crate) async fn find_one<T>(&self, query: Statement, read: ReadRow<T>) -> Result<T, StoreError> {
        Ok(self.find(query, read).await?.expect("a query without a table has a row"))
    }

    /// Runs a writing statement.
    pub(crate) async fn write(&self, statement: Statement) -> Result<(), StoreError> {
        self.0.write(statement).await.map(drop)
    }

    /// Runs a writing statement, and reads the first row that it returns.
    pub(crate) async fn write_one<T>(
        &self,
        statement: Statement,
        read: ReadRow<T>,
    ) -> Result<Option<T>, StoreError> {
        let rows = self.0.write(statement).await?;
        self.decoded(rows.first().map(read).transpose())
    }

    /// Runs a statement that returns each row it has written, and counts them.
    pub(crate) async fn count_written(&self, statement: Statement) -> Result<u64, StoreError> {
        Ok(self.0.write(statement).await?.len() as u64)
    }

    pub(crate) async fn step(&self, statement: Statement) -> Result<Step, StoreError> {
        Ok(if self.count_written(statement).await? > 0 { Step::Taken } else { Step::Lost })
    }

    fn decoded<T>(&self, read: Result<T, DecodeError>) -> Result<T, StoreError> {
        read.map_err(|error| StoreError::Broken { store: self.0.describe(), source: Box::new(error) })
    }
}

impl<D: Database> SyncStore for SqlStore<D> {}

#[async_trait]
impl<D: Database> StoreInfo for SqlStore<D> {
    async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let now = self.dialect().now();
        self.find_one(Statement::new(format!("select {now} as now")), |row| row.get("now")).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.read(Statement::new("select 'here'")).await.map(drop)
    }

    fn describe(&self) -> String {
        self.0.describe()
    }
}

/// What the store needs of a database.
#[async_trait]
pub(crate) trait Database: Send + Sync + 'static {
    /// Runs the statement as one transaction. What it answers is on the disk.
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement that changes nothing.
    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError>;

    /// Which SQL it speaks.
    fn dialect(&self) -> Dialect;

    /// See [`crate::StoreInfo::describe`].
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
        // PostgreSQL keeps no NUL, not even escaped.
        let texts: Vec<_> = texts.iter().map(|text| text.replace('\0', "\u{fffd}")).collect();
        self.text(&serde_json::to_string(&texts).expect("texts are JSON"))
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

    pub(crate) fn ordered(mut self, order: &str) -> Self {
        self.sql = format!("{} order by {order}", self.sql);
        self
    }

    fn with(mut self, value: Value) -> Self {
        self.args.push(value);
        self
    }
}

/// A `like` pattern for texts that contain this one, with a backslash as its escape.
pub(crate) fn containing(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// A row that a database answered.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Reads what a row says.
pub(crate) type ReadRow<T> = fn(&Row) -> Result<T, DecodeError>;

/// A column does not hold what this version writes into it. Names no value.
#[derive(Clone, Copy, Debug, Error)]
#[error("the column {column} holds no {expected}")]
pub(crate) struct DecodeError {
    pub(crate) column: &'static str,
    pub(crate) expected: &'static str,
}

impl Row {
    /// The value of a column. Null is an error: sqlx would make an empty text or zero of SQLite's.
    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T, DecodeError> {
        self.optional(column)?.ok_or(DecodeError { column, expected: T::EXPECTED })
    }

    /// The value of a column that may be null.
    pub(crate) fn optional<T: Column>(&self, column: &'static str) -> Result<Option<T>, DecodeError> {
        let error = DecodeError { column, expected: T::EXPECTED };
        let stored: Option<T::Stored> = self.stored(column).ok_or(error)?;
        stored.map(|stored| T::decode(stored).ok_or(error)).transpose()
    }

    fn stored<T: Stored>(&self, column: &str) -> Option<Option<T>> {
        match self {
            Self::Sqlite(row) => row.try_get(column).ok(),
            Self::Postgres(row) => row.try_get(column).ok(),
        }
    }

    pub(crate) fn key(&self) -> Result<Key, DecodeError> {
        Ok(Key { tenant_uid: self.get("tenant_uid")?, receipt_uid: self.get("receipt_uid")? })
    }

    pub(crate) fn optional_key(&self) -> Result<Option<Key>, DecodeError> {
        let (tenant_uid, receipt_uid) = (self.optional("tenant_uid")?, self.optional("receipt_uid")?);
        Ok(tenant_uid.zip(receipt_uid).map(|(tenant_uid, receipt_uid)| Key { tenant_uid, receipt_uid }))
    }

    pub(crate) fn optional_package(&self) -> Result<Option<PackageKey>, DecodeError> {
        let (oms, id) = (self.optional("oms")?, self.optional::<PackageId>("package_id")?);
        Ok(oms.zip(id).map(|(oms, PackageId(package_id))| PackageKey { oms, package_id }))
    }

    pub(crate) fn package(&self) -> Result<PackageKey, DecodeError> {
        let PackageId(package_id) = self.get("package_id")?;
        Ok(PackageKey { oms: self.get("oms")?, package_id })
    }

    pub(crate) fn optional_lease(&self) -> Result<Option<LeaseHolder>, DecodeError> {
        let (owner, until) = (self.optional("lease_owner")?, self.optional("lease_until")?);
        Ok(owner.zip(until).map(|(owner, until)| LeaseHolder { owner, until }))
    }

    pub(crate) fn optional_death(&self) -> Result<Option<Death>, DecodeError> {
        let (stage, reason) = (self.optional("dead_stage")?, self.optional("dead_reason")?);
        let death = stage.zip(reason).zip(self.optional("dead_error")?);
        Ok(death.map(|((stage, reason), error)| Death { stage, reason, error }))
    }
}

/// What both databases decode.
pub(crate) trait Stored:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Stored for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

/// What a column holds: text, an integer, or bytes, and what is made of it.
pub(crate) trait Column: Sized {
    /// As the databases have it.
    type Stored: Stored;
    const EXPECTED: &'static str;
    fn decode(stored: Self::Stored) -> Option<Self>;
}

/// A package's id, which the tables have as text.
struct PackageId(u64);

macro_rules! columns {
    ($($type:ty, $stored:ty, $expected:literal, $decode:expr;)*) => {
        $(impl Column for $type {
            type Stored = $stored;
            const EXPECTED: &'static str = $expected;
            fn decode(stored: $stored) -> Option<Self> {
                let decode: fn($stored) -> Option<Self> = $decode;
                decode(stored)
            }
        })*
    };
}

columns! {
    String, String, "text", Some;
    Vec<u8>, Vec<u8>, "bytes", Some;
    i64, i64, "integer", Some;
    u32, i64, "count", |int| int.try_into().ok();
    u64, i64, "count", |int| int.try_into().ok();
    bool, i64, "flag", |int| Some(int != 0);
    // Milliseconds since 1970.
    DateTime<Utc>, i64, "time", DateTime::from_timestamp_millis;
    // Milliseconds. A clock that was set back makes none negative.
    Duration, i64, "duration", |millis| Some(Duration::from_millis(millis.max(0).unsigned_abs()));
    NaiveDate, String, "day", |text| text.parse().ok();
    State, String, "state", |text| text.parse().ok();
    PackageState, String, "state of a package", |text| text.parse().ok();
    Place, String, "place", |text| text.parse().ok();
    PackageId, String, "package id", |text| text.parse().ok().map(PackageId);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::IfMissing;

    #[tokio::test]
    async fn columns_are_read_by_name_and_errors_name_the_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bilag.db");
        let sqlite = crate::sqlite::Sqlite::open(&path, IfMissing::Create).await.expect("opened");
        let sql = "select 'text' as second, 7 as first, null as third, 'nowhere' as place";
        let rows = sqlite.read(Statement::new(sql)).await.expect("read");
        let row = rows.first().expect("a row");
        assert_eq!(row.get::<u32>("first").ok(), Some(7));
        assert_eq!(row.get::<String>("second").ok().as_deref(), Some("text"));
        assert_eq!(row.optional::<String>("third").ok(), Some(None));
        let message = |error: DecodeError| error.to_string();
        let wrong_type = row.get::<u32>("second").map_err(message);
        assert_eq!(wrong_type, Err("the column second holds no count".to_owned()));
        assert_eq!(
            row.get::<String>("third").map_err(message),
            Err("the column third holds no text".to_owned())
        );
        assert_eq!(
            row.get::<Place>("place").map_err(message),
            Err("the column place holds no place".to_owned())
        );
        assert!(row.get::<i64>("missing").is_err());
    }
}
