//! Running one statement on a PostgreSQL connection.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, PgConnection, Row as _, TypeInfo, ValueRef};

use crate::sql::{Cell, Row, Statement, Value};

/// Runs the statement, which is prepared once for each connection, in one round trip.
pub(super) async fn execute(
    connection: &mut PgConnection,
    statement: &Statement,
) -> Result<Vec<Row>, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for arg in &statement.args {
        match arg {
            Value::Text(text) => arguments.add(text),
            Value::Int(int) => arguments.add(int),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    // The texts are this crate's own; values travel as arguments only.
    let sql = AssertSqlSafe(statement.sql.clone());
    let rows = sqlx::query_with(sql, arguments).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<Row, sqlx::Error> {
    (0..row.len())
        .map(|i| {
            let value = row.try_get_raw(i)?;
            if value.is_null() {
                return Ok(Cell::Null);
            }
            match value.type_info().name() {
                "INT8" => row.try_get(i).map(Cell::Int),
                "TEXT" => row.try_get(i).map(Cell::Text),
                _ => row.try_get(i).map(Cell::Bytes),
            }
        })
        .collect::<Result<_, _>>()
        .map(Row)
}
