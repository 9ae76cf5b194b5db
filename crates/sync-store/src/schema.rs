//! The version of the tables, and which versions of this program may work with them.
//!
//! A migration that only adds is one that every older version can live with, and an older version opens
//! a store that a newer one has brought further. One that takes something away says in the table
//! `bilag_schema` what a version must know at least: an older one refuses the store.

use std::collections::BTreeMap;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::StoreError;

/// The migrations of one kind of database: its files below `migrations/`.
macro_rules! embedded {
    ($kind:literal) => {
        embedded!($kind:
            "0001_sync_records"
            "0002_packages"
            "0003_audit"
            "0004_stages"
            "0005_causes"
            "0006_receipt_facts"
            "0007_sessions"
            "0008_permits"
            "0009_lanes"
            "0010_life"
            "0011_receipt_with_body"
            "0012_package_round_with_body"
            "0013_dead_letter_with_body"
            "0014_notifications"
        )
    };
    ($kind:literal: $($name:literal)*) => {
        std::sync::LazyLock::new(|| $crate::schema::of_files(&[
            $(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $kind, "/", $name, ".sql")))),*
        ]))
    };
}
pub(crate) use embedded;

/// Migrations by the names of their files (`0001_what_it_is_about`), each with its text.
pub(crate) fn of_files(files: &[(&str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|(name, sql)| {
        let (version, about) = name.split_once('_').expect("a number, and what it is about");
        let version = version.parse().expect("a number");
        Migration::new(
            version,
            about.replace('_', " ").into(),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            sql.starts_with("-- no-transaction"),
        )
    });
    Migrator::with_migrations(migrations.collect())
}

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
    use std::path::Path;
    use std::sync::LazyLock;

    use sqlx::migrate::Migrator;

    use super::{Found, Refused};

    static KNOWN: LazyLock<Migrator> = embedded!("sqlite");

    /// A file that is not in the list would be a migration that nobody applies.
    #[tokio::test]
    async fn every_file_is_a_migration_as_sqlx_reads_it() {
        for (kind, known) in [("sqlite", &*KNOWN), ("postgres", &*embedded!("postgres"))] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(kind);
            let read = Migrator::new(folder).await.expect("the folder");
            let facts = |migrator: &Migrator| -> Vec<_> {
                let facts = migrator.iter().map(|one| {
                    let kind = one.migration_type;
                    (one.version, one.description.clone(), kind, one.checksum.clone(), one.no_tx)
                });
                facts.collect()
            };
            assert_eq!(facts(known), facts(&read), "migrations/{kind}");
        }
    }

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
