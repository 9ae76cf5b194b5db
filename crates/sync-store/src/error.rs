//! What can go wrong with the store, by what the caller does about it.

use std::error::Error;

use crate::fault::Fault;

/// The source says what the database said; it goes into the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or cannot write now. The caller pauses and asks again; it is
    /// not known whether the operation took effect.
    #[error(
        "the store {store} does not answer: check that it runs, can be reached and has space on its disk"
    )]
    Unavailable {
        /// Which store.
        store: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database does not take a value: it violates a constraint, has a character that the database's
    /// encoding lacks, or is too large. Asking again does not help, and other operations are not
    /// concerned.
    #[error("the store {store} does not take a value: check its encoding, constraints and triggers")]
    Refused {
        /// Which store.
        store: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database answers, but not as this version expects: another schema, damaged data, or a
    /// fault in this program. Asking again does not help.
    #[error("the store {store} is not as this version expects: check that no newer version has changed it")]
    Broken {
        /// Which store.
        store: String,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The tables are older than this version, and this user may not change them.
    #[error(
        "the tables of the store {store} lack {missing} migration(s) of this version, and this user may not change them: run `bilag sync migrate` as the tables' owner"
    )]
    Behind {
        /// Which store.
        store: String,
        /// How many migrations are missing.
        missing: usize,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody has made the store yet, or the URL names another one than the consumers'. Only those who may
    /// make it get one.
    #[error(
        "there is no store at {store} ({problem}): set BILAG_DATABASE_URL to the store of the consumers; the first consumer creates a new one, or `bilag sync migrate` does"
    )]
    Absent {
        /// Which store.
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
        /// Which store.
        store: String,
        /// What has happened to the file.
        problem: &'static str,
    },
    /// A newer version has changed the tables in a way that this one cannot work with.
    #[error(
        "the store {store} takes a newer version: its tables need one that knows migration {needs}, and this one knows them up to {known}: upgrade this process"
    )]
    TooNew {
        /// Which store.
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
