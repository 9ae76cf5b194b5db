//! Running one text of SQL on a SQLite connection.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row as _, SqliteConnection, TypeInfo, ValueRef};

use crate::sql::{Cell, Row, Value};

/// Runs the statements of the text one after the other and answers all of their rows. They share
/// their arguments by number.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    sql: String,
    args: &[Value],
) -> Result<Vec<Row>, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for arg in args {
        match arg {
            Value::Text(text) => arguments.add(text.clone()),
            Value::Int(int) => arguments.add(int),
            Value::Bytes(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    // The texts are this crate's own; values travel as arguments only.
    let rows = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    (0..row.len())
        .map(|i| {
            let value = row.try_get_raw(i)?;
            if value.is_null() {
                return Ok(Cell::Null);
            }
            match value.type_info().name() {
                "INTEGER" => row.try_get(i).map(Cell::Int),
                "TEXT" => row.try_get(i).map(Cell::Text),
                _ => row.try_get(i).map(Cell::Bytes),
            }
        })
        .collect::<Result<_, _>>()
        .map(Row)
}
