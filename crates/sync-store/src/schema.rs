//! The version of the tables, and which versions of this program may work with them.
//!
//! A migration that only adds is one that every older version can live with, and an older version opens
//! a store that a newer one has brought further. One that takes something away says in the table
//! `bilag_schema` what a version must know at least: an older one refuses the store.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::migrate::{Migration, Migrator};

use crate::StoreError;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::store::{Url, url_of};

/// How far the tables of a store are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Which store it is, as [`crate::StoreInfo::describe`] says.
    pub store: String,
    /// The newest migration that was applied; `None` where there are no tables yet.
    pub version: Option<i64>,
    /// The newest migration that this version knows.
    pub known: i64,
    /// What this version would still apply, in this order.
    pub pending: Vec<PendingMigration>,
}

/// A migration that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMigration {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// Finds how far the tables are, and changes nothing.
///
/// # Errors
/// Besides the store's, [`StoreError::TooNew`] where this version must not work with them.
pub async fn schema(url: &str) -> Result<Schema, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::schema(Path::new(file)).await,
        Url::Postgres => Postgres::schema(url).await,
    }
}

/// What is damaged in the store's file, in the database's words; empty where nothing is. Reads all of a
/// SQLite file and changes nothing. PostgreSQL checks its own pages.
///
/// # Errors
/// The store's, where it cannot be looked at.
pub async fn damage(url: &str) -> Result<Vec<String>, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::damage(Path::new(file)).await,
        Url::Postgres => Ok(Vec::new()),
    }
}

/// Brings the tables up to date, and answers what was done. Of several who do so at once, one does.
///
/// # Errors
/// [`StoreError::Behind`] where this user may not change the tables; [`StoreError::TooNew`] where a newer
/// version has changed them in a way that this one cannot work with.
pub async fn migrate(url: &str) -> Result<Vec<PendingMigration>, StoreError> {
    match url_of(url)? {
        Url::Sqlite(file) => Sqlite::migrate(Path::new(file)).await,
        Url::Postgres => Postgres::migrate(url).await,
    }
}

/// What was found in a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The migrations that were applied, each with the hash of its text.
    pub(crate) applied: BTreeMap<i64, Vec<u8>>,
    /// What a version must know at least; 0 where every one is let in.
    pub(crate) oldest_reader: i64,
}

/// Why a store cannot be worked with as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It takes a version that knows this migration.
    TooNew { needs: i64 },
    /// This migration was applied with another text.
    Changed(i64),
}

impl Found {
    /// What is still to be applied of the migrations that this version knows.
    pub(crate) fn judge<'a>(&self, migrator: &'a Migrator) -> Result<Vec<&'a Migration>, Refused> {
        if self.oldest_reader > known(migrator) {
            return Err(Refused::TooNew { needs: self.oldest_reader });
        }
        let mut pending = Vec::new();
        for migration in migrator.iter() {
            match self.applied.get(&migration.version) {
                None => pending.push(migration),
                Some(checksum) if **checksum != *migration.checksum => {
                    return Err(Refused::Changed(migration.version));
                }
                Some(_) => {}
            }
        }
        Ok(pending)
    }

    /// The same, for people.
    pub(crate) fn schema(&self, store: String, migrator: &Migrator) -> Result<Schema, StoreError> {
        let pending = self.judge(migrator).map_err(|refused| refused.error(store.clone(), migrator))?;
        Ok(Schema {
            store,
            version: self.applied.keys().next_back().copied(),
            known: known(migrator),
            pending: pending.into_iter().map(PendingMigration::of).collect(),
        })
    }
}

impl PendingMigration {
    pub(crate) fn of(migration: &Migration) -> Self {
        Self { version: migration.version, description: migration.description.to_string() }
    }
}

impl Refused {
    pub(crate) fn error(self, store: String, migrator: &Migrator) -> StoreError {
        match self {
            Self::TooNew { needs } => StoreError::TooNew { store, needs, known: known(migrator) },
            Self::Changed(version) => StoreError::Broken {
                store,
                source: format!("migration {version} was applied with another text than this version has")
                    .into(),
            },
        }
    }
}

/// The newest migration that this version knows.
fn known(migrator: &Migrator) -> i64 {
    migrator.iter().map(|migration| migration.version).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sqlx::migrate::Migrator;

    use super::{Found, Refused};

    static KNOWN: Migrator = sqlx::migrate!("migrations/sqlite");

    fn applied() -> Found {
        let applied = KNOWN.iter().map(|migration| (migration.version, migration.checksum.to_vec()));
        Found { applied: applied.collect(), oldest_reader: 0 }
    }

    #[test]
    fn works_with_a_newer_additive_schema() {
        let mut found = applied();
        found.applied.insert(9_999, vec![1]);
        assert!(found.judge(&KNOWN).is_ok_and(|pending| pending.is_empty()));
    }

    #[test]
    fn refuses_a_store_that_requires_a_newer_version() {
        let mut found = applied();
        found.applied.insert(9_999, vec![1]);
        found.oldest_reader = 9_998;
        assert_eq!(found.judge(&KNOWN).err(), Some(Refused::TooNew { needs: 9_998 }));
        found.oldest_reader = super::known(&KNOWN);
        assert!(found.judge(&KNOWN).is_ok());
    }

    #[test]
    fn lists_unapplied_migrations_in_order() {
        let mut found = applied();
        found.applied.remove(&2);
        found.applied.remove(&4);
        let pending = found.judge(&KNOWN).expect("nothing stands against it");
        assert_eq!(pending.iter().map(|migration| migration.version).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn refuses_a_changed_migration() {
        let mut found = applied();
        found.applied.insert(3, vec![1]);
        assert_eq!(found.judge(&KNOWN).err(), Some(Refused::Changed(3)));
    }
}
