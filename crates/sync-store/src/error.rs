//! What can go wrong with the store, by what the caller does about it; and which of a database's errors means what.

use std::error::Error;
use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// The source says what the database said; it goes into the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write now. The caller pauses and tries again; it is
    /// unknown whether the operation took effect.
    #[error(
        "the store {store} does not answer: check that it runs, can be reached and has space on its disk"
    )]
    Unavailable {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// The database's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database rejects a value: it violates a constraint, has a character that the database's
    /// encoding lacks, or is too large. Trying again does not help; other operations are not affected.
    #[error("the store {store} rejected a value: check its encoding, constraints and triggers")]
    Refused {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// The database's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database answers, but not as this version expects: another schema, damaged data, or a
    /// fault in this program. Trying again does not help.
    #[error("the store {store} is not as this version expects: check that no newer version has changed it")]
    Broken {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// The database's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tables are older than this version, and this user may not change them.
    #[error(
        "the tables of the store {store} lack {missing} migration(s) of this version, and this user may not change them: run `bilag sync migrate` as the tables' owner"
    )]
    Behind {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// Number of pending migrations.
        missing: usize,
        /// The database's error.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no store yet, or the URL names another one than the consumers'. Reported to those who must not create
    /// one.
    #[error(
        "there is no store at {store} ({problem}): set BILAG_DATABASE_URL to the store of the consumers; the first consumer creates a new one, or `bilag sync migrate` does"
    )]
    Absent {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// What is missing.
        problem: &'static str,
    },
    /// The path of the SQLite file no longer leads to the file that this process has opened. What was
    /// written last may have gone into a file that nobody will read. The caller pauses.
    #[error(
        "the store {store} {problem} while this process was using it: stop all consumers, put the right file in its place (docs/operations.md), and start them again"
    )]
    Replaced {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// What has happened to the file.
        problem: &'static str,
    },
    /// A newer version has changed the tables in a way that this one cannot work with.
    #[error(
        "the store {store} requires a newer version: its tables need migration {needs}, and this version knows migrations up to {known}: upgrade this process"
    )]
    TooNew {
        /// See [`StoreInfo::describe`](crate::StoreInfo::describe).
        store: String,
        /// The newest migration that a version must know at least.
        needs: i64,
        /// The newest migration that this version knows.
        known: i64,
    },
    /// The URL names no store.
    #[error(
        "the database URL names no store ({problem}): use sqlite://FILE or postgres://USER@HOST/DATABASE"
    )]
    BadUrl {
        /// What is wrong with it, without its contents: it may hold a password.
        problem: &'static str,
    },
}

impl StoreError {
    /// What a fault of the database means to the caller.
    pub(crate) fn of(store: String, fault: Fault) -> Self {
        let (unavailable, refused) = (fault.is_unavailable(), fault.is_refused());
        let source = Box::new(fault);
        match (unavailable, refused) {
            (true, _) => Self::Unavailable { store, source },
            (_, true) => Self::Refused { store, source },
            _ => Self::Broken { store, source },
        }
    }
}

/// An error of the database, shared by all operations of a group.
#[derive(Clone, Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Fault(Arc<sqlx::Error>);

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl Fault {
    /// Whether the database cannot be reached or cannot write now: a transient state that affects every receipt.
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
    fn recognizes_refused_values() {
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
    fn recognizes_transient_errors() {
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
