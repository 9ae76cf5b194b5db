//! What a database said, and whether it passes.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};
use thiserror::Error;

/// An error of the database, shared by all operations that met it together.
#[derive(Clone, Debug, Error)]
#[error(transparent)]
pub(crate) struct Fault(Arc<sqlx::Error>);

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Fault {
    /// Whether the database cannot be reached or cannot write now: a state that passes, by itself
    /// or because somebody sees to it, and that is the same for every receipt.
    pub(crate) fn is_unavailable(&self) -> bool {
        is_unavailable(&self.0)
    }

    /// Whether the database does not take a value of this operation.
    pub(crate) fn is_refused(&self) -> bool {
        let code = self.0.as_database_error().and_then(|error| error.code());
        matches!(*self.0, sqlx::Error::Encode(_)) || code.is_some_and(|code| refuses(&code))
    }
}

/// See [`Fault::is_unavailable`].
pub(crate) fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(error) => {
            ends_the_session(&**error) || error.code().is_some_and(|code| passes(&code))
        }
        sqlx::Error::Migrate(error) => match &**error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => is_unavailable(error),
            _ => false,
        },
        _ => false,
    }
}

/// Whether another process holds the SQLite file.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_BUSY)
}

/// Whether pages of the SQLite file contradict each other.
pub(crate) fn is_corrupt(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_CORRUPT)
}

/// Whether PostgreSQL no longer knows a statement as it was prepared on this connection.
pub(crate) fn lost_its_statements(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // No such statement; one of this name already; the columns of its tables have changed.
    matches!(code.as_deref(), Some("26000" | "42P05" | "0A000"))
}

/// Whether PostgreSQL did not let this user do it.
pub(crate) fn is_forbidden(error: &sqlx::Error) -> bool {
    code_of(error).as_deref() == Some("42501")
}

/// Whether PostgreSQL did not grant a lock, in time or at all: it was wanted crosswise.
pub(crate) fn is_locked_out(error: &sqlx::Error) -> bool {
    matches!(code_of(error).as_deref(), Some("55P03" | "40P01"))
}

/// The database's code, of a migration's statement as well.
fn code_of(error: &sqlx::Error) -> Option<String> {
    let error = match error {
        sqlx::Error::Migrate(error) => match &**error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
            _ => return None,
        },
        error => error,
    };
    Some(error.as_database_error()?.code()?.into_owned())
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_CORRUPT: i32 = 11;

/// SQLite's primary code: the low byte of the extended one.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether PostgreSQL closes or does not open the session, whatever the reason it gives: no value is to blame.
fn ends_the_session(error: &dyn DatabaseError) -> bool {
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// SQLite's codes are short numbers, PostgreSQL's have five characters.
fn passes(code: &str) -> bool {
    if code.len() == 5 { postgres_passes(code) } else { sqlite_passes(code) }
}

/// <https://www.sqlite.org/rescode.html>
fn sqlite_passes(code: &str) -> bool {
    let Ok(code) = code.parse::<i32>() else { return false };
    matches!(
        code & 0xff,
        SQLITE_BUSY
            | 6  // locked by another connection
            | 7  // no memory
            | 8  // the file cannot be written
            | 9  // interrupted
            | 10 // the disk has an error
            | 13 // the disk is full
            | 14 // the file cannot be opened
            | 15 // the locks of the file changed too often
    )
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres_passes(code: &str) -> bool {
    const CLASSES: [&str; 7] = [
        "08", // connection
        "25", // the session is in the wrong state, a server that only reads among them
        "28", // not let in
        "40", // rolled back for the sake of another
        "53", // out of disk, memory or connections
        "57", // stopped by the operator
        "58", // an error of the system below
    ];
    // No such database, a lock not granted in time.
    CLASSES.contains(&&code[..2]) || matches!(code, "3D000" | "55P03")
}

/// Whether it is the value that the database does not take.
fn refuses(code: &str) -> bool {
    match code.len() {
        // A column without a value is one that Bilag does not know of.
        5 if code == "23502" => false,
        // Data, integrity constraints, limits of the program: an index takes no long keys. A view's check
        // option; `raise exception`, of a trigger.
        5 => matches!(&code[..2], "22" | "23" | "54") || matches!(code, "44000" | "P0001"),
        // Too large, a constraint or trigger, a type.
        _ => code.parse::<i32>().is_ok_and(|code| matches!(code & 0xff, 18..=20)),
    }
}

#[cfg(test)]
mod tests {
    use super::{passes, refuses};

    #[test]
    fn what_the_value_is_refused_for_is_told_from_the_rest() {
        let table = [
            ("18", true, "too large"),
            ("275", true, "a check"),
            ("1811", true, "a trigger"),
            ("20", true, "another type"),
            ("1", false, "no such table"),
            ("13", false, "disk full"),
            ("22003", true, "a number out of range"),
            ("22021", true, "NUL"),
            ("22P05", true, "a character that the encoding lacks"),
            ("23514", true, "a check"),
            ("23502", false, "a column that somebody added"),
            ("44000", true, "a view's check option"),
            ("P0001", true, "a trigger"),
            ("54000", true, "too large for an index"),
            ("42703", false, "no such column"),
            ("53100", false, "disk full"),
            ("XX001", false, "damaged"),
        ];
        for (code, expected, what) in table {
            assert_eq!(refuses(code), expected, "{code}: {what}");
        }
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let table = [
            ("5", true, "busy"),
            ("261", true, "busy: recovering after a crash"),
            ("13", true, "disk full"),
            ("1032", true, "the file has become one that cannot be written"),
            ("4874", true, "the disk has an error"),
            ("1", false, "no such table"),
            ("11", false, "damaged"),
            ("26", false, "no database"),
            ("787", false, "a constraint"),
            ("08006", true, "connection lost"),
            ("25006", true, "a server that only reads"),
            ("28P01", true, "wrong password"),
            ("3D000", true, "no such database"),
            ("40P01", true, "deadlock"),
            ("53100", true, "disk full"),
            ("53300", true, "too many connections"),
            ("57014", true, "statement timeout"),
            ("57P01", true, "stopped by the operator"),
            ("57P03", true, "starting up"),
            ("58030", true, "the disk has an error"),
            ("23505", false, "a constraint"),
            ("42P01", false, "no such table"),
            ("42703", false, "no such column"),
            ("XX001", false, "damaged"),
        ];
        for (code, expected, what) in table {
            assert_eq!(passes(code), expected, "{code}: {what}");
        }
    }
}
